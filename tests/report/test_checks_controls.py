"""Contradictions about controls: baselines of the lens, effect size in cosine, held-constant correlations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .asking import check, figure_claims
from .contradictions import assert_refused
from .record import build

Record = dict[str, Any]


def _lens(record: Record) -> Record:
    return record["experiments"]["lens"]


def _baseline(**changes: Any) -> Callable[[Record], None]:
    return lambda record: _lens(record)["baselines"][2].update(changes)


def _paired(**changes: Any) -> Callable[[Record], None]:
    return lambda record: _lens(record)["against_static"].update(changes)


def _effect(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record["experiments"]["numeric"]["effect"].update(changes)


def _correlation(part: str, **changes: Any) -> Callable[[Record], None]:
    return lambda record: record["experiments"]["correlation"][part].update(changes)


def _emotion(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record["experiments"]["correlation"]["emotions"][5].update(changes)


def _as_good_but_passed(record: Record) -> None:
    """The words recognise as many as the vectors, every number agrees, and V1 still passes."""
    lens = _lens(record)
    lens["baselines"][2]["count"] = lens["count"]
    lens["against_static"].update(vectors_only=4, static_only=4, p=0.63671875)
    record["criteria"]["V1"].update(verdict="pass", null={"what": "x", "value": 1.0, "p": 0.001})


def _cosine_count(record: Record) -> None:
    record["experiments"]["correlation"]["cosine_count"] -= 1


def _no_discoveries_stated(record: Record) -> None:
    record["experiments"]["correlation"]["discoveries"] = 172


CONTRADICTIONS: dict[str, tuple[Callable[[Record], None], str]] = {
    "a baseline above all": (_baseline(count=172), "outside 0 to 171"),
    "a baseline of other emotions": (_baseline(of=170), "is out of 170"),
    "a baseline that the pairs deny": (_baseline(count=30), "beyond the token embeddings"),
    "a p that the discordant emotions deny": (_paired(p=0.2), "The p of the vectors against"),
    "more discordant emotions than emotions": (_paired(vectors_only=170, static_only=9), "emotions differ"),
    "a pass that the words give as well": (_as_good_but_passed, "the token embeddings do as well"),
    "an effect outside its interval": (_effect(low=0.9, high=1.0), "outside its interval"),
    "an effect interval upside down": (_effect(low=1.0, high=0.0), "runs from"),
    "an effect with one end": (_effect(low=None), "only one end"),
    "an effect that the curves deny": (_effect(mean=0.5, low=0.4, high=0.6), "The mean change in cosine"),
    "an effect of more curves": (_effect(curves=24), "counts 24 curves"),
    "V5 with a smaller p than its size has": (_effect(p=0.3), "V5 states p"),
    "V5 with a smaller p than its signs have": (_effect(signs_p=0.3), "V5 states p"),
    "a fitted change that the curve denies": (
        lambda record: record["experiments"]["numeric"]["templates"][0]["fitted_change"].update(happy=0.4),
        "The fitted change of happy",
    ),
    "more discoveries than emotions": (_no_discoveries_stated, "discoveries"),
    "a partial r of 1.2": (_emotion(r_partial=-1.2), "correlation.emotions.5.r_partial"),
    "a p of a partial r beyond 1": (_emotion(p_partial=1.2), "correlation.emotions.5.p_partial"),
    "a partial count that the emotions deny": (_correlation("extremes_held", partial_count=3), "partial |r| > 0.3"),
    "a partial count above all": (_correlation("within_categories", partial_count=200), "A count of within_categories"),
    "an r by mean cosine of 1.2": (_emotion(r_cosine=1.2), "correlation.emotions.5.r_cosine"),
    "a count by mean cosine that the emotions deny": (_cosine_count, "|r| > 0.3 by mean cosine"),
    "a null count below nothing": (
        _correlation("within_categories", null_count=-1),
        "correlation.within_categories.null_count",
    ),
    "a p within categories beyond 1": (
        _correlation("within_categories", gap_p=1.5),
        "correlation.within_categories.gap_p",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])


def test_a_record_without_the_controls_is_read_too(right: Record) -> None:
    """Runs of earlier versions have none of these keys."""
    record = copy.deepcopy(right)
    experiments = record["experiments"]
    for key in ("baselines", "against_static"):
        del experiments["lens"][key]
    del experiments["numeric"]["effect"]
    for key in ("discoveries", "within_categories", "extremes_held", "cosine_count"):
        del experiments["correlation"][key]
    for row in experiments["correlation"]["emotions"]:
        del row["r_cosine"]
    check(record)
    assert "mean cosine" not in figure_claims(record, 3).seen
    assert "Mean change" not in figure_claims(record, 2).chance
    assert "held constant" not in figure_claims(record, 3).chance


@pytest.mark.parametrize("size, seed", [("full", 0), ("toy", 1)])
def test_sentences_give_the_controls_of_the_record(size: str, seed: int) -> None:
    record = build(size, seed)
    signed = []
    for template in record["experiments"]["numeric"]["templates"]:
        for emotion, sign in template["expected"].items():
            curve = template["cosine"][emotion]
            rise = np.polyval(line := np.polyfit(range(len(curve)), curve, 1), len(curve) - 1) - np.polyval(line, 0)
            signed += [] if sign == "none" else [rise if sign == "+" else -rise]
    seen = figure_claims(record, 2).chance
    assert f"Mean change in cosine in the expected direction: {np.mean(signed):+.3f} (95 % interval " in seen
    rows = record["experiments"]["correlation"]["emotions"]
    strong, cosine = (sum(abs(row[key]) > 0.3 for row in rows) for key in ("r", "r_cosine"))
    seen = figure_claims(record, 3).seen
    assert f"; {strong} of {len(rows)} emotions have |r| > 0.3" in seen
    assert f", {cosine} by the mean cosine over an activity's tokens in place of the projection. " in seen
    held = sum(abs(row["r_partial"]) > 0.3 for row in rows)
    seen = figure_claims(record, 3).chance
    assert f"for {held} with Misaligned and Unsafe held constant (scores permuted within: 1.6, p = 0.002)" in seen
    assert f"for {len(rows) // 6} with all categories held constant (scores permuted within: 1.4, p = 0.03)" in seen
