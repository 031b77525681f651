"""How fast each job is, against a stated plain loop and against the arithmetic limit of the machine, in one run.

No ratio without agreement: before anything is timed, the production path and the plain loop must give the same numbers.
docs/benchmarks says what is measured and how to read it.
"""

from __future__ import annotations

from emotion_vectors.bench.command import run_bench
from emotion_vectors.bench.outcome import JOBS
from emotion_vectors.bench.samples import Sizes

__all__ = ["JOBS", "Sizes", "run_bench"]
