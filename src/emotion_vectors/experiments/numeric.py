"""V5 and V6: do the vectors follow what a number in the prompt means?

In: activations at the response position for every value of every numeric template, and the vectors of afraid, happy, sad
and calm. Out: cosine curves, Spearman's rho of value and cosine, and counts of expected signs and of strong rho.
Source: paper, Figure 3; seed report section 3.3. Expected signs are fixed in the pack beforehand; "none" is not counted.
What it can't tell: with six values a random direction is often strongly monotone, so V6 is weak by construction; the
null plays the same game with random directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_vectors.experiments.criteria import Null, judge, scaled
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stats.correlation import spearman_rows
from emotion_vectors.stimuli.items import NUMERIC_EMOTIONS, NumericTemplate
from emotion_vectors.vectors.directions import cosine

STRONG = 0.7
RANDOM_DIRECTIONS = 1000


def run(
    templates: Sequence[NumericTemplate],
    activations: Sequence[np.ndarray],
    emotions: Sequence[str],
    vectors: np.ndarray,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `numeric` part and V5, V6; `activations[t]` is (values of template t, d), `vectors` (n, d)."""
    probes = vectors[[list(emotions).index(emotion) for emotion in NUMERIC_EMOTIONS]]
    random = nulls.random_directions(RANDOM_DIRECTIONS, vectors.shape[1], seed=seed)
    rows, observed, chance = [], [], []
    for template, activation in zip(templates, activations, strict=True):
        values = np.array(template.values)
        curves = cosine(probes, activation)
        rho = _spearman(curves, values)
        observed.append(rho)
        chance.append(_spearman(cosine(random, activation), values))
        rows.append(
            {
                "name": template.name, "template": template.template, "x_label": template.x_label,
                "values": list(template.values), "expected": dict(template.expected),
                "cosine": {e: curves[i].tolist() for i, e in enumerate(NUMERIC_EMOTIONS)},
                "spearman": {e: float(rho[i]) for i, e in enumerate(NUMERIC_EMOTIONS)},
                "change": {e: float(curves[i, -1] - curves[i, 0]) for i, e in enumerate(NUMERIC_EMOTIONS)},
            }
        )  # fmt: skip
    expected = np.array([[_sign(t.expected[e]) for e in NUMERIC_EMOTIONS] for t in templates])
    return {"emotions": list(NUMERIC_EMOTIONS), "templates": rows}, _criteria(
        np.array(observed), np.array(chance), expected, resamples, seed
    )


def _criteria(
    observed: np.ndarray, chance: np.ndarray, expected: np.ndarray, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """V5 and V6 from rho (templates, emotions), rho of random directions (templates, r) and signs (templates, emotions)."""
    named = expected != 0
    right = (np.sign(observed) == expected) & named
    strong = np.abs(observed) > STRONG
    # (random direction, role of an emotion, template): would it pass in that role?
    random_right = (np.sign(chance).T[:, None] == expected.T[None]) & named.T[None]
    random_strong = np.repeat((np.abs(chance) > STRONG).T[:, None], expected.shape[1], axis=1)
    criteria = []
    for name, title, table, null_table, bar, total, unit in (
        ("V5", "Expected signs", right, random_right, 17, int(named.sum()), "curves with the expected sign"),
        ("V6", "Strong trends", strong, random_strong, 12, strong.size, f"curves with |rho| > {STRONG}"),
    ):
        count = int(table.sum())
        null = nulls.role_count_null(null_table, repeats=resamples, seed=seed)
        templates = list(range(len(table)))
        interval, _ = intervals.cluster_bootstrap(
            lambda index, table=table: table[index].sum(), templates, repeats=resamples, seed=seed
        )
        note = (
            ""
            if name == "V6" or named.all()
            else f"{int((~named).sum())} curves have no expected sign and don't count."
        )
        criteria.append(
            judge(
                name, title, count, (interval.low, min(float(interval.high), total)),
                Null("random directions in the roles of the emotions", float(null.mean()), float(nulls.permutation_p(count, null))),
                scaled(bar, total, 24), unit, total, note=note,
            )
        )  # fmt: skip
    return criteria


def _spearman(curves: np.ndarray, values: np.ndarray) -> np.ndarray:
    """rho of each curve (rows) with the values; a constant curve has none and counts as 0."""
    return np.nan_to_num(spearman_rows(values, curves))


def _sign(expected: str) -> int:
    return {"+": 1, "-": -1, "none": 0}[expected]
