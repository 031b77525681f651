"""The valence of a run's emotions, which need not be given for all of them: who is left out, and what can be asked.

n emotions, k of them with a valence, "..." any leading axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.stimuli.items import POSITIVE


def valence_gap(r: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """For r (..., n): mean r of the positive words minus that of the negative ones; NaN without both kinds."""
    if positive.all() or not positive.any():
        return np.full(r.shape[:-1], np.nan)
    known = np.nan_to_num(r)
    return known[..., positive].mean(-1) - known[..., ~positive].mean(-1)


class Valences(NamedTuple):
    """Which of n emotions have a valence, and whether it is positive; those without one are left out of what is by valence."""

    known: np.ndarray  # (n,) bool
    positive: np.ndarray  # (k,) bool, of the k emotions that have one

    @classmethod
    def of(cls, emotions: Sequence[str], valence: Mapping[str, str]) -> Valences:
        """From the labels, which may lack emotions."""
        known = np.array([emotion in valence for emotion in emotions], dtype=bool)
        return cls(known, np.array([valence[e] == POSITIVE for e in emotions if e in valence], dtype=bool))

    @property
    def lacking(self) -> str:
        """Why nothing can be said by valence, as a sentence, or "" where an emotion has one."""
        return "" if len(self.positive) else "The valence of the emotions is not given."

    def left_out(self, emotions: int) -> str:
        """How many of the emotions the verdict is not about, as a sentence with a space before it; "" for none."""
        missing = emotions - len(self.positive)
        return f" The valence of {missing} of {emotions} emotions is not given; they are left out." if missing else ""

    def gap(self, r: np.ndarray) -> np.ndarray:
        """`valence_gap` of r (..., n) over the emotions that have a valence."""
        if self.lacking:
            return np.full(r.shape[:-1], np.nan)
        return valence_gap(r[..., self.known], self.positive)
