"""The structure of a chart as data: marks, encodings, scales and sizes, without the rows. Run it to store the present one.

python -m tests.report.structure
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .asking import figures, lettered_figures
from .record import build

FOLDER = Path(__file__).parent / "specs"
_LEFT_OUT = {"data", "datasets", "config", "$schema"}


def structure(value: Any) -> Any:
    """`value` without data, and with emotions, numbers of a scale and titles reduced to what does not depend on the record."""
    if isinstance(value, dict):
        return {key: _reduced(key, inner) for key, inner in value.items() if key not in _LEFT_OUT}
    return [structure(item) for item in value] if isinstance(value, list) else value


def _reduced(key: str, value: Any) -> Any:
    if key in ("title", "subtitle", "text") and not (isinstance(value, dict) and "field" in value):
        return "text"
    if key in ("sort", "values") and isinstance(value, list):
        return f"{len(value)} values"
    if key == "domain" and isinstance(value, list) and all(isinstance(end, int | float) for end in value):
        return "numbers"
    return structure(value)


def structures() -> dict[str, Any]:
    """The structure of each figure of the full synthetic record, by file name."""
    return {
        f"{figure.name}.json": structure(figure.chart.to_dict())
        for figure in figures(build("full")) + lettered_figures(build("full"))
        if figure.chart is not None
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, spec in structures().items():
        (FOLDER / name).write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
