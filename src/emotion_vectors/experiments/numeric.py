"""V5 and V6: do the vectors follow what a number in the prompt means?

In: activations at the response position for every value of every numeric template, and the vectors of afraid, happy, sad
and calm. Out: cosine curves, Spearman's rho of value and cosine, and counts of expected signs and of strong rho.
Source: paper, Figure 3; seed report section 3.3. Expected signs are fixed in the pack beforehand; "none" is not counted.
What it can't tell: with six values a random direction is often strongly monotone, so V6 is weak by construction; the
null plays the same game with random directions that have the mutual angles of the four vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.chance import turned_projections
from emotion_vectors.experiments.criteria import Null, judge, scaled
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.stats.correlation import spearman_rows
from emotion_vectors.stimuli.items import NUMERIC_EMOTIONS, NumericTemplate
from emotion_vectors.vectors.directions import cosine, unit

STRONG = 0.7
DECIMALS = 7  # of a cosine: what is left beyond is rounding, which must not be ranked


def run(
    templates: Sequence[NumericTemplate],
    activations: Sequence[np.ndarray],
    emotions: Sequence[str],
    vectors: np.ndarray,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record's `numeric` part and V5, V6; `activations[t]` is (values of template t, d), `vectors` (n, d)."""
    missing = [emotion for emotion in NUMERIC_EMOTIONS if emotion not in emotions]
    if missing:
        raise UserError(f"The numeric experiment needs {', '.join(missing)}, not in this run; use more emotions.")
    probes = unit(vectors[[list(emotions).index(emotion) for emotion in NUMERIC_EMOTIONS]].astype(np.float64))
    everything = unit(np.concatenate(list(activations)).astype(np.float64))
    # (resamples, all values, emotions): the four probes turned together, so that what they share stays shared.
    turned = turned_projections(everything, probes, resamples, seed)
    rows, observed, chance, start = [], [], [], 0
    for template, activation in zip(templates, activations, strict=True):
        values = np.array(template.values)
        curves = np.round(cosine(probes, activation), DECIMALS)
        rho = _spearman(curves, values)
        observed.append(rho)
        chance.append(_spearman(np.moveaxis(turned[:, start : start + len(values)], 1, -1), values))
        start += len(values)
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
        np.array(observed), np.stack(chance, axis=1), expected, resamples, seed
    )


def _criteria(
    observed: np.ndarray, chance: np.ndarray, expected: np.ndarray, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """V5 and V6 from rho (templates, emotions), rho of turned probes (c, templates, emotions) and signs (templates, emotions)."""
    named = expected != 0
    right, random_right = ((np.sign(rho) == expected) & named for rho in (observed, chance))
    strong, random_strong = (np.abs(rho) > STRONG for rho in (observed, chance))
    unnamed = f"{int((~named).sum())} curves have no expected sign and don't count."
    criteria = []
    for name, title, table, null_table, bar, total, unit_text, note in (
        ("V5", "Expected signs", right, random_right, 17, int(named.sum()), "curves with the expected sign",
         "" if named.all() else unnamed),
        ("V6", "Strong trends", strong, random_strong, 12, strong.size, f"curves with |rho| > {STRONG}", ""),
    ):  # fmt: skip
        count, null = int(table.sum()), null_table.sum((1, 2))
        interval, _ = intervals.cluster_bootstrap(
            lambda index, table=table: table[index].sum(), list(range(len(table))), repeats=resamples, seed=seed
        )
        criteria.append(
            judge(
                name, title, count, (float(interval.low), min(float(interval.high), total)),
                Null("random directions with the angles of the emotions", float(null.mean()), float(nulls.permutation_p(count, null))),
                scaled(bar, total, 24), unit_text, total, note=note,
            )
        )  # fmt: skip
    return criteria


def _spearman(curves: np.ndarray, values: np.ndarray) -> np.ndarray:
    """rho of each curve (rows) with the values; a constant curve has none and counts as 0."""
    return np.nan_to_num(spearman_rows(values, np.round(curves, DECIMALS)))


def _sign(expected: str) -> int:
    return {"+": 1, "-": -1, "none": 0}[expected]
