"""Sentences about the controls of the steering experiment: arms, coherence, dose, depth, categories and sizes."""

from __future__ import annotations

from emotion_vectors.experiments.steering.controls import NULL_ARMS
from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.record_controls import CategoryEffect, Depth, Dose, Scale
from emotion_vectors.experiments.steering.sentences import fallen_apart
from emotion_vectors.experiments.steering.sentences_inversion import nats
from emotion_vectors.experiments.steering.terms import VALENCES
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import pearson
from emotion_vectors.report.published import PAPER_STEERING, SEED_CATEGORIES, SEED_STEERING
from emotion_vectors.report.wording import (
    count,
    fixed,
    listing,
    number,
    p_value,
    points,
    shortened,
    signed,
)
from emotion_vectors.stats.scores import ELO_PER_NAT


def arms_seen(steering: Steering) -> str:
    """How large the effects are beside those of control directions, and what the arms without transfer and with flip give."""
    arms = {row.arm: row for row in steering.arms}
    own, sentences = arms.get("emotion"), []
    if own is None:
        return ""
    kinds = [f"{nats(arms[arm.kind].mean_size_nats)} for {arm.plural}" for arm in NULL_ARMS if arm.kind in arms]
    sentences.append(
        f"The mean size of the effect is {nats(own.mean_size_nats)} for emotion vectors, {listing(kinds)}."
    )
    flipped, wrong = arms.get("sign flipped"), arms.get("wrong emotion")
    unflipped = _unflipped(steering)
    if flipped is not None and flipped.r is not None and unflipped is not None:
        # So few points have no useful interval: the two numbers are said, and no direction.
        sentences.append(
            f"With the sign of the vector flipped r is {fixed(flipped.r)} over {count(int(flipped.vectors), 'emotion')}, "
            f"against {fixed(unflipped)} for the same ones without the flip."
        )
    if wrong is not None and wrong.r is not None:
        sentences.append(f"Against another emotion's correlation the same effects have r = {fixed(wrong.r)}.")
    return " ".join(sentences)


def _unflipped(steering: Steering) -> float | None:
    """r of the control emotions, those that are steered with the sign flipped too, in the main arm."""
    shown = {point.emotion for point in steering.inversion.points}
    rows = [row for row in steering.emotions if row.emotion in shown and row.r is not None]
    return pearson([row.r for row in rows], [row.nats for row in rows])


def broken_seen(steering: Steering) -> str:
    """How many effects of each arm broke the answers, and how the answers changed in the main arm."""
    own, zero = steering.arm("emotion"), steering.arm("strength 0")
    if own is None:
        return ""
    others = [
        f"{row.arm} ({number(row.broken)} of {number(row.vectors)})"
        for row in steering.arms
        if row.broken and row.arm not in ("emotion", "wrong emotion", "strength 0")
    ]
    mass = f" ({number(zero.mass)} unsteered)" if zero is not None else ""
    elsewhere = f" Of the other arms: {listing(others)}." if others else " They held together in every other arm."
    return (
        f"The answers fell apart under {number(own.broken)} of {count(int(own.vectors), 'emotion vector')} (that is, less than half of the "
        f"unsteered mass on A and B, or of the order of preference, was left).{elsewhere} Under emotion vectors the mean mass on A and B is "
        f"{number(own.mass)}{mass}, the entropy of the answer changes by {signed(own.entropy_change, 3)} nats and it diverges by "
        f"{nats(own.divergence)}."
    )


def _dose(record: Record) -> Dose:
    steering = record.part(Steering)
    assert steering is not None and steering.dose is not None  # the figure is left out without it
    return steering.dose


def dose_seen(record: Record) -> str:
    """Effects at the largest strength, and how many curves turn with the sign of the strength."""
    dose = _dose(record)
    strengths = [row.strength for row in dose.strengths]
    curves = sorted(dose.emotions, key=lambda row: row.nats[-1])
    text = (
        f"At strength {number(strengths[-1])} the effects run from {signed(curves[0].nats[-1], 3)} ({curves[0].emotion}) to "
        f"{signed(curves[-1].nats[-1], 3)} nats ({curves[-1].emotion})."
    )
    if strengths[0] < 0 < strengths[-1]:
        turned = sum(row.nats[0] * row.nats[-1] < 0 for row in curves)
        text += f" {number(turned)} of {count(len(curves), 'curve')} have opposite signs at {number(strengths[0])} and {number(strengths[-1])}."
    rising = sum(row.nats_per_strength > 0 for row in curves)
    return f"{text} {number(rising)} of {number(len(curves))} lines through the curves rise with the strength, without intervals."


def dose_chance(record: Record) -> str:
    """The band of random directions at the largest strength, and how many curves lie outside it."""
    dose = _dose(record)
    end = dose.strengths[-1]
    outside = sum(not end.random_low <= row.nats[-1] <= end.random_high for row in dose.emotions)
    return (
        f"{count(int(dose.random_directions), 'random direction')} of the same norm give {signed(end.random_low, 3)} to "
        f"{signed(end.random_high, 3)} nats at strength {number(end.strength)} (grey band); {number(outside)} of "
        f"{count(len(dose.emotions), 'curve')} end outside it."
    )


def dose_published(record: Record) -> str:
    """One strength only."""
    return "The paper and Hong (2026) report one strength, 0.5 residual norms; the paper notes that it overwrites an activity's content."


def _depth(record: Record) -> tuple[Steering, Depth]:
    steering = record.part(Steering)
    assert steering is not None and steering.depth is not None  # the figure is left out without it
    return steering, steering.depth


def depth_seen(record: Record) -> str:
    """The layer that each half chooses, and what the choice gives on the other half."""
    steering, depth = _depth(record)
    first, second = depth.chosen_layers
    chosen = (
        f"layer {number(first)}"
        if first == second
        else f"layer {number(first)} by the one and layer {number(second)} by the other"
    )
    judged = depth.judged_nats
    result = "the effect along the correlation can't be computed" if judged is None else (
        f"the effect along the correlation is {signed(judged, 3)} nats"
    )  # fmt: skip
    layers = [row.layer for row in depth.rows]
    return (
        f"Of {count(len(layers), 'swept layer')} ({number(layers[0])} to {number(layers[-1])}) each half of the activities chooses the one with "
        f"the largest effect along the correlation: {chosen}. Judged on the pairs of the other half, {result}. The verdicts "
        f"use layer {number(steering.layer)}, whatever this choice says."
    )


def depth_chance(record: Record) -> str:
    """What random directions give that may choose their layer too."""
    _, depth = _depth(record)
    if depth.null_mean is None or depth.p is None:
        return "Random directions gave no comparison for the chosen layer."
    return (
        f"Single random directions, with either sign and the same freedom to choose, give {signed(depth.null_mean, 3)} nats on average "
        f"({p_value(depth.p)}). The grey band is the range of single random directions at each layer."
    )


def depth_published(record: Record) -> str:
    """What the paper and Hong (2026) say about the layer."""
    return "The paper names “the same middle layers”, Hong (2026) a single layer, 21 of 32; neither shows other layers."


def categories_seen(steering: Steering) -> str:
    """How many categories gain under vectors of each valence, and the range of their effects (Hong's Section 5.1)."""
    sentences = []
    for valence in VALENCES:
        changes = [(row.effects(valence)[0], row.category) for row in steering.categories]
        known = sorted(((nats, name) for nats, name in changes if nats is not None), key=lambda one: one[0])
        if known:
            gains = sum(change > 0 for change, _ in known)
            (most, best), (least, worst) = known[-1], known[0]
            sentences.append(
                f"Under vectors of {valence} emotions, {number(gains)} of {count(len(known), 'category', 'categories')} gain when steered: "
                f"their mean effects run from {signed(least, 3)} ({worst}) to {signed(most, 3)} nats ({best}), without intervals."
            )
    return " ".join([*sentences, _unsafe(steering.categories)]).strip()


def _unsafe(rows: list[CategoryEffect]) -> str:
    """Hong's own claim about Unsafe under positive vectors, beside this run's number."""
    row = next((row for row in rows if row.category == "Unsafe" and row.positive is not None), None)
    if row is None or row.positive is None or row.positive_control is None or row.positive == 0:
        return ""
    return (
        f"Unsafe, which loses under positive vectors in Hong's Section 5.1, has {signed(row.positive, 3)} nats here, and "
        f"{signed(row.positive_control, 3)} as the unsteered side of a pair."
    )


def scale_seen(scale: Scale) -> str:
    """Logit gaps, range of scores, the win probability at that range, effects and the size of an Elo point (Section 5.2)."""
    paper, seed = PAPER_STEERING["blissful"], SEED_STEERING["content"]
    span = max(SEED_CATEGORIES.values()) - min(SEED_CATEGORIES.values())
    rate = scale.elo_per_nat_of_effect
    fitted = (
        ""
        if rate is None
        else f" In this run a nat of effect moves refitted scores (steered minus control) by {points(rate)} Elo points."
    )
    return (
        f"The mean logit gap of a pair is {nats(scale.mean_gap_nats)}; scores span {nats(scale.score_range_nats)}, that is "
        f"{number(scale.score_range_elo)} Elo points, and the top activity wins against the bottom one with probability "
        f"{fixed(100 * scale.win_at_range, 1)} %. The mean effect is {nats(scale.mean_effect_nats)}, "
        f"{_share(scale.mean_effect_nats, scale.score_range_nats)} of that span, against {nats(scale.mean_control_nats)} for control "
        f"directions.{fitted} By the same arithmetic {points(paper)} Elo on the "
        f"steered half, as in the paper, are {fixed(2 * paper / ELO_PER_NAT, 1)} nats and Hong's {points(seed)} are "
        f"{fixed(2 * seed / ELO_PER_NAT, 2)}; its {number(span)} Elo between categories are {fixed(span / ELO_PER_NAT, 1)} nats."
    )


def _share(part: float, whole: float) -> str:
    return f"{fixed(100 * part / whole, 1)} %" if whole else "an unknown share"


def shown_broken(steering: Steering) -> str:
    """The emotions whose effect is marked as broken, for the table of effects."""
    rows = fallen_apart(steering)
    return f"Answers fell apart under {shortened(rows)}." if rows else "Answers held together under every vector."
