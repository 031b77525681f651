"""A result can be kept as JSON and says what to do."""

import torch
from tiny import tiny

from doctor.instruments import FEW
from emotion_vectors.doctor import examine
from emotion_vectors.doctor.check import Finding, make_check
from emotion_vectors.stimuli import load_pack

PACK = load_pack()


def test_results_can_be_kept_as_json_and_say_what_to_do():
    check = make_check("x", "X", "stop", Finding(float("nan"), 1.0, False, "It is wrong; mend it."))
    assert check.record() == {
        "title": "X", "measured": "not a finite number", "limit": 1.0, "passed": False, "kind": "stop",
        "detail": "It is wrong; mend it.",
    }  # fmt: skip
    for one in examine(tiny(), FEW):
        assert isinstance(one.measured, float | int | str) and isinstance(one.passed, bool) and one.detail.endswith(".")
        assert not isinstance(one.measured, torch.Tensor)
