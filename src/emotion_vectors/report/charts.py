"""What charts of several topics share: a fitted line, and names beside points without overlaps.

Each name goes to the first free side of its point, or is left to the hover text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from emotion_vectors.report.topic import Rows

Align = Literal["left", "right", "center"]
_WIDTH = 0.56  # mean width of a character in units of the font size


class Label(NamedTuple):
    """Where the name of point `index` goes: text anchor and offset in pixels."""

    index: int
    align: Align
    dx: float
    dy: float


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def place(
    positions: Sequence[tuple[float, float]],
    names: Sequence[str],
    size: tuple[float, float],
    font: float = 11,
    gap: float = 8,
    taken: Sequence[Box] = (),
) -> list[Label]:
    """Places for the names of points at `positions` (pixels from the upper left) in a plot of `size` pixels.

    Earlier points have the right of way, so give the important ones first. `taken` are boxes that no name may lie on.
    """
    own = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in positions]
    named = list(taken)
    placed: list[Label] = []
    sides: tuple[tuple[Align, float, float], ...] = (
        ("left", gap, 0),
        ("right", -gap, 0),
        ("center", 0, -gap - 3),
        ("center", 0, gap + 4),
    )
    for index, ((x, y), name) in enumerate(zip(positions, names, strict=True)):
        size_of = extent(name, font)
        for align, dx, dy in sides:
            box = boxed((x, y), Label(index, align, dx, dy), size_of)
            inside = box.left >= 0 and box.top >= 0 and box.right <= size[0] and box.bottom <= size[1]
            others = (*(other for position, other in enumerate(own) if position != index), *named)
            if inside and not any(_overlap(box, other) for other in others):
                named.append(box)
                placed.append(Label(index, align, dx, dy))
                break
    return placed


def extent(name: str, font: float) -> tuple[float, float]:
    """Width and height of a name in pixels, about."""
    return len(name) * font * _WIDTH, font * 1.05


def boxed(position: tuple[float, float], label: Label, size: tuple[float, float]) -> Box:
    """The rectangle of a name of `size` that is placed as `label` says beside `position`."""
    (x, y), (width, height) = position, size
    left = x + label.dx - {"left": 0, "right": width, "center": width / 2}[label.align]
    return Box(left, y + label.dy - height / 2, left + width, y + label.dy + height / 2)


def _overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


def spread(amount: int, most: int) -> list[int]:
    """Up to `most` positions out of `amount`, evenly spread, with both ends."""
    if amount <= most:
        return list(range(amount))
    return sorted({round(i * (amount - 1) / (most - 1)) for i in range(most)})


def fit_line(x: Sequence[float], y: Sequence[float]) -> Rows:
    """The two ends of the least-squares line of `y` on `x`; empty where x does not vary."""
    if len(x) < 2 or np.ptp(x) == 0:
        return []
    slope, intercept = np.polyfit(x, y, 1)
    return [{"x": float(end), "y": float(intercept + slope * end)} for end in (min(x), max(x))]
