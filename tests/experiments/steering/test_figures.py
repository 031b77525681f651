"""Figures of steering show what their captions say."""

import pytest
from report.drawing import assert_shows

# What the captions say: a mark, and the field on each channel. What tells groups apart has a shape of its own beside its colour, for
# those who don't see the colours.
SHOWN = {
    4: {"point": {"x": "r", "y": "change", "shape": "valence"}, "rule": {"x": "r", "y": "low", "y2": "high"}},
    6: {"point": {"x": "baseline", "y": "after", "fill": "category", "shape": "half"}, "line": {"x": "x", "y": "y"}},
    8: {"point": {"x": "baseline", "y": "after", "fill": "category", "shape": "half"}, "line": {"x": "x", "y": "y"}},
}


@pytest.mark.parametrize("number", SHOWN)
def test_a_figure_shows_what_its_caption_says(number):
    assert_shows(number, SHOWN[number])
