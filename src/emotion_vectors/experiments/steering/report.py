"""The steering experiment on the page: its criteria, figures, tables, and the sentences of abstract and limits."""

from __future__ import annotations

from emotion_vectors.experiments.steering import sentences, sentences_controls, sentences_inversion
from emotion_vectors.experiments.steering.contradictions import contradictions
from emotion_vectors.experiments.steering.figures import after_chart, after_rows, effect_rows, scatter_chart
from emotion_vectors.experiments.steering.figures_controls import (
    depth_chart,
    depth_rows,
    dose_chart,
    dose_rows,
    inversion_chart,
    inversion_rows,
)
from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.tables import (
    arms_table,
    effects_table,
    inversion_table,
    scale_table,
    steered_category_table,
)
from emotion_vectors.record import Record
from emotion_vectors.report.criteria import null_sentence
from emotion_vectors.report.published import CRITERIA
from emotion_vectors.report.topic import Card, Choice, Figure, Section, Shade, TableOf, Topic
from emotion_vectors.report.wording import NOTHING, count, fixed, interval, number, sided

QUESTION = "Do they drive what it prefers?"


def has_effects(record: Record) -> bool | None:
    """Whether the record has a steered emotion; None where it has no steering part."""
    if "steering" not in record.experiments:
        return None
    steering = record.part(Steering)
    return steering is not None and bool(steering.emotions)


def has_valences(record: Record) -> bool | None:
    """Whether a steered emotion has a valence; None where the record has no steering part."""
    if "steering" not in record.experiments:
        return None
    steering = record.part(Steering)
    return steering is not None and any(row.valence is not None for row in steering.emotions)


def signs_by_r(record: Record) -> str:
    """Of V11, which counts signs of the valence, also the count of signs of r, which is what the paper's figure shows."""
    steering = record.part(Steering)
    if steering is None:
        return ""
    return f" by valence, {number(steering.signs_by_correlation)}/{len(steering.emotions)} by sign of r"


def abstract(record: Record) -> str:
    """The steering result with its direction, beside the paper's and Hong's."""
    steering, verdict = record.part(Steering), record.criteria["V10"].verdict
    if steering is None or steering.r is None:
        return "The steering experiment gives no correlation in this run."
    ends = None if steering.low is None or steering.high is None else (steering.low, steering.high)
    # A V10 that fails may still have an interval above 0: it misses the bar, and not the direction.
    failed = sided(
        ends or (0.0, 0.0),
        "preferences move the way the correlation predicts, but less closely than V10 asks",
        "preferences move against what the correlation predicts",
        "it is not shown that preferences move the way the correlation predicts",
    )
    direction = {
        "pass": "preferences move the way the correlation predicts",
        "fail": failed,
        "inconclusive": "it remains open whether preferences move the way the correlation predicts",
    }[verdict]
    paper, seed = CRITERIA["V10"].paper, CRITERIA["V10"].seed
    assert paper is not None
    return (
        f"When the vectors are added on the steered activities alone, {direction}: r = {fixed(steering.r)} over "
        f"{count(int(steering.of), 'emotion')} (95 % interval {interval(ends, 2)}), against {number(paper.value)} in the paper and "
        f"{number(seed.value)} in Hong (2026), whose hook acted on both activities."
    )


def limits(record: Record) -> list[str]:
    """What the steering experiment can't tell; nothing where nothing was steered."""
    steering = record.part(Steering)
    if steering is None:
        return []
    swept = len(steering.dose.strengths) if steering.dose else 0
    other = (
        f"the dose-response curve shows {number(swept)} strengths for {count(len(steering.dose.emotions), 'emotion')}"
        if steering.dose and swept
        else "preferences were steered with no other"
    )
    found = [
        f"The steering verdicts use one strength, {number(steering.strength)} times the residual norm; {other}. The paper finds that a strength "
        "of 0.5 on an activity already overwrites its content."
    ]
    controls, emotions = steering.inversion.emotions, steering.of
    if controls < emotions:
        found.append(
            f"The arms on both activities and on every token use {number(controls)} of the {number(emotions)} steered emotions."
        )
    shown = steering.examples.get("positive")
    partners, activities = steering.partners, len(shown.points) if shown else 0
    if activities and partners < activities - 1:
        found.append(
            f"Under steering each activity is paired with {number(partners)} of {number(activities - 1)} others, so effects of "
            "single activities are rough."
        )
    return found


def method(record: Record) -> list[Choice]:
    """What was steered and how."""
    steering = record.part(Steering)
    strength = steering.strength if steering else record.setting("strength")
    wanted = {"spread": "cover the range", "strongest": "largest |r|", "all": "all"}.get(
        record.setting("steered_emotions") or "", ""
    )
    amount = steering.of if steering else None
    has_controls = steering is not None and bool(sentences.controls(steering))
    controls = sentences.control_names(steering) if steering is not None and has_controls else NOTHING
    return [
        Choice(
            "Steering strength", "0.5 residual norms", "0.5 residual norms", f"{number(strength)} residual norms",
            None if strength is None else strength == 0.5,
        ),
        Choice(
            "Steered layers", "“same middle layers”", "single layer 21",
            f"single layer {number(steering.layer if steering else None)}", None,
        ),
        Choice(
            "Steered tokens", "the steered activity only", "both activities (found later)",
            steering.tokens if steering else NOTHING,
            None if steering is None else steering.tokens == "the steered activity only",
        ),
        Choice(
            "Steered and control half", "two equal groups", "even and odd index in each category",
            steering.split if steering else NOTHING, None,
        ),
        Choice(
            "Steered emotions", "35, cover the range", "35, largest |r|",
            f"{number(amount)}, {wanted}" if wanted else number(amount),
            None if amount is None else amount == 35 and wanted == "cover the range",
        ),
        Choice("Control directions of equal norm", "none reported", "none", controls, None),
    ]  # fmt: skip


def _example(number: int, valence: str) -> Figure:
    return Figure(
        number, f"A {valence} emotion: preference before and after steering",
        lambda record: after_chart(record, valence), lambda record: after_rows(record, valence),
        lambda record: sentences.example_seen(record, valence), lambda record: sentences.example_chance(record, valence),
        lambda record: sentences.example_published(record, valence),
    )  # fmt: skip


def by_emotion(record: Record) -> dict[str, float]:
    """Effect of each steered emotion's vector, in nats."""
    found = record.part(Steering)
    return {row.emotion: row.nats for row in found.emotions} if found else {}


def note(record: Record) -> str:
    """How the effects are meant, and the nulls of V10 and V11."""
    nulls = " ".join(null_sentence(record.criteria[name]) for name in ("V10", "V11"))
    return f"Change of the steered activities' preference, in nats; emotions that were not steered are grey. {nulls}"


TOPIC = Topic(
    "steering", "Steering", parts=(Steering,), shades=(Shade("Effect of steering (nats)", by_emotion, note),),
    criteria=(
        Card("V10", "Steering follows correlation", QUESTION, CRITERIA["V10"], has_data=has_effects, bar=0.0),
        Card("V11", "Steering has the sign of the valence", QUESTION, CRITERIA["V11"], has_data=has_valences, beside=signs_by_r),
    ),
    sections=(
        Section("inverted", "Why the earlier reproduction came out inverted", "Why the earlier reproduction came out inverted"),
        Section("controls", "Controls of the steering experiment", "Steering controls"),
    ),
    figures=(
        Figure(
            4, "Steering against correlation", scatter_chart, effect_rows,
            sentences.scatter_seen, sentences.scatter_chance, sentences.scatter_published,
        ),
        _example(6, "positive"), _example(8, "negative"),
        Figure(
            "A", "Which half is steered: the vector on one activity and on both", inversion_chart, inversion_rows,
            sentences_inversion.parity_seen, sentences_inversion.identity_seen, sentences_inversion.inversion_published,
            section="inverted",
        ),
        Figure(
            "B", "Steering effect by strength", dose_chart, dose_rows,
            sentences_controls.dose_seen, sentences_controls.dose_chance, sentences_controls.dose_published, section="controls",
        ),
        Figure(
            "C", "Steering effect by layer", depth_chart, depth_rows,
            sentences_controls.depth_seen, sentences_controls.depth_chance, sentences_controls.depth_published, section="controls",
        ),
    ),
    tables=(
        TableOf(inversion_table, "inverted"), TableOf(arms_table, "controls"), TableOf(steered_category_table, "controls"),
        TableOf(scale_table, "controls"), TableOf(effects_table, folded=True, place=60),
    ),
    contradictions=contradictions, abstract=abstract, limits=limits, method=method,
)  # fmt: skip
