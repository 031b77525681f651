"""A job that is not asked for is null with a reason."""

from bench.small import small
from emotion_vectors.bench import JOBS, Sizes
from emotion_vectors.bench.outcome import FIGURES
from emotion_vectors.bench.table import tables
from emotion_vectors.settings import Runtime

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def test_a_job_that_is_not_asked_for_is_null_with_a_reason():
    record = small("preferences")
    assert record["jobs"]["preferences"]["rate"] > 0
    for name in set(JOBS) - {"preferences"}:
        assert all(record["jobs"][name][figure] is None for figure in FIGURES)
        assert all("not among" in record["jobs"][name][f"{figure}_reason"] for figure in FIGURES)
    assert len(list(tables(record))) == 1
