"""Each contradiction is refused on its own; a record that is right passes whatever its seed."""

from __future__ import annotations

from typing import Any

import pytest

from emotion_vectors.errors import UserError
from report.contradictions import Change, assert_refused, criterion, put

from .asking import ContradictoryRecord, check
from .record import build

Record = dict[str, Any]

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "a criterion is missing": (lambda record: record["criteria"].pop("V7"), "V1 to V11"),
    "a twelfth criterion": (lambda record: record["criteria"].update(V12=record["criteria"]["V1"]), "V1 to V11"),
    "a criterion under another's name": (criterion("V2", id="V3"), "calls itself V3"),
    "a verdict that is none": (criterion("V1", verdict="passed"), "'passed'"),
    "a verdict by Hong that is none": (criterion("V1", seed_verdict="PASS"), "'PASS'"),
    "more than all": (criterion("V3", value=13), "outside 0 to 12"),
    "a negative count": (criterion("V3", value=-1), "outside 0 to 12"),
    "half an emotion": (criterion("V1", value=20.5), "not a whole number"),
    "interval upside down": (criterion("V7", interval=[600, 500]), "from 600 to 500"),
    "interval beyond the whole": (criterion("V3", interval=[3, 14]), "outside 0 to 12"),
    "p of 1.2": (criterion("V3", null={"what": "x", "value": 1, "p": 1.2}), "null.p"),
    "null above the whole": (criterion("V3", null={"what": "x", "value": 13, "p": 0.01}), "null of V3"),
    "judged without a value": (criterion("V8", value=None), "no value"),
    "Hong's verdict against the threshold": (
        criterion("V1", seed_verdict="fail"),
        "its verdict by Hong (2026) is fail",
    ),
    "pass although chance is not excluded": (
        criterion("V9", null={"what": "x", "value": 3, "p": 0.4}),
        "chance is not excluded",
    ),
    "pass outside its interval": (criterion("V7", interval=[10, 20]), "outside its interval"),
    "pass without interval and null": (criterion("V9", interval=None, null=None), "without an interval"),
    "pass across a stated bar": (criterion("V9", verdict="pass", bar=100, interval=[90, 130]), "bar of 100"),
    "more stories kept than written": (put("corpus.kept", 10_000), "only"),
    "a layer that is none": (put("vectors.layer", 30), "layers 0 to 29"),
    "two layer counts": (put("model.layers", 31), "31 layers"),
    "Hong's verdict against what Hong looks at": (
        criterion("V10", seed_value=0.2),
        "its verdict by Hong (2026) is pass",
    ),
}


@pytest.mark.parametrize("size", ["full", "toy"])
@pytest.mark.parametrize("seed", range(6))
def test_a_consistent_record_passes(size: str, seed: int) -> None:
    check(build(size, seed))


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])


def test_a_refusal_is_a_value_error() -> None:
    assert issubclass(ContradictoryRecord, ValueError)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (1, "an older version made it; open it with that version"),
        (3, "upgrade with pip"),
        (None, "emotion-vectors did not write it"),
    ],
)
def test_a_record_of_another_form_is_refused_in_one_sentence(form: int | None, says: str) -> None:
    record = build("full")
    record["schema"] = form
    with pytest.raises(UserError, match=says):
        check(record)


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_nine_passes_called_ten_are_refused(verdict: str) -> None:
    record = build("full")
    found = [criterion["verdict"] for criterion in record["criteria"].values()]
    record["verdicts"] = {name: found.count(name) for name in ("pass", "fail", "inconclusive")}
    check(record)
    record["verdicts"][verdict] += 1
    with pytest.raises(ContradictoryRecord):
        check(record)
