"""Marks and fields of figures."""

from __future__ import annotations

from typing import Any

from emotion_vectors.topics import TOPICS
from report.asking import typed
from report.record import build

Unit = tuple[str, dict[str, Any], list[dict[str, Any]], set[str]]


def _units(
    value: Any, sets: dict[str, Any], encoding: Any = None, rows: Any = None, made: frozenset[str] = frozenset()
) -> list[Unit]:
    """Each mark of a chart with its encodings and rows, inherited ones too, and the fields that transformations make."""
    encoding, rows = {**(encoding or {}), **value.get("encoding", {})}, rows or []
    if "data" in value:
        rows = value["data"]["values"] if "values" in value["data"] else sets[value["data"]["name"]]
    made |= {step["as"] for step in value.get("transform", []) if isinstance(step.get("as"), str)}
    mark = value.get("mark")
    found = [] if mark is None else [(mark if isinstance(mark, str) else mark["type"], encoding, rows, set(made))]
    for key in ("layer", "hconcat", "vconcat", "concat"):
        for part in value.get(key, []):
            found += _units(part, sets, encoding, rows, made)
    return found


def marks_of(chart: Any) -> list[Unit]:
    """The marks of an altair chart."""
    chart = chart.to_dict()
    return _units(chart, chart.get("datasets", {}))


def fields_of(encoding: dict[str, Any]) -> dict[str, Any]:
    """Channel and what it says, for each that shows a field; a tooltip is several channels."""
    several = [
        (name, part) for name, parts in encoding.items() for part in (parts if isinstance(parts, list) else [parts])
    ]
    return {f"{name} {i}": part for i, (name, part) in enumerate(several) if isinstance(part, dict) and "field" in part}


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def assert_shows(number: int | str, shown: dict[str, dict[str, str]]) -> None:
    """The figure of that number has these marks, each with these fields on its channels."""
    figure = next(figure for topic in TOPICS for figure in topic.figures if figure.number == number)
    chart = figure.chart(typed(build("full")))
    for mark, channels in shown.items():
        units = [unit for unit in marks_of(chart) if unit[0] == mark]
        assert any(
            all(
                isinstance(unit[1].get(name), dict) and unit[1][name].get("field") == field
                for name, field in channels.items()
            )
            for unit in units
        ), (mark, channels, [unit[1] for unit in units])
