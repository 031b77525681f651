"""What charts of several topics share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emotion_vectors.report.topic import Rows


def fit_line(x: Sequence[float], y: Sequence[float]) -> Rows:
    """The two ends of the least-squares line of `y` on `x`; empty where x does not vary."""
    if len(x) < 2 or np.ptp(x) == 0:
        return []
    slope, intercept = np.polyfit(x, y, 1)
    return [{"x": float(end), "y": float(intercept + slope * end)} for end in (min(x), max(x))]
