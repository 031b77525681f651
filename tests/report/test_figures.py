"""Figures: they show what their captions say, data as in the record, labels that don't overlap, published values as published."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from emotion_vectors.report import published
from emotion_vectors.report.charts import fit_line, place, spread
from emotion_vectors.report.page import Drawn as Figure
from emotion_vectors.report.palette import CATEGORY_COLOURS, EMOTION_COLOURS, VALENCE_COLOURS

from .asking import figures, lettered_figures
from .record import build


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


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _protan_deutan(colour: str) -> list[np.ndarray]:
    # Machado, Oliveira and Fernandes 2009, severity 1.0, in linear RGB.
    linear = np.array([((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in _rgb(colour)])
    protan = np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    )
    deutan = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    )
    return [np.clip(matrix @ linear, 0, 1) ** (1 / 2.2) for matrix in (protan, deutan)]


def test_colours_stay_apart_for_colour_blind_eyes() -> None:
    for colours in (tuple(EMOTION_COLOURS.values()), tuple(VALENCE_COLOURS.values()), CATEGORY_COLOURS):
        for a, b in combinations(colours, 2):
            distances = [np.linalg.norm(x - y) for x, y in zip(_protan_deutan(a), _protan_deutan(b), strict=True)]
            assert min(distances) > 0.08, (a, b)


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


def test_published_numbers_agree_with_each_other() -> None:
    paper = published.published()
    matrix = np.array(paper.scenario_cosines)
    assert int(np.sum(matrix.argmax(axis=0) == np.arange(12))) == published.CRITERIA["V3"].paper.value  # type: ignore[union-attr]
    centred = matrix - matrix.mean(axis=1, keepdims=True)
    assert int(np.sum(centred.argmax(axis=0) == np.arange(12))) == published.PAPER_SCENARIOS_CENTRED.value
    assert len(paper.sorted_r) == 171 and sum(abs(r) > 0.3 for r in paper.sorted_r) == 114
    r, change = np.array(paper.steering_points).T
    assert (
        np.corrcoef(r, change)[0, 1] == pytest.approx(0.852, abs=0.001)
        and int(np.sum(np.sign(r) == np.sign(change))) == 28
    )
    means = {
        name: np.mean([a.elo for a in paper.activities if a.category == name]) for name in published.PAPER_CATEGORIES
    }
    assert {name: round(float(mean)) for name, mean in means.items()} == pytest.approx(
        published.PAPER_CATEGORIES, abs=1
    )
    elo = np.array([a.elo for a in paper.activities])
    for emotion, expected in published.PAPER_CORRELATION.items():
        probe = np.array([getattr(a, emotion) for a in paper.activities])
        assert np.corrcoef(probe, elo)[0, 1] == pytest.approx(expected, abs=0.01)
        kept = np.array([a.category not in ("Misaligned", "Unsafe") for a in paper.activities])
        assert np.corrcoef(probe[kept], elo[kept])[0, 1] == pytest.approx(
            published.PAPER_CORRELATION_WITHOUT_EXTREMES[emotion], abs=0.01
        )
