"""Figures of the correlations show what their captions say."""

import pytest
from report.drawing import assert_shows

# What the captions say: a mark, and the field on each channel. What tells groups apart has a shape of its own beside its colour, for
# those who don't see the colours.
SHOWN = {
    3: {"bar": {"x": "emotion", "y": "r", "color": "valence"}, "rect": {"y": "low", "y2": "high"}},
    5: {"point": {"x": "probe", "y": "score", "color": "category", "shape": "category"}, "line": {"x": "x", "y": "y"}},
    7: {"point": {"x": "probe", "y": "score", "color": "category", "shape": "category"}, "line": {"x": "x", "y": "y"}},
}


@pytest.mark.parametrize("number", SHOWN)
def test_a_figure_shows_what_its_caption_says(number):
    assert_shows(number, SHOWN[number])
