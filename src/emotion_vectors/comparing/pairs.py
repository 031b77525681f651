"""Two runs: what of them can be compared, the comparison, and the reason where one can't be made."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from emotion_vectors.comparing import measures, training, words
from emotion_vectors.comparing.measures import FEWEST
from emotion_vectors.comparing.runs import Compared
from emotion_vectors.report.wording import count
from emotion_vectors.settings import Settings
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.directions import cosine
from emotion_vectors.vectors.file import EmotionVectors

DEPTHS = 11  # places between the first and the last block at which layers of two models are matched


def compare_all(runs: list[Compared], resamples: int, seed: int) -> list[JsonObject]:
    """Every pair of runs, in their order."""
    return [compare_pair(a, b, resamples, seed) for a, b in combinations(runs, 2)]


def compare_pair(a: Compared, b: Compared, resamples: int, seed: int) -> JsonObject:
    """Vectors, geometry, preferences and criteria of two runs; a part that can't be compared is None, with the reason."""
    common = [name for name in a.vectors.emotions if name in b.vectors.emotions]
    found: JsonObject = {"runs": [a.name, b.name], "emotions": common, "differ": what_differs(a, b)}
    found["shared_stories"] = _shared(a, b)
    found |= _part("vectors", lambda: _vectors(a, b, common, resamples, seed), _why_no_vectors(a, b, common))
    few = _too_few(len(common), "emotion") if len(common) < FEWEST else ""
    found |= _part("geometry", lambda: _geometry(a, b, common, resamples, seed), few)
    mine, theirs = a.preferences(), b.preferences()
    shared = [text for text in mine if text in theirs]
    why = "" if len(shared) >= FEWEST else _too_few(len(shared), "activity", "activities")
    found |= _part("preferences", lambda: _preferences(mine, theirs, shared, resamples, seed), why)
    found |= _part("training", lambda: training.compare_training(a, b, resamples, seed), training.why_not(a, b))
    return found | {"criteria": criteria(a, b)}


def _too_few(amount: int, one: str, more: str = "") -> str:
    return f"they have {count(amount, one, more)} in common and {FEWEST} are needed"


def _shared(a: Compared, b: Compared) -> float | None:
    """Share of the smaller corpus that is in the other one too; None where a run's stories are not there."""
    first, second = a.stories(), b.stories()
    return len(first & second) / min(len(first), len(second)) if first and second else None


def what_differs(a: Compared, b: Compared) -> list[str]:
    """Model, stimuli, writer and settings in which two runs differ."""
    found = [] if a.record.model.sha256 == b.record.model.sha256 else ["model"]
    if a.record.lists() != b.record.lists():
        found.append("stimuli")
    if a.record.model.writer != b.record.model.writer:
        found.append("writer")
    mine, theirs = a.record.settings, b.record.settings
    return found + [
        name
        for name in sorted(mine | theirs)
        if name not in ("model", "stimuli", "writer") and _setting(mine, name) != _setting(theirs, name)
    ]


def _setting(settings: dict[str, Any], name: str) -> Any:
    """A setting of a run; its default where the run is older than the setting, because that is what it did."""
    field = Settings.model_fields.get(name)
    return settings.get(name, None if field is None else field.get_default())


def criteria(a: Compared, b: Compared) -> list[JsonObject]:
    """For each criterion both values and whether their intervals do not overlap; not which run would be better."""
    rows = []
    for name, mine in a.record.criteria.items():
        theirs = b.record.criteria.get(name)
        if theirs is None:
            continue  # an older run was not asked it
        first, second = mine.interval, theirs.interval
        apart = None
        # A mean rank among 12 probes is not one among 4: there the bars differ, as counts are out of another number.
        if first is not None and second is not None and (mine.of, mine.threshold) == (theirs.of, theirs.threshold):
            apart = bool(first[0] > second[1] or second[0] > first[1])
        rows.append({
            "id": name, "name": mine.name, "values": [mine.value, theirs.value], "of": [mine.of, theirs.of],
            "intervals": [first, second], "verdicts": [mine.verdict, theirs.verdict], "apart": apart,
        })  # fmt: skip
    return rows


def _part(name: str, make: Any, why_not: str) -> JsonObject:
    return {name: None, f"{name}_reason": why_not} if why_not else {name: make()}


def _why_no_vectors(a: Compared, b: Compared, common: list[str]) -> str:
    if a.same_as != b.same_as:
        return "they are of different models, whose residual streams have no direction in common; see the geometry"
    if len(common) < FEWEST:
        return _too_few(len(common), "emotion")
    if not set(a.vectors.layers) & set(b.vectors.layers):
        return "they have vectors at no layer in common"
    return ""


def _vectors(a: Compared, b: Compared, common: list[str], resamples: int, seed: int) -> JsonObject:
    """Cosines at the first run's analysis layer (or the nearest that both have), and the mean cosine at every layer."""
    layers = sorted(set(a.vectors.layers) & set(b.vectors.layers))
    layer = min(layers, key=lambda one: abs(one - a.vectors.layer))
    curve = []
    for at in layers:
        first, second = (measures.centred(_rows(one.vectors, common, at)) for one in (a, b))
        curve.append({"layer": at} | measures.same_and_others(cosine(first, second)))
    here = [_rows(one.vectors, common, layer) for one in (a, b)]
    return {"layer": layer, "by_layer": curve} | measures.matching(here[0], here[1], resamples, seed)


def _geometry(a: Compared, b: Compared, common: list[str], resamples: int, seed: int) -> JsonObject:
    """Representational similarity at both analysis layers, and with layers matched by their relative depth."""
    curve = []
    for depth in np.linspace(0, 1, DEPTHS):
        at = [round(float(depth) * (len(one.vectors.raw) - 1)) for one in (a, b)]
        if all(layer in one.vectors.layers for layer, one in zip(at, (a, b), strict=True)):
            tables = [_triangle(one, common, layer) for layer, one in zip(at, (a, b), strict=True)]
            curve.append({"depth": float(depth), "layers": at, "r": measures.spearman(*tables)})
    here = [_rows(one.vectors, common, one.vectors.layer) for one in (a, b)]
    found = {"layers": [a.vectors.layer, b.vectors.layer], "by_depth": curve}
    found |= measures.geometry(here[0], here[1], resamples, seed)
    why = words.why_no_words((a, b), common)
    return found | _part(
        "words",
        lambda: words.beyond_words(here[0], here[1], [words.bag(run, common) for run in (a, b)], resamples, seed),
        why,
    )


def _triangle(run: Compared, common: list[str], layer: int) -> np.ndarray:
    rows = measures.centred(_rows(run.vectors, common, layer))
    return cosine(rows, rows)[np.triu_indices(len(common), 1)]


def _preferences(mine: dict[str, float], theirs: dict[str, float], shared: list[str], resamples: int, seed: int) -> JsonObject:  # fmt: skip
    first, second = (np.array([scores[text] for text in shared]) for scores in (mine, theirs))
    return measures.agreement(first, second, resamples, seed)


def _rows(vectors: EmotionVectors, emotions: list[str], layer: int) -> np.ndarray:
    return vectors.at(layer)[[vectors.index(emotion) for emotion in emotions]]
