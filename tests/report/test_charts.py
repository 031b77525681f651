"""Labels, spread points and fitted lines."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from emotion_vectors.report.charts import fit_line, place, spread


def test_labels_neither_overlap_nor_leave_the_plot() -> None:
    generator = np.random.default_rng(1)
    positions = [(float(x), float(y)) for x, y in generator.uniform(0, [500, 380], (40, 2))]
    names = ["word" * (1 + i % 3) for i in range(40)]
    labels = place(positions, names, (500, 380))
    boxes = []
    for label in labels:
        (x, y), width = positions[label.index], len(names[label.index]) * 11 * 0.56
        left = x + label.dx - {"left": 0, "right": width, "center": width / 2}[label.align]
        boxes.append((left, y + label.dy - 5.7, left + width, y + label.dy + 5.7))
    assert len(labels) > 15
    assert all(left >= 0 and top >= 0 and right <= 500 and bottom <= 380 for left, top, right, bottom in boxes)
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_spread_keeps_both_ends() -> None:
    assert spread(5, 40) == [0, 1, 2, 3, 4]
    assert spread(171, 40)[0] == 0 and spread(171, 40)[-1] == 170 and len(spread(171, 40)) == 40


def test_fit_line_goes_through_the_means() -> None:
    x, y = [0.0, 1.0, 2.0, 5.0], [1.0, 0.0, 4.0, 9.0]
    (low, high) = fit_line(x, y)
    slope = (high["y"] - low["y"]) / (high["x"] - low["x"])
    assert slope == pytest.approx(np.cov(x, y, ddof=0)[0, 1] / np.var(x))
    assert low["y"] + slope * (np.mean(x) - low["x"]) == pytest.approx(np.mean(y))
    assert fit_line([1.0, 1.0], [2.0, 3.0]) == []
