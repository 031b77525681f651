"""Figures of the scenarios show what their captions say."""

import pytest
from report.drawing import assert_shows

# What the captions say: a mark, and the field on each channel. What tells groups apart has a shape of its own beside its colour, for
# those who don't see the colours.
SHOWN = {
    1: {"rect": {"x": "column", "y": "probe", "color": "cosine"}},
}


@pytest.mark.parametrize("number", SHOWN)
def test_a_figure_shows_what_its_caption_says(number):
    assert_shows(number, SHOWN[number])
