"""Tables of the steering experiment: arms, halves, effects by emotion, by category, and what the sizes mean."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_vectors.experiments.steering.controls import ARMS
from emotion_vectors.experiments.steering.record import EmotionEffect, Steering
from emotion_vectors.experiments.steering.record_controls import HalfEffect
from emotion_vectors.experiments.steering.sentences_controls import (
    arms_seen,
    broken_seen,
    categories_seen,
    scale_seen,
    shown_broken,
)
from emotion_vectors.experiments.steering.sentences_inversion import TOUCHED, contraction_seen, inversion_arms
from emotion_vectors.experiments.steering.terms import HALVES, VALENCES
from emotion_vectors.record import Record
from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import fixed, interval, number, signed

_ARMS = {
    "strength 0": "Strength 0",
    "emotion": "Emotion vectors on the steered activity alone",
    "wrong emotion": "The same effects against another emotion's correlation",
    "sign flipped": "Emotion vectors with the sign flipped",
    **{arm.kind: arm.title for arm in ARMS},
    "both activities": "Emotion vectors on both activities (Hong's error)",
    "all tokens": "Emotion vectors on every token of the prompt",
    "band, emotion": "Emotion vectors spread over a band of layers",
    "band, random": "Random directions spread over the same band",
}
_DECIMALS = 4  # of an effect in nats: noise of the steered path is of the size of the last one


def _numbers(values: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(Cell(value, "number") for value in values)


def arms_table(record: Record) -> Table | None:
    """Every arm with its effects and how its answers hold together; None without steering."""
    steering = record.part(Steering)
    if steering is None or not steering.arms:
        return None
    order = list(_ARMS)
    ordered = sorted(steering.arms, key=lambda row: order.index(row.arm) if row.arm in order else len(order))
    rows = tuple(
        (
            Cell(_ARMS.get(row.arm) or row.arm),
            *_numbers(
                [
                    number(row.vectors), signed(row.mean_nats, _DECIMALS), fixed(row.mean_size_nats, _DECIMALS),
                    signed(row.largest_nats, _DECIMALS), fixed(row.r), number(row.mass),
                    signed(row.entropy_change, 3), fixed(row.divergence, 3), fixed(row.consistency), number(row.broken),
                ]
            ),
        )
        for row in ordered
    )  # fmt: skip
    columns = (
        "Arm", "Vectors", "Mean effect (nats)", "Mean size", "Largest", "r", "Mass on A and B", "Entropy change (nats)",
        "Divergence (nats)", "Consistency", "Broken",
    )  # fmt: skip
    note = (
        "Effects over all splits and their complements, so a vector on both activities gives 0 by arithmetic. r is with each "
        "direction's own correlation with preference. Consistency is 1 minus 4 times the share of cyclic triads: 1 is a perfect "
        "order, 0 coin flips."
    )
    return Table(
        "The arms of the steering experiment", columns, rows, f"{arms_seen(steering)} {broken_seen(steering)} {note}"
    )


def inversion_table(record: Record) -> Table | None:
    """The even and the odd half in each arm, the zero-sum identity and the contraction; None without steering."""
    steering = record.part(Steering)
    if steering is None:
        return None
    arms = inversion_arms(steering.inversion)
    rows = tuple(
        (
            Cell(f"Vector {TOUCHED[touch]}"),
            *_numbers(
                [
                    *(_r(arm.half(half)) for half in HALVES),
                    *(signed(arm.half(half).mean_nats, _DECIMALS) for half in HALVES),
                    _small(arm.halves_sum_nats), _small(arm.zero_sum_nats), _small(arm.net_transfer_nats),
                    fixed(arm.mean_contraction, 3), fixed(arm.mean_size_elo, 2),
                ]
            ),
        )
        for touch, arm in arms.items()
    )  # fmt: skip
    columns = (
        "Arm", "r, even half steered", "r, odd half steered", "Mean effect, even (nats)", "Mean effect, odd (nats)",
        "Largest sum of both halves (nats)", "Largest |E[i, j] + E[j, i]| (nats)", "Net transfer (nats)", "Contraction slope",
        "Mean size (Elo points)",
    )  # fmt: skip
    return Table("The same vectors on one half and on the other", columns, rows, contraction_seen(steering.inversion))


def _r(found: HalfEffect) -> str:
    bounds = ""
    if found.low is not None and found.high is not None:
        bounds = f" ({interval((found.low, found.high), 2)})"
    return fixed(found.r) + bounds


def _small(value: float) -> str:
    """A size that may be rounding: below a ten-thousandth it keeps its power of ten."""
    return f"{value:.1e}".replace("-", "−") if 0 < abs(value) < 1e-4 else fixed(value, _DECIMALS)


def _in_elo(steering: Steering, row: EmotionEffect) -> float:
    """An effect in Elo points, steered minus control, by the run's rate."""
    return row.elo if steering.elo_per_nat is None else row.nats * steering.elo_per_nat


def effects_table(record: Record) -> Table | None:
    """Each steered emotion with its effect and the coherence of the answers beside it; None without steering."""
    steering = record.part(Steering)
    if steering is None or not steering.emotions:
        return None
    rows = tuple(
        (
            Cell(row.emotion),
            Cell(row.valence or "not given"),
            Cell(fixed(row.r), "number"),
            # These two may take two lines: the table is as wide as the page.
            Cell(f"{signed(row.nats, 3)} ({interval((row.low, row.high), 3)})", "measured"),
            # The interval is that of the effect in nats, so the value beside it is too; refitted scores are another estimate.
            Cell(f"{signed(_in_elo(steering, row), 1)} ({interval((row.elo_low, row.elo_high), 1)})", "measured"),
            *_numbers(
                [
                    signed(row.nats_even, 3),
                    signed(row.nats_odd, 3), f"{number(row.same_sign_splits)} of {number(steering.splits)}",
                    number(row.mass), signed(row.entropy_change, 3), fixed(row.divergence, 3), fixed(row.consistency),
                ]
            ),
            Cell("hold together" if row.coherent else "fell apart"),
        )
        for row in sorted(steering.emotions, key=lambda row: -row.nats)
    )  # fmt: skip
    columns = (
        "Emotion", "Valence", "r", "Effect in nats (95 %)", "Steered minus control, Elo (95 %)", "Even half", "Odd half",
        "Splits with this sign", "Mass on A and B", "Entropy change", "Divergence", "Consistency", "Answers",
    )  # fmt: skip
    note = f"{shown_broken(steering)} Effects of single halves in nats, entropy and divergence too."
    return Table("Steering effect of every emotion", columns, rows, note)


def steered_category_table(record: Record) -> Table | None:
    """Effects by category of the steered activity, as in Hong's Section 5.1; None without steering."""
    steering = record.part(Steering)
    if steering is None or not steering.categories:
        return None
    rows = tuple(
        (
            Cell(row.category),
            *_numbers([number(row.activities), signed(row.baseline_nats, 3), *(signed(nats, _DECIMALS) for sign in VALENCES for nats in row.effects(sign))]),
        )
        for row in sorted(steering.categories, key=lambda row: -row.baseline_nats)
    )  # fmt: skip
    columns = (
        "Category", "Activities", "Score before (nats)", "Positive vectors, steered", "Positive, the other is steered",
        "Negative vectors, steered", "Negative, the other is steered",
    )  # fmt: skip
    note = f"{categories_seen(steering)} Mean change in nats of the log-odds that the category's activity is chosen."
    return Table("Steering by category", columns, rows, note)


def scale_table(record: Record) -> Table | None:
    """What the sizes mean, as in Hong's Section 5.2; None without steering."""
    steering = record.part(Steering)
    if steering is None:
        return None
    scale = steering.scale
    lines = (
        ("Mean logit gap of a pair", f"{number(scale.mean_gap_nats)} nats"),
        ("Largest logit gap", f"{number(scale.largest_gap_nats)} nats"),
        (
            "Range of the scores",
            f"{number(scale.score_range_nats)} nats, {number(scale.score_range_elo)} Elo points",
        ),
        ("Win probability at that range", f"{fixed(100 * scale.win_at_range, 1)} %"),
        ("Mean size of an emotion vector's effect", f"{number(scale.mean_effect_nats)} nats"),
        ("Largest effect", f"{number(scale.largest_effect_nats)} nats"),
        ("Mean size of a control direction's effect", f"{number(scale.mean_control_nats)} nats"),
        ("Steered minus control for a nat of effect", f"{number(scale.elo_per_nat_of_effect)} Elo points"),
    )
    rows = tuple((Cell(what), Cell(value, "number")) for what, value in lines)
    return Table("What the sizes mean", ("What", "This run"), rows, scale_seen(scale))
