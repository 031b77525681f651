"""A criterion is "not asked" where the record shows what the run lacks for it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emotion_vectors.report.contradiction import parts, require, require_within

Criteria = dict[str, dict[str, Any]]
NOT_ASKED = "not asked"


def asked(criterion: dict[str, Any]) -> bool:
    """Whether the run could ask this criterion."""
    return criterion["verdict"] != NOT_ASKED


def check_asked(experiments: dict[str, Any], criteria: Criteria) -> None:
    """Refuse a criterion that is called not asked and has a value, or data; and one that has a value without any data."""
    for name, criterion in criteria.items():
        stated = [criterion[key] for key in ("verdict", "seed_verdict")].count(NOT_ASKED)
        require(stated != 1, f"{name} is not asked by one of its two verdicts only.")
        if not asked(criterion):
            said = [key for key in ("value", "seed_value", "interval") if criterion.get(key) is not None]
            require(not said, f"{name} is not asked but has {', '.join(said)}.")
            require(bool(criterion.get("reason")), f"{name} is not asked and gives no reason.")
            require(not criterion.get("detectable"), f"{name} is not asked but says what it could have seen.")
        _detectable(name, criterion.get("detectable"))
    for name, (part, has_data) in _DATA.items():
        # A part that the record leaves out altogether is one that its version did not write.
        if part in experiments:
            found = has_data(parts(experiments, part))
            stated = asked(criteria[name])
            require(found or not stated, f"{name} was judged, but the record has nothing that it could be judged by.")
            require(stated or not found, f"{name} is not asked although the record has what it is about.")


def _detectable(name: str, found: dict[str, Any] | None) -> None:
    """What a criterion could have seen is possible in its unit; records of older versions don't say it."""
    if not found:
        return
    what = f"The smallest effect that {name} could have seen"
    require(bool(found.get("sentence")), f"{what} has no sentence.")
    require_within([found["power"]], 0, 1, f"{what}: the power")
    share = found["unit"].startswith(("share", "probability", "true r"))
    require_within([found["value"]], 0, 1 if share else float("inf"), what)


def _any_valence(rows: Sequence[dict[str, Any]] | None) -> bool:
    return any(row.get("valence") is not None for row in rows or [])


_DATA: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
    "V2": ("lens", lambda part: bool(part.get("pairs") or parts(part, "opposites").get("pairs"))),
    "V3": ("scenarios", lambda part: bool(part.get("items"))),
    "V4": ("scenarios", lambda part: bool(part.get("items"))),
    "V5": ("numeric", lambda part: bool(part.get("templates"))),
    "V6": ("numeric", lambda part: bool(part.get("templates"))),
    "V8": ("correlation", lambda part: _any_valence(part.get("emotions"))),
    "V10": ("steering", lambda part: bool(part.get("emotions"))),
    "V11": ("steering", lambda part: _any_valence(part.get("emotions"))),
}
