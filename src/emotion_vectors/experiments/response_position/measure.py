"""Is what the probes read where the user ended the same as where the answer begins, and does that last into the answer?

In: residuals of s prompts at three positions and unit vectors of n emotions, at every layer. Positions: the last token of the user's
message; the response position, from which the answer's first token is predicted; the mean over the first tokens of the model's own greedy
answer. Out: the record's `response_position`. Formula: Pearson's r of the cosines at two positions, over prompts and probes, and with
each probe's mean over the prompts subtracted (`stats.agreement`). Source: paper, 8 prompts and 6 probes: r = 0.11 of the user's full stop
with the Assistant's colon, 0.87 of the colon with the next 20 tokens, 0.59 of the full stop with these; intervals, nulls and the r
within the probes are ours. What it can't tell: neighbouring positions share much of any direction, so a large r need not be about
emotion; random directions show how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments.response_position.record import (
    Agreed,
    LayerRow,
    Position,
    PositionPair,
    ProbeSet,
    Prompt,
    RandomDirections,
    ResponsePosition,
)
from emotion_vectors.report.topic import Evidence, Measured
from emotion_vectors.stats import nulls
from emotion_vectors.stats.agreement import FEWEST, middle, table_agreement, table_r
from emotion_vectors.stats.correlation import standardised
from emotion_vectors.vectors.directions import cosine

TOKENS = 20  # of the answer; the paper's number
PUBLISHED = ("afraid", "angry", "sad", "calm", "happy", "loving")  # the paper's six probes
POSITIONS: tuple[Position, ...] = ("user", "response", "answer")
PAIRS = tuple(combinations(POSITIONS, 2))
RANDOM_SETS, RANDOM_POOL = 100, 2000  # sets of random directions, and the directions that they are cut from


class Asked(NamedTuple):
    """The prompts and what was read: names and implied emotions (s,), residuals at each position (s, l, d), tokens of the answers (s,)."""

    names: Sequence[str]
    emotions: Sequence[str]
    at: dict[Position, np.ndarray]
    tokens: np.ndarray
    first_list: int  # how many of them are of the first list

    def spoken(self) -> Asked:
        """Those whose answer has a token."""
        rows = [int(row) for row in np.flatnonzero(self.tokens > 0)]
        return Asked(
            [self.names[row] for row in rows], [self.emotions[row] for row in rows],
            {name: table[rows] for name, table in self.at.items()}, self.tokens[rows], sum(row < self.first_list for row in rows),
        )  # fmt: skip


def measure(evidence: Evidence) -> Measured | None:
    """The part of a run; None where the model's answers were not read, or too few prompts have one."""
    found, readings, vectors = evidence.responses, evidence.readings, evidence.vectors
    if found is None:
        return None
    scenarios = (*evidence.pack.scenarios, *evidence.pack.heldout_scenarios)
    response = np.concatenate([readings.scenarios, readings.heldout])
    layers = list(vectors.layers)
    at: dict[Position, np.ndarray] = {
        name: rows[:, [layer + 1 for layer in layers]]
        for name, rows in zip(POSITIONS, (found.user, response, found.answer), strict=True)
    }
    asked = Asked(
        [one.name for one in scenarios], [one.emotion for one in scenarios], at, found.tokens, len(evidence.pack.scenarios)
    )  # fmt: skip
    settings, rows = evidence.settings, np.stack([vectors.at(layer) for layer in layers])
    part = run(vectors.emotions, rows, layers, vectors.layer, asked, settings.resamples, settings.seed)
    return Measured(part) if part is not None else None


def run(
    emotions: Sequence[str], vectors: np.ndarray, layers: Sequence[int], layer: int, asked: Asked, repeats: int, seed: int
) -> ResponsePosition | None:  # fmt: skip
    """The record's part from vectors (l, n, d) at `layers`; `layer` is the analysis layer, one of them. None with too few answers."""
    kept = asked.spoken()
    if len(kept.names) < FEWEST or len(emotions) < 2:
        return None
    here = list(layers).index(layer)
    tables = _cosines(vectors[here], kept, here)
    shown = [emotion for emotion in PUBLISHED if emotion in emotions]
    columns = {"all": list(range(len(emotions))), "published": [list(emotions).index(emotion) for emotion in shown]}
    lists = {"both lists": len(kept.names), "first list": kept.first_list}
    chance = _random(kept, here, seed)
    sets = [
        _set(prompts, probes, {name: table[: lists[prompts], columns[probes]] for name, table in tables.items()}, chance, repeats, seed)
        for prompts, probes in (("both lists", "all"), ("both lists", "published"), ("first list", "published"))
        if len(columns[probes]) >= 2 and lists[prompts] >= FEWEST
    ]  # fmt: skip
    curve = []
    for place, number in enumerate(layers):
        found = _cosines(vectors[place], kept, place)
        pooled, within = ([_r(found[a], found[b], inside) for a, b in PAIRS] for inside in (False, True))
        curve.append(LayerRow(layer=int(number), pooled=pooled, within=within))
    prompts = [
        Prompt(
            name=kept.names[row], emotion=kept.emotions[row], tokens=int(kept.tokens[row]),
            user=tables["user"][row, columns["published"]].tolist(), response=tables["response"][row, columns["published"]].tolist(),
            answer=tables["answer"][row, columns["published"]].tolist(),
        )
        for row in range(len(kept.names))
    ]  # fmt: skip
    return ResponsePosition(
        layer=int(layer), tokens=TOKENS, silent=len(asked.names) - len(kept.names), first_list=kept.first_list, sets=sets, by_layer=curve,
        shown=shown, prompts=prompts, by_emotion=_by_emotion(emotions, tables["user"], tables["response"]),
    )  # fmt: skip


def _by_emotion(emotions: Sequence[str], first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Pearson's r of each emotion's cosines (s, n) at two positions; those without a spread have none."""
    r = (standardised(first) * standardised(second)).sum(axis=0).clip(-1, 1)
    return {emotion: float(value) for emotion, value in zip(emotions, r, strict=True) if np.isfinite(value)}


def _cosines(vectors: np.ndarray, asked: Asked, place: int) -> dict[Position, np.ndarray]:
    """Cosines (s, n) at each position with `vectors` (n, d), of the layer at `place`."""
    return {name: cosine(rows[:, place], vectors) for name, rows in asked.at.items()}


def _random(asked: Asked, place: int, seed: int) -> dict[Position, np.ndarray]:
    """Cosines (s, RANDOM_POOL) with random directions."""
    width = asked.at["user"].shape[-1]
    directions = nulls.random_directions(RANDOM_POOL, width, seed=seed)
    return _cosines(directions, asked, place)


def _set(
    prompts: Any, probes: Any, tables: dict[Position, np.ndarray], chance: dict[Position, np.ndarray], repeats: int, seed: int
) -> ProbeSet:  # fmt: skip
    count, size = tables["user"].shape
    drawn = _draws(chance, count, size, seed)
    pairs = []
    for a, b in PAIRS:
        both = [(some[a], some[b]) for some in drawn]
        pooled, within = (_agreed(tables[a], tables[b], inside, both, repeats, seed) for inside in (False, True))
        pairs.append(PositionPair(first=a, second=b, pooled=pooled, within=within))
    return ProbeSet(prompts=prompts, probes=probes, of_prompts=count, of_probes=size, pairs=pairs)


def _draws(chance: dict[Position, np.ndarray], prompts: int, size: int, seed: int) -> list[dict[Position, np.ndarray]]:
    """`RANDOM_SETS` sets of `size` of the random directions, each without repeats where there are enough."""
    generator, many = np.random.default_rng(seed), chance["user"].shape[1]
    picks = [generator.choice(many, size, replace=size > many) for _ in range(RANDOM_SETS)]
    return [{name: table[:prompts, pick] for name, table in chance.items()} for pick in picks]


def _agreed(
    first: np.ndarray, second: np.ndarray, within: bool, drawn: list[tuple[np.ndarray, np.ndarray]], repeats: int, seed: int
) -> Agreed | None:  # fmt: skip
    found = table_agreement(first, second, within=within, repeats=repeats, seed=seed)
    if found is None:
        return None
    random = middle([table_r(a, b, within) for a, b in drawn])
    spread = None if random is None else RandomDirections(**random._asdict())
    return Agreed(r=found.r, interval=[found.low, found.high], shuffled=found.shuffled, p=found.p, random=spread)


def _r(first: np.ndarray, second: np.ndarray, within: bool) -> float | None:
    value = table_r(first, second, within)
    return None if np.isnan(value) else value
