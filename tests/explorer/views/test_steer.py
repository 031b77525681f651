"""The steer tab: lengths, the warning zones, the random control and escaped answers."""

import numpy as np
import pytest

from emotion_vectors.explorer.views import steer as view
from explorer.test_markup import Seen


def test_the_total_is_the_sum_and_its_length_that_of_the_sum():
    total = view.total(np.eye(3)[:2], [0.3, -0.4])
    assert total == pytest.approx([0.3, -0.4, 0]) and np.linalg.norm(total) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("length", "zone"),
    [
        (0.5, "ev-fine"),
        (0.5000001, "ev-fine"),
        (0.51, "ev-strong"),
        (1.0, "ev-strong"),
        (1.01, "ev-far"),
        (9, "ev-far"),
    ],
)
def test_the_warning_zones(length, zone):
    html = view.meter(["calm"], [length], length)
    assert zone in html and sum(name in html for name in ("ev-fine", "ev-strong", "ev-far")) == 1
    assert ("width:100.0%" in html) == (length == 9)


def test_nothing_added_says_what_to_do():
    assert "Choose an emotion" in view.meter([], [], 0)


def test_emotions_that_cancel_each_other_out_add_nothing():
    """Within rounding, as two numbers of float32 leave it; no zone is named for it."""
    html = view.meter(["calm", "calm"], [0.3, -0.3], 3e-9)
    assert "Nothing is added: 0.30 × calm − 0.30 × calm cancel each other out." in Seen(html).text
    assert "ev-meter" not in html and "range" not in html
    assert "−0.10 × calm + 0.20 × sad:" in Seen(view.meter(["calm", "sad"], [-0.1, 0.2], 0.2)).text


def test_three_answers_side_by_side_are_text():
    html = view.answers([view.Answer("<b>x</b>", "done"), view.Answer("${x}", "writing"), view.Answer()])
    seen = Seen(html)
    cards = [attributes for tag, attributes in seen.tags if tag == "article"]
    assert [card["data-arm"] for card in cards] == ["unsteered", "steered", "random direction"]
    assert [card["data-state"] for card in cards] == ["done", "writing", "waiting"]
    assert "<b>x</b>" in seen.text and "${" not in html and "b" not in [tag for tag, _ in seen.tags]


def test_the_zone_of_the_finder_goes_before_the_usual_ones():
    inside, beyond = (view.meter(["calm"], [0.4], 0.4, view.Zone(found, 0.7)) for found in (0.4, 0.3))
    assert "ev-fine" in inside and "the range in which answers stay whole" in inside and "up to 0.40" in inside
    assert "ev-strong" in beyond and "above the strengths at which answers stay whole" in beyond
    assert "with a random direction of the same length up to 0.70" in Seen(beyond).text
    nothing = view.meter(["calm"], [0.4], 0.4, view.Zone(0.0, 0.0))
    assert "at none of the strengths tried" in nothing and "ev-strong" in nothing


def test_earlier_turns_are_text():
    html = view.answers([view.Answer("x", "done", [{"role": "user", "content": "<b>y</b>"}])] * 3)
    assert "<b>y</b>" in Seen(html).text
