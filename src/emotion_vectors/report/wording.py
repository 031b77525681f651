"""Numbers and lists as words: one way of writing each, used by claims, tables and hover text."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_vectors.record.criterion import Criterion
from emotion_vectors.record.run import Source

NOTHING = "not available"


def number(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` significant digits, a real minus sign and thousands separators; None is "not available"."""
    if value is None:
        return NOTHING
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", "−")
    text = f"{value:.{digits}g}"
    return fixed(value, digits) if "e" in text and abs(value) < 1 else text.replace("-", "−")


def fixed(value: float | None, decimals: int = 2) -> str:
    """`value` with `decimals` decimals: for quantities that are compared with each other, like r."""
    return NOTHING if value is None else f"{_no_negative_zero(value, decimals):,.{decimals}f}".replace("-", "−")


def signed(value: float | None, decimals: int = 0) -> str:
    """`value` with its sign: +212, −303; zero after rounding has none."""
    if value is None:
        return NOTHING
    rounded = _no_negative_zero(value, decimals)
    return (f"{rounded:+,.{decimals}f}" if rounded else f"{0:.{decimals}f}").replace("-", "−")


def _no_negative_zero(value: float, decimals: int) -> float:
    return round(value, decimals) + 0.0


def points(value: float | None) -> str:
    """A change in Elo points with as many decimals as its size needs: +212, −4.6, +0.02."""
    if value is None:
        return NOTHING
    return signed(value, 0 if abs(value) >= 20 else 1 if abs(value) >= 0.1 else 2)


def count(amount: float, singular: str, plural: str = "") -> str:
    """ "1 emotion", "57 emotions"."""
    return f"{number(amount)} {singular if amount == 1 else plural or singular + 's'}"


def listing(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def ranges(names: Sequence[str], order: Sequence[str]) -> str:
    """Names in `order` with runs of three or more joined: "V1, V4 to V11"."""
    positions, pieces = [order.index(name) for name in names], []
    start = 0
    for i in range(1, len(positions) + 1):
        if i == len(positions) or positions[i] != positions[i - 1] + 1:
            run = [order[position] for position in positions[start:i]]
            pieces += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else run
            start = i
    return ", ".join(pieces)


def shortened(names: Sequence[str], most: int = 6) -> str:
    """The names, or the first ones and how many more there are."""
    names = list(names)
    return listing(names) if len(names) <= most else f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def percent(part: float, whole: float) -> str:
    """ "33 %"; an empty whole is "not available"."""
    return f"{100 * part / whole:.0f} %" if whole else NOTHING


def p_value(value: float | None) -> str:
    """ "p < 0.001", "p = 0.03"."""
    if value is None:
        return "p not available"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def sided(bounds: Sequence[float], above: str, below: str, neither: str) -> str:
    """What may be said of a difference: `above` or `below` only where its whole interval lies on that side of 0."""
    low, high = bounds
    return above if low > 0 else below if high < 0 else neither


def interval(bounds: Sequence[float] | None, decimals: int | None = None) -> str:
    """ "0.71 to 0.93"; None is "not available"."""
    if bounds is None:
        return NOTHING
    low, high = bounds
    return (
        f"{number(low)} to {number(high)}" if decimals is None else f"{fixed(low, decimals)} to {fixed(high, decimals)}"
    )


def measured(criterion: Criterion) -> str:
    """The value of a criterion as the tables show it: 57/171, 0.96, 689 Elo points."""
    value, whole = criterion.value, criterion.of
    if value is None:
        return "not measured" if criterion.asked else "not asked"
    if whole is not None:
        return f"{number(value)}/{number(whole)}"
    if "elo" in criterion.unit.lower():
        return f"{fixed(value, 0)} Elo points"
    return fixed(value, 2)


def source_name(source: Source) -> str:
    """A corpus that texts were imported from: its name, its version or commit if it has one, and its hash."""
    version = f", version {source.version}" if source.version else ""
    revision = f", commit {source.revision[:12]}" if source.revision else ""
    return f"'{source.name}'{version}{revision} (SHA-256 {source.sha256[:12]}...)"
