"""The specificity of steering on the page: its figure, its table, and what its part of the record must agree on."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from emotion_vectors.experiments.specificity.measure import run
from emotion_vectors.experiments.specificity.record import Estimate, Specificity
from emotion_vectors.experiments.specificity.sentences import (
    NAMES,
    matrix_chance,
    matrix_seen,
    remarks,
    second_seen,
    shares_seen,
)
from emotion_vectors.experiments.steering.effects import Options
from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import pearson, require, require_close
from emotion_vectors.report.palette import data
from emotion_vectors.report.topic import Cell, Evidence, Figure, Measured, Rows, Shade, Table, TableOf, Topic
from emotion_vectors.report.wording import NOTHING, fixed, interval, number
from emotion_vectors.stats import profiles as stats
from emotion_vectors.stats.steering import split_halves

_CELL = 22


def measure(evidence: Evidence) -> Measured | None:
    """The part of a run, and what it adds to the reasons of V10 and V11; None where nothing was steered."""
    runs, settings, pack = evidence.runs, evidence.settings, evidence.pack
    if runs is None:
        return None
    splits = split_halves([a.category for a in pack.activities], settings.random_splits, settings.seed)
    r = evidence.correlations.r[[evidence.vectors.index(emotion) for emotion in runs.plan.emotions]]
    options = Options(splits, settings.resamples, settings.seed)
    part = run(pack.activities, evidence.scores.nats, runs, r, pack.valence, options)
    return Measured(part, reasons=remarks(part))


def _ordered(part: Specificity) -> list[int]:
    """The emotions by valence, positive first, so that groups that act alike stand together."""
    order = {"positive": 0, "negative": 1}
    return sorted(range(len(part.profiles)), key=lambda i: order.get(part.profiles[i].valence or "", 2))


def matrix_rows(record: Record) -> Rows:
    """One row for each pair of emotion vectors: r of their effects over the activities; null where one is constant."""
    part = record.part(Specificity)
    if part is None:
        return []
    table = _table(part)
    return [
        {
            "emotion": part.profiles[i].emotion, "valence": part.profiles[i].valence, "other": part.profiles[j].emotion,
            "r": float(table[i, j]) if np.isfinite(table[i, j]) else None,
        }
        for i in _ordered(part)
        for j in _ordered(part)
    ]  # fmt: skip


def _table(part: Specificity) -> np.ndarray:
    """(m, m) correlations of the profiles."""
    rows = np.array([[row.nats for row in part.profiles]], dtype=np.float64)
    return stats.correlations(rows, np.ones((1, rows.shape[2])))[0]


def matrix_chart(record: Record) -> Any | None:
    """Every emotion vector against every other: how alike their effects over the activities are."""
    rows = matrix_rows(record)
    if not rows:
        return None
    names = list(dict.fromkeys(row["emotion"] for row in rows))
    axis = alt.Axis(domain=False, ticks=False, labelPadding=4)
    return (
        alt.Chart(data(rows))
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("other:N", sort=names, title=None, axis=axis.copy()),
            y=alt.Y("emotion:N", sort=names, title="Steered with", axis=axis),
            color=alt.Color(
                "r:Q",
                scale=alt.Scale(scheme="redblue", reverse=True, domain=[-1, 1], domainMid=0),
                legend=alt.Legend(title="r over activities", gradientThickness=10, format="+.1f", tickCount=5),
            ),
            tooltip=[
                alt.Tooltip("emotion:N", title="Vector"),
                alt.Tooltip("other:N", title="Other vector"),
                alt.Tooltip("r:Q", title="r over activities", format="+.3f"),
            ],
        )
        .properties(width=_CELL * len(names), height=_CELL * len(names))
    )


def arms_table(record: Record) -> Table | None:
    """Each kind of vector: how alike two of them act, and whose variance their effects are; None without the part."""
    part = record.part(Specificity)
    if part is None or not part.arms:
        return None
    rows = tuple(
        (
            Cell(NAMES[arm.kind].capitalize()),
            *(
                Cell(text, "number")
                for text in (
                    number(arm.vectors), *(_cell(found) for found in (arm.r, arm.size, arm.activity, arm.vector, arm.interaction)),
                )
            ),
        )
        for arm in part.arms
    )  # fmt: skip
    columns = (
        "Vectors", "How many", "Mean r of two", "Mean |r|", "Share: activity", "Share: vector", "Share: both together",
    )  # fmt: skip
    note = f"{shares_seen(part)} {second_seen(part)} Each with its 95 % interval over the activities."
    return Table("How specific steering is", columns, rows, note.strip())


def _cell(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return NOTHING
    return f"{fixed(found.value)} ({interval((found.low, found.high), 2)})"


def contradictions(record: Record) -> None:
    """Refuse statistics that the profiles deny, scores that are not those of the steered emotions, and reasons that say otherwise."""
    part, steering = record.part(Specificity), record.part(Steering)
    if part is None:
        return
    require(steering is not None, "The record says how specific steering is but has no steering.")
    assert steering is not None
    steered = [row.emotion for row in steering.emotions]
    require([row.emotion for row in part.profiles] == steered, "The profiles are not those of the steered emotions.")
    _check_profiles(part)
    _check_references(part, steering)
    for name, sentence in remarks(part).items():
        criterion = record.criteria[name]
        require(
            not criterion.asked or sentence in criterion.reason, f"The reason of {name} lacks how specific steering is."
        )


def _check_profiles(part: Specificity) -> None:
    sizes = {len(row.nats) for row in part.profiles}
    require(sizes <= {len(part.activities)}, f"Profiles of {sizes} activities are stated for {len(part.activities)}.")
    own = part.arm("emotion")
    if own is None:
        return
    rows = np.array([[row.nats for row in part.profiles]], dtype=np.float64)
    weights, off = np.ones((1, rows.shape[2])), ~np.eye(rows.shape[1], dtype=bool)
    r = stats.correlations(rows, weights)[0][off]
    found = (r.mean(), np.abs(r).mean(), *stats.shares(rows, weights)[0])
    for name, stated, computed in zip(
        ("r", "size", "activity", "vector", "interaction"),
        (own.r, own.size, own.activity, own.vector, own.interaction),
        found,
        strict=True,
    ):
        if np.isfinite(computed):
            require_close(stated.value, float(computed), 1e-6, f"The {name} of the emotion vectors' effects")
    for arm in part.arms:
        require_close(_sum(arm.activity, arm.vector, arm.interaction), 1.0, 1e-6, f"The shares of the kind {arm.kind}")


def _sum(*found: Estimate) -> float | None:
    values = [one.value for one in found]
    return None if None in values else float(sum(value for value in values if value is not None))


def _check_references(part: Specificity, steering: Steering) -> None:
    second = part.references
    if second is None:
        return
    require(set(second.activities) < set(part.activities), "The references are not some of the activities.")
    require(
        [(row.emotion, row.r) for row in second.emotions] == [(row.emotion, row.r) for row in steering.emotions],
        "The second way to score is about other emotions or correlations than the first.",
    )
    known = [row for row in second.emotions if row.r is not None]
    require_close(
        second.r, pearson([row.r for row in known], [row.nats for row in known]), 1e-6, "r by the second scoring"
    )
    agreement = pearson([row.nats for row in steering.emotions], [row.nats for row in second.emotions])
    require_close(second.agreement, agreement, 1e-6, "The agreement of both ways to score")
    if second.signs is not None:
        wanted = {row.emotion: row.valence for row in steering.emotions if row.valence is not None}
        right = sum(
            (row.nats > 0) == (wanted[row.emotion] == "positive") for row in second.emotions if row.emotion in wanted and row.nats
        )  # fmt: skip
        require_close(second.signs, right, 1e-6, "The signs by the second scoring")


def _said(sentence: Any) -> Any:
    def of(record: Record) -> str:
        part = record.part(Specificity)
        return "" if part is None else sentence(part)

    return of


def by_emotion(record: Record) -> dict[str, float]:
    """Effect of each steered emotion's vector against references that are never steered, in nats."""
    found = record.part(Specificity)
    return {row.emotion: row.nats for row in found.references.emotions} if found and found.references else {}


def note(record: Record) -> str:
    """How much of an effect is the emotion's own, and what control directions give."""
    part = record.part(Specificity)
    return "" if part is None else f"How far it matters which vector is added is in Figure S. {matrix_chance(part)}"


TOPIC = Topic(
    "specificity", "Specificity of steering", parts=(Specificity,), shades=(Shade("Effect against fixed references (nats)", by_emotion, note),), measure=measure, contradictions=contradictions,
    figures=(
        Figure(
            "S", "Do the vectors do different things? Effects of two emotion vectors over the activities", matrix_chart, matrix_rows,
            _said(matrix_seen), _said(matrix_chance), lambda record: "Not published: neither the paper nor Hong (2026) compares the vectors' effects.",
            section="controls",
        ),
    ),
    tables=(TableOf(arms_table, "controls"),),
)  # fmt: skip
