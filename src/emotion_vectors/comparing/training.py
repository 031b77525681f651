"""What training changed at the response position: the second model's residuals read with the first one's vectors.

In: vectors (l, n, d) of n emotions at l layers, and residuals (s, l, d) of the same s prompts in both models. Out: of each emotion the mean
cosine before and after and their difference, the shift, with an interval; how far the profile of the emotions stays (Pearson's r of their
mean cosines) and what tells the prompts apart (r within the emotions, `stats.agreement`); the size of the shift by layer.
Source: paper, base against post-trained model at the Assistant's colon with the same vectors: r = 0.83 over neutral and 0.67 over
challenging prompts; a shift that grows to the mid-late layers. Intervals and nulls are ours. What it can't tell: that a direction of the
first model still means the same emotion in the second one; random directions show what moves whatever the direction.
"""

from __future__ import annotations

import numpy as np

from emotion_vectors.comparing.runs import Compared
from emotion_vectors.record.run import Model
from emotion_vectors.stats.agreement import FEWEST, Agreement, middle, table_agreement, table_r
from emotion_vectors.stats.correlation import pearson_pairs
from emotion_vectors.stats.intervals import drawn_counts, expanded_level, interval_from_draws
from emotion_vectors.stats.nulls import permutation_p, random_directions
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.directions import cosine

LISTS = {"scenarios": "scenarios", "heldout": "heldout_scenarios", "retrieval": "retrieval_scenarios"}
RANDOM = 500  # random directions
RANDOM_SETS = 200


def why_not(a: Compared, b: Compared) -> str:
    """Why two runs are not a model before and after training that can be read with the first one's vectors; "" where they are."""
    first, second = a.record.model, b.record.model
    if first.sha256 == second.sha256:
        return "both have the same weights, so there is no training between them"
    shapes = [(model.architecture, model.layers, model.hidden_size) for model in (first, second)]
    if shapes[0] != shapes[1]:
        return (
            "their models differ in architecture, layers or width, so they are not one model before and after training"
        )
    if not _same_base(first, second):
        mine, theirs = a.vocabulary(), b.vocabulary()
        if mine is not None and theirs is not None:
            if mine != theirs:
                return (
                    "their tokenizers have different vocabularies, so they are not one model before and after training"
                )
        elif first.parameters != second.parameters:
            return (
                "an older run does not say which vocabulary its tokenizer has, and their numbers of parameters differ"
            )
    if len(a.vectors.emotions) < FEWEST:
        return f"the first has vectors of {len(a.vectors.emotions)} emotions and {FEWEST} are needed"
    if not _lists(a, b):
        return "they have no list of scenarios in common"
    for run in (a, b):
        if not run.has_readings:
            return f"{run.name} no longer has its readings (readings.safetensors)"
    return ""


def _same_base(first: Model, second: Model) -> bool:
    """Whether one is the other with an adapter or a quantisation."""
    return (first.base_sha256 or first.sha256) == (second.base_sha256 or second.sha256)


def _lists(a: Compared, b: Compared) -> list[str]:
    """The lists of scenarios, as the readings call them, that are the same in both runs."""
    mine, theirs = a.record.lists(), b.record.lists()
    return [name for name, key in LISTS.items() if key in mine and mine[key] == theirs.get(key)]


def compare_training(a: Compared, b: Compared, resamples: int, seed: int) -> JsonObject:
    """The part `training` of two runs for which `why_not` has nothing to say."""
    lists, vectors = _lists(a, b), a.vectors
    before, after = (np.concatenate([run.readings()[name] for name in lists])[:, 1:] for run in (a, b))
    layers = list(vectors.layers)
    rows = np.stack([vectors.at(layer) for layer in layers])
    formats = [run.record.model.prompt_format for run in (a, b)]
    return {"lists": lists, "formats": formats} | shifts(
        list(vectors.emotions), rows, before[:, layers], after[:, layers], layers, vectors.layer, resamples, seed
    )


def shifts(
    emotions: list[str], vectors: np.ndarray, before: np.ndarray, after: np.ndarray, layers: list[int], layer: int, resamples: int, seed: int
) -> JsonObject:  # fmt: skip
    """Shift by emotion and by layer, and what of the profiles stays, from vectors (l, n, d) and residuals (s, l, d) of both models."""
    here, directions = layers.index(layer), random_directions(RANDOM, vectors.shape[-1], seed=seed)
    tables = [cosine(rows[:, here], vectors[here]) for rows in (before, after)]
    chance = [cosine(rows[:, here], directions) for rows in (before, after)]
    moved = np.abs((chance[1] - chance[0]).mean(axis=0))
    bar = float(np.quantile(moved, 0.95))
    items = _emotions(emotions, tables, resamples, seed)
    inside = table_agreement(tables[0], tables[1], within=True, repeats=resamples, seed=seed)
    return {
        "layer": layer, "prompts": len(before), "emotions": items, "profile": _profile(tables, chance, resamples, seed),
        "within": None if inside is None else _told(inside) | {"random": _band(chance, len(emotions), seed)},
        "shift": float(np.mean([abs(one["shift"]) for one in items])), "random_shift": float(moved.mean()), "random_95": bar,
        "beyond": sum(abs(one["shift"]) > bar and one["interval"][0] * one["interval"][1] > 0 for one in items),
        "by_layer": [_at_layer(layers[place], vectors[place], before[:, place], after[:, place], directions) for place in range(len(layers))],
    }  # fmt: skip


def _emotions(names: list[str], tables: list[np.ndarray], resamples: int, seed: int) -> list[JsonObject]:
    """Of each emotion the mean cosine `before` and `after`, its `shift` and the shift's interval, prompts resampled."""
    change = tables[1] - tables[0]
    count = len(change)
    drawn = drawn_counts(count, resamples, seed) @ change / count
    found = interval_from_draws(drawn, change.mean(axis=0), expanded_level(0.95, count))
    return [
        {
            "emotion": name, "before": float(tables[0][:, i].mean()), "after": float(tables[1][:, i].mean()), "shift": float(found.estimate[i]),
            "interval": [float(found.low[i]), float(found.high[i])],
        }
        for i, name in enumerate(names)
    ]  # fmt: skip


def _profile(tables: list[np.ndarray], chance: list[np.ndarray], resamples: int, seed: int) -> JsonObject | None:
    """r of the emotions' mean cosines before and after; None where they don't differ.

    `interval`: prompts resampled; `exchanged` and `p`: the emotions of one model exchanged at random; `random`: sets of random directions.
    """
    means = [table.mean(axis=0) for table in tables]
    value = _r(*means)
    if np.isnan(value):
        return None
    weights = drawn_counts(len(tables[0]), resamples, seed)
    drawn = pearson_pairs(*((weights @ table / len(table)).T for table in tables))
    bounds = interval_from_draws(
        np.where(np.isnan(drawn), value, drawn), value, expanded_level(0.95, len(tables[0]))
    ).single()
    generator = np.random.default_rng(seed + 1)
    null = np.array([_r(means[0], means[1][generator.permutation(len(means[1]))]) for _ in range(resamples)])
    sets = [generator.choice(RANDOM, len(means[0]), replace=len(means[0]) > RANDOM) for _ in range(RANDOM_SETS)]
    random = [_r(chance[0].mean(axis=0)[some], chance[1].mean(axis=0)[some]) for some in sets]
    return {
        "r": value, "interval": [bounds.low, bounds.high], "exchanged": float(null.mean()), "p": float(permutation_p(value, null)),
        "random": _middle(random),
    }  # fmt: skip


def _told(found: Agreement) -> JsonObject:
    return {"r": found.r, "interval": [found.low, found.high], "shuffled": found.shuffled, "p": found.p}


def _band(chance: list[np.ndarray], size: int, seed: int) -> dict[str, float] | None:
    """r within the directions for sets of `size` random directions."""
    generator = np.random.default_rng(seed)
    sets = [generator.choice(RANDOM, size, replace=size > RANDOM) for _ in range(RANDOM_SETS)]
    return _middle([table_r(chance[0][:, some], chance[1][:, some], within=True) for some in sets])


def _middle(values: list[float]) -> dict[str, float] | None:
    found = middle(values)
    return None if found is None else found._asdict()


def _at_layer(number: int, vectors: np.ndarray, before: np.ndarray, after: np.ndarray, directions: np.ndarray) -> JsonObject:  # fmt: skip
    """Mean size of the shift over the emotions and over random directions, and r of the profiles, at one layer."""
    tables = [cosine(rows, vectors) for rows in (before, after)]
    moved = [np.abs((cosine(after, some) - cosine(before, some)).mean(axis=0)).mean() for some in (vectors, directions)]
    profile, inside = _r(*(table.mean(axis=0) for table in tables)), table_r(tables[0], tables[1], within=True)
    return {
        "layer": int(number), "shift": float(moved[0]), "random_shift": float(moved[1]), "profile": _known(profile), "within": _known(inside),
    }  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _r(x: np.ndarray, y: np.ndarray) -> float:
    return float(pearson_pairs(x, y))
