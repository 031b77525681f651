"""Figures of the numeric curves show what their captions say."""

import pytest
from report.drawing import assert_shows

# What the captions say: a mark, and the field on each channel. What tells groups apart has a shape of its own beside its colour, for
# those who don't see the colours.
SHOWN = {
    2: {"line": {"x": "x", "y": "cosine"}, "point": {"x": "x", "y": "cosine", "color": "emotion", "shape": "emotion"}},
}


@pytest.mark.parametrize("number", SHOWN)
def test_a_figure_shows_what_its_caption_says(number):
    assert_shows(number, SHOWN[number])
