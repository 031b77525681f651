"""The benchmark as a whole: its record, its refusals, and what happens when a fast path is broken. No test asserts a speed."""

import math

import pytest

from bench.small import small
from emotion_vectors.bench import JOBS, Sizes, command, run_bench
from emotion_vectors.bench.outcome import FIGURES, UNITS
from emotion_vectors.errors import UserError
from emotion_vectors.settings import Runtime, change, toy

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def test_the_record_has_the_promised_form(record):
    assert {"jobs", "machine", "growth", "quick"} <= set(record)
    assert tuple(record["jobs"]) == JOBS
    for name, job in record["jobs"].items():
        assert job["unit"] == UNITS[name]
        assert all(math.isfinite(job[figure]) and job[figure] > 0 for figure in FIGURES)
    assert record["machine"]["model"]["dtype"] == "float32" and record["machine"]["versions"]["torch"]
    for job in ("extraction", "steering"):
        assert record["growth"][job] is None and "--quick" in record["growth"][f"{job}_reason"]


def test_bad_requests_are_refused_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr(command.shape, "load", lambda *a: pytest.fail("the model was loaded"))
    with pytest.raises(UserError, match=r"'steerng'.*'steering'"):
        small("writing,steerng")
    with pytest.raises(UserError, match="no job"):
        small(" , ")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="Can't write"):
        small(out=tmp_path / "file" / "bench.json")
    with pytest.raises(UserError, match="is a folder"):
        small(out=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="no layer 4"):
        run_bench(change(toy(), layer=4), QUIET, "steering", True, sizes=SMALL)


def test_the_last_layer_can_be_steered():
    record = run_bench(change(toy(), layer=3), QUIET, "steering", True, sizes=SMALL)
    assert record["jobs"]["steering"]["sample"]["layer"] == 3
