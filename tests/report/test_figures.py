"""Figures: they show what their captions say, data as in the record, labels that don't overlap, published values as published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emotion_vectors.report.page import Drawn as Figure
from emotion_vectors.report.palette import EMOTION_COLOURS, VALENCE_COLOURS
from report.asking import figures, lettered_figures
from report.drawing import _rgb
from report.record import build


@pytest.fixture(scope="module")
def drawn() -> list[Figure]:
    record = build("full")
    return figures(record) + lettered_figures(record)


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


def _marks(figure: Figure) -> list[Unit]:
    assert figure.chart is not None
    chart = figure.chart.to_dict()
    return _units(chart, chart.get("datasets", {}))


def _fields(encoding: dict[str, Any]) -> dict[str, Any]:
    """Channel and what it says, for each that shows a field; a tooltip is several channels."""
    several = [
        (name, part) for name, parts in encoding.items() for part in (parts if isinstance(parts, list) else [parts])
    ]
    return {f"{name} {i}": part for i, (name, part) in enumerate(several) if isinstance(part, dict) and "field" in part}


# What the captions say that each figure shows: a mark, and the field on each channel. What tells groups apart has a shape of its
# own beside its colour, for those who don't see the colours.
SHOWN: dict[int | str, dict[str, dict[str, str]]] = {
    1: {"rect": {"x": "column", "y": "probe", "color": "cosine"}},
    2: {"line": {"x": "x", "y": "cosine"}, "point": {"x": "x", "y": "cosine", "color": "emotion", "shape": "emotion"}},
    3: {"bar": {"x": "emotion", "y": "r", "color": "valence"}, "rect": {"y": "low", "y2": "high"}},
    4: {"point": {"x": "r", "y": "change", "shape": "valence"}, "rule": {"x": "r", "y": "low", "y2": "high"}},
    5: {"point": {"x": "probe", "y": "score", "color": "category", "shape": "category"}, "line": {"x": "x", "y": "y"}},
    6: {"point": {"x": "baseline", "y": "after", "fill": "category", "shape": "half"}, "line": {"x": "x", "y": "y"}},
    7: {"point": {"x": "probe", "y": "score", "color": "category", "shape": "category"}, "line": {"x": "x", "y": "y"}},
    8: {"point": {"x": "baseline", "y": "after", "fill": "category", "shape": "half"}, "line": {"x": "x", "y": "y"}},
    "A": {"point": {"x": "r", "y": "nats", "color": "half", "shape": "half"}, "line": {"x": "r", "y": "nats"}},
    "B": {"line": {"x": "strength", "y": "nats", "color": "valence"}, "area": {"y": "random_low", "y2": "random_high"}},
    "C": {"line": {"x": "layer", "y": "nats", "color": "valence"}, "area": {"y": "random_low", "y2": "random_high"}},
    "D": {"rect": {"x": "word", "y": "vector", "color": "nats"}},
}


@pytest.mark.parametrize(("position", "number"), list(enumerate(SHOWN)))
def test_a_figure_shows_what_its_caption_says(position: int, number: int | str, drawn: list[Figure]) -> None:
    figure = drawn[position]
    assert figure.number == number
    for mark, channels in SHOWN[number].items():
        shown = [unit for unit in _marks(figure) if unit[0] == mark]
        assert any(
            all(
                isinstance(unit[1].get(name), dict) and unit[1][name].get("field") == field
                for name, field in channels.items()
            )
            for unit in shown
        ), (mark, channels, [unit[1] for unit in shown])


def test_every_field_that_a_figure_shows_is_in_its_rows_and_of_its_kind(drawn: list[Figure]) -> None:
    """A field that isn't there is an empty picture, and Vega-Lite doesn't say so."""
    for figure in drawn:
        for mark, encoding, rows, made in _marks(figure):
            assert rows, (figure.name, mark)
            for channel, part in _fields(encoding).items():
                if part["field"] in made:
                    continue
                values = [row.get(part["field"]) for row in rows]
                assert any(value is not None for value in values), (figure.name, mark, channel, part["field"])
                if part.get("type") == "quantitative":
                    assert all(value is None or isinstance(value, int | float) for value in values), part


def test_bands_and_whiskers_go_from_low_to_high(drawn: list[Figure]) -> None:
    seen = 0
    for figure in drawn:
        for _, encoding, rows, made in _marks(figure):
            low, high = encoding.get("y", {}).get("field"), encoding.get("y2", {}).get("field")
            if low and high and not {low, high} & made:
                seen += 1
                assert all(row[low] <= row[high] for row in rows if row.get(low) is not None), (figure.name, low, high)
    assert seen >= 5


def _encodings(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in _encodings(item)]
    if not isinstance(value, dict):
        return []
    own = [value["encoding"]] if "encoding" in value else []
    return own + [found for key, item in value.items() if key != "encoding" for found in _encodings(item)]


def test_every_chart_has_hover_text_for_its_data(drawn: list[Figure]) -> None:
    for figure in drawn:
        assert figure.chart is not None
        fields = {
            tip["field"] for encoding in _encodings(figure.chart.to_dict()) for tip in encoding.get("tooltip", [])
        }
        wanted = {
            1: {"probe", "scenario", "cosine"},
            2: {"emotion", "x", "cosine"},
            3: {"emotion", "r", "low", "high"},
            4: {"emotion", "nats", "r"},
            "A": {"emotion", "half", "r", "nats"},
            "B": {"emotion", "strength", "nats"},
            "C": {"emotion", "layer", "nats"},
            "D": {"vector", "word", "nats", "unsteered"},
        }
        assert wanted.get(figure.number, {"activity", "category"}) <= fields


def test_figure_2_and_3_have_the_fixed_colours(drawn: list[Figure]) -> None:
    ranges = {
        n: [e["color"]["scale"] for e in _encodings(drawn[n - 1].chart.to_dict()) if "scale" in e.get("color", {})]
        for n in (2, 3)
    }  # type: ignore[union-attr]
    assert all(
        scale["domain"] == list(EMOTION_COLOURS) and scale["range"] == list(EMOTION_COLOURS.values())
        for scale in ranges[2]
    )
    assert all(scale["domain"] == ["positive", "negative"] for scale in ranges[3])
    hues = {name: _rgb(colour) for name, colour in {**EMOTION_COLOURS, **VALENCE_COLOURS}.items()}
    assert np.argmax(hues["afraid"]) == np.argmax(hues["negative"]) == 0
    assert np.argmax(hues["happy"]) == np.argmax(hues["positive"]) == 1
    assert np.argmax(hues["calm"]) == 2 and hues["sad"][0] > hues["sad"][1] > hues["sad"][2]
