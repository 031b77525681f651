"""A small benchmark."""

from emotion_vectors.bench import JOBS, Sizes, run_bench
from emotion_vectors.settings import Runtime, toy

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def small(wanted=",".join(JOBS), **options):
    return run_bench(toy(), QUIET, wanted, quick=True, sizes=SMALL, **options)
