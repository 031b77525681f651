"""What both lists of templates share: the four probes, a curve's fitted change, expected signs as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.experiments.numeric.record import SIGNS
from emotion_vectors.stimuli.items import NUMERIC_EMOTIONS
from emotion_vectors.vectors.directions import unit

SIGNS_BAR, SIGNS_OF = 17, 24
DECIMALS = 7  # of a cosine: what is left beyond is rounding, which must not be ranked


def probes_of(emotions: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """Unit vectors (4, d) of `NUMERIC_EMOTIONS`, all of which must be among `emotions`, out of `vectors` (n, d)."""
    return unit(vectors[[list(emotions).index(emotion) for emotion in NUMERIC_EMOTIONS]].astype(np.float64))


def fitted_change(curves: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Change (...) of `curves` (..., k) from the lowest to the highest of `values` (k,), by a line over their ranks.

    Ranks and not values or their logarithms: the values span orders of magnitude and some are 0. A line and not the two
    ends: it uses every point.
    """
    ranks = rankdata(values)
    centred = ranks - ranks.mean()
    return curves @ centred / (centred @ centred) * np.ptp(ranks)


def sign_of(expected: str) -> int:
    """1, -1 or 0 for the expected sign "+", "-" or "none"."""
    return SIGNS[expected]
