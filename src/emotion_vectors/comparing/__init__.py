"""Several runs beside each other: criteria, vectors, preferences and geometry, each difference with its interval."""

from emotion_vectors.comparing.command import compare_runs
from emotion_vectors.comparing.runs import Compared, open_compared

__all__ = ["Compared", "compare_runs", "open_compared"]
