"""Names beside points without overlaps: each label goes to the first free side of its point, or is left to the hover text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

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
) -> list[Label]:
    """Places for the names of points at `positions` (pixels from the upper left) in a plot of `size` pixels.

    Earlier points have the right of way, so give the important ones first.
    """
    taken = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in positions]
    placed: list[Label] = []
    sides: tuple[tuple[Align, float, float], ...] = (
        ("left", gap, 0),
        ("right", -gap, 0),
        ("center", 0, -gap - 3),
        ("center", 0, gap + 4),
    )
    for index, ((x, y), name) in enumerate(zip(positions, names, strict=True)):
        width, height = len(name) * font * _WIDTH, font * 1.05
        for align, dx, dy in sides:
            left = x + dx - {"left": 0, "right": width, "center": width / 2}[align]
            box = Box(left, y + dy - height / 2, left + width, y + dy + height / 2)
            inside = box.left >= 0 and box.top >= 0 and box.right <= size[0] and box.bottom <= size[1]
            if inside and not any(_overlap(box, other) for position, other in enumerate(taken) if position != index):
                taken.append(box)
                placed.append(Label(index, align, dx, dy))
                break
    return placed


def _overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


def spread(amount: int, most: int) -> list[int]:
    """Up to `most` positions out of `amount`, evenly spread, with both ends."""
    if amount <= most:
        return list(range(amount))
    return sorted({round(i * (amount - 1) / (most - 1)) for i in range(most)})
