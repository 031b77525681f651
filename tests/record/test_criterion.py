"""A criterion keeps what it is when something is added, and says which statistic its bar looks at."""

import pytest
from pydantic import ValidationError

from emotion_vectors.record.criterion import NOT_ASKED, Criterion, Detectable, Reference

FIELDS = {
    "id": "V1", "name": "a name", "value": 3, "of": 12, "unit": "words", "threshold": 8, "threshold_text": "≥ 8", "seed_verdict": "fail",
    "verdict": "fail", "interval": [1, 5], "null": {"what": "x", "value": 1, "p": 0.2}, "reason": "why", "note": "",
}  # fmt: skip


def test_notes_follow_each_other_and_leave_the_first_one_as_it_was():
    first = Criterion(**FIELDS)
    second = first.noted("One.").noted("Two.")
    assert (first.note, second.note) == ("", "One. Two.")
    assert second.model_copy(update={"note": ""}) == first


def test_the_smallest_effect_is_added():
    smallest = Detectable(value=0.4, unit="r", power=0.8, sentence="It sees 0.4.")
    assert Criterion(**FIELDS).with_detectable(smallest).detectable == smallest


def test_the_bar_looks_at_the_earlier_statistic_where_there_is_one():
    plain = Criterion(**FIELDS)
    other = Reference(value=7, of=12, unit="pairs", threshold=5, threshold_text="≥ 5", note="")
    assert plain.reference is plain and Criterion(**FIELDS, seed=other).reference == other
    assert plain.p == 0.2 and Criterion(**FIELDS | {"null": None}).p is None
    assert plain.asked and not Criterion(**FIELDS | {"verdict": NOT_ASKED}).asked


@pytest.mark.parametrize(
    "change", [{"verdict": "passed"}, {"null": {"what": "x", "value": 1, "p": 1.2}}, {"value": "3 of 12"}], ids=str
)
def test_what_is_no_verdict_no_share_and_no_number_is_refused(change):
    with pytest.raises(ValidationError):
        Criterion(**FIELDS | change)
