"""Figures: they show what their captions say, data as in the record, labels that don't overlap, published values as published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emotion_vectors.report.page import Drawn as Figure
from emotion_vectors.report.palette import EMOTION_COLOURS, VALENCE_COLOURS
from report.asking import figures, lettered_figures
from report.drawing import _rgb, fields_of, marks_of
from report.record import build


@pytest.fixture(scope="module")
def drawn() -> list[Figure]:
    record = build("full")
    return figures(record) + lettered_figures(record)


def test_every_field_that_a_figure_shows_is_in_its_rows_and_of_its_kind(drawn: list[Figure]) -> None:
    """A field that isn't there is an empty picture, and Vega-Lite doesn't say so."""
    for figure in drawn:
        for mark, encoding, rows, made in marks_of(figure.chart):
            assert rows, (figure.name, mark)
            for channel, part in fields_of(encoding).items():
                if part["field"] in made:
                    continue
                values = [row.get(part["field"]) for row in rows]
                assert any(value is not None for value in values), (figure.name, mark, channel, part["field"])
                if part.get("type") == "quantitative":
                    assert all(value is None or isinstance(value, int | float) for value in values), part


def test_bands_and_whiskers_go_from_low_to_high(drawn: list[Figure]) -> None:
    seen = 0
    for figure in drawn:
        for _, encoding, rows, made in marks_of(figure.chart):
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
