"""Reading jobs are checked against the plain path, and wrong numbers are refused a ratio."""

import sys

import numpy as np
import pytest

from bench.small import small
from emotion_vectors import cli
from emotion_vectors.bench import JOBS, Sizes, samples
from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices
from emotion_vectors.vectors import activations

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


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
