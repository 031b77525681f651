"""The benchmark as a whole: its record, its refusals, and what happens when a fast path is broken. No test asserts a speed."""

import math
import sys

import numpy as np
import pytest

from bench.small import small
from emotion_vectors import cli
from emotion_vectors.bench import JOBS, Sizes, command, run_bench, samples
from emotion_vectors.bench.outcome import FIGURES, UNITS
from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices
from emotion_vectors.settings import Runtime, change, toy
from emotion_vectors.vectors import activations

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


def test_reading_jobs_were_checked_and_writing_says_why_not(record):
    for name in JOBS[1:]:
        check = record["jobs"][name]["check"]
        assert check["compared"] >= 5 and check["largest_difference"] <= check["allowed_largest"] == 1e-4
    writing = record["jobs"]["writing"]
    assert "drawn at random" in writing["check"]["reason"]
    assert writing["engine"] == "transformers" and writing["rate"] == writing["engines"]["transformers"]["rate"]
    assert set(writing["generate_batches"]) == {"2", "4"}, "a batch needs as many requests"
    assert all(engine["rate"] or engine["rate_reason"] for engine in writing["engines"].values())


def broken_pool(*arguments, **options):
    found = whole_pool(*arguments, **options)
    return found._replace(means=np.roll(found.means, 1, axis=1))


def broken_baseline(*arguments, **options):
    found = whole_baseline(*arguments, **options)
    return found._replace(logits=found.logits + np.array([0.001, 0]))


def broken_steered(lm, prepared, baseline, additions, touch, *rest):
    """Steers the other option."""
    return whole_steered(lm, prepared, baseline, additions, "second" if touch == "first" else "first", *rest)


def mixed_steered(*arguments):
    """Gives every vector the answers of the first."""
    found = whole_steered(*arguments)
    return found._replace(logits=np.repeat(found.logits[:1], len(found.logits), axis=0))


whole_pool, whole_baseline, whole_steered = activations.pool, choices.read_baseline, choices.read_steered


BREAKS = {
    "extraction": (activations, "pool", broken_pool), "preferences": (choices, "read_baseline", broken_baseline),
    "steering": (choices, "read_steered", broken_steered), "steering rows": (choices, "read_steered", mixed_steered),
}  # fmt: skip


@pytest.mark.parametrize("broken", BREAKS)
def test_wrong_numbers_are_refused_a_ratio(broken, monkeypatch, tmp_path, capsys):
    module, name, wrong = BREAKS[broken]
    monkeypatch.setattr(module, name, wrong)
    monkeypatch.setattr(samples, "QUICK", SMALL)
    out = tmp_path / "bench.json"
    job = broken.split()[0]
    words = [
        "bench",
        "--model",
        "toy",
        "--set",
        "dtype=float32",
        "--jobs",
        job,
        "--quick",
        "--quiet",
        "--out",
        str(out),
    ]
    monkeypatch.setattr(sys, "argv", ["emotion-vectors", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    error = capsys.readouterr().err
    assert left.value.code == 2 and f"fast path of {job}" in error and "no rate is stated" in error
    assert not out.exists()


def test_numbers_that_are_not_finite_are_refused(monkeypatch):
    monkeypatch.setattr(
        choices, "read_baseline", lambda *a: (f := whole_baseline(*a))._replace(logits=f.logits * np.nan)
    )
    with pytest.raises(UserError, match="not finite"):
        small("preferences")


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
