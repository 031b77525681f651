"""Numbers in context on the page: the sentences below Figures 2 and E, and the method rows."""

from __future__ import annotations

from emotion_vectors.experiments.baselines.report import words_reach
from emotion_vectors.experiments.numeric import figures
from emotion_vectors.experiments.numeric.contradictions import contradictions
from emotion_vectors.experiments.numeric.record import Beyond, ChangeSize, Numeric, Twins
from emotion_vectors.record import Record
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.report.criteria import missing, null_sentence, reported
from emotion_vectors.report.published import CRITERIA
from emotion_vectors.report.run_tables import counted
from emotion_vectors.report.topic import Card, Choice, Figure, Topic
from emotion_vectors.report.wording import fixed, interval, number, p_value, signed

QUESTION = "Can emotions be read from a text?"


def has_templates(record: Record) -> bool | None:
    """Whether the record has a numeric template; None where it has no such part."""
    if "numeric" not in record.experiments:
        return None
    numeric = record.part(Numeric)
    return numeric is not None and bool(numeric.templates)


def numeric_seen(record: Record) -> str:
    """Right signs, strong correlations, and the range of the changes."""
    numeric = record.part(Numeric)
    if numeric is None:
        return missing(record, "V5") or "This run has no numeric templates."
    signs, strong = record.criteria["V5"], record.criteria["V6"]
    changes = [
        (curve[-1] - curve[0], emotion, template.x_label)
        for template in numeric.templates
        for emotion, curve in template.cosine.items()
    ]
    if signs.of and signs.value is not None:
        count = f"{number(signs.value)} of {number(signs.of)} {_what_counts(signs)}"
    else:
        count = "No direction was tested for these templates"
    if strong.of and strong.value is not None:
        count += f", and {number(strong.value)} of {number(strong.of)} have |ρ| > 0.7"
    if not changes:
        return f"{count}."
    (low, *down), (high, *up) = min(changes), max(changes)
    return (
        f"{count}. From the first to the last value the cosines change by {signed(low, 3)} ({', '.join(down)}) to "
        f"{signed(high, 3)} ({', '.join(up)})."
    )


def _what_counts(signs: Criterion) -> str:
    """What V5 counts, and the first list without twins beside it."""
    own = signs.seed
    if own is None:
        return "curves go in the direction expected in advance"
    found = "curves exceed their twin's in the direction expected in advance (Figure E)"
    if own.value is None:
        return found
    return f"{found}; on these templates, which have no twins, {number(own.value)} of {number(own.of)} have the expected sign"


def numeric_chance(record: Record) -> str:
    """Nulls of V5 and V6, the effect size, and why a high rank correlation over a few values says little."""
    numeric = record.part(Numeric)
    if numeric is None:
        return "Nothing to compare."
    return (
        f"{null_sentence(record.criteria['V5'])} {null_sentence(record.criteria['V6'])}{_effect(numeric.effect)} Over so few values "
        f"({_values(numeric)} for each template) a random direction often drifts steadily, so the signs say more than the size of ρ."
    )


def _values(numeric: Numeric) -> str:
    """How many values the templates have: "6", "5 to 7"."""
    ends = sorted({len(template.values) for template in numeric.templates})
    return " to ".join(str(end) for end in dict.fromkeys((ends[0], ends[-1]))) if ends else "none"


def _effect(effect: ChangeSize | None) -> str:
    """The effect size of V5 in cosine, with its interval and its null, or nothing where it was not measured."""
    if effect is None or effect.mean is None or effect.null_mean is None:
        return ""
    bounds = ""
    if effect.low is not None and effect.high is not None:
        bounds = f" (95 % interval {signed(effect.low, 3)} to {signed(effect.high, 3)})"
    return (
        f" Mean change in cosine in the expected direction: {signed(effect.mean, 3)}{bounds}; random directions "
        f"{signed(effect.null_mean, 3)}, sd {fixed(effect.null_sd, 3)} ({p_value(effect.p)})."
    )


def numeric_published(_: Record) -> str:
    """The paper's visible directions and Hong's counts."""
    signs, strong = CRITERIA["V5"], CRITERIA["V6"]
    return (
        f"Paper: {reported(signs.paper)} named directions are visible in its Figure 3, with cosines up to 0.08. "
        f"Hong (2026): {reported(signs.seed)} signs and {reported(strong.seed)} strong; corrected: {reported(signs.corrected)} and "
        f"{reported(strong.corrected)}. Hong's axis ran from −1.5 to 2.0, beyond the range of a cosine."
    )


def _twins(record: Record) -> Twins | None:
    numeric = record.part(Numeric)
    return numeric.twins if numeric else None


def twins_seen(record: Record) -> str:
    """How far the curves exceed their twins', and what another severity does; "" without twins."""
    found, pieces = _twins(record), []
    if found is None:
        return ""
    excess, severity = found.excess, found.severity
    if excess.of:
        pieces.append(
            f"{number(excess.count)} of {number(excess.of)} curves exceed the curve of their twin, where the same numbers "
            f"mean nothing, in the direction expected in advance (95 % interval {interval(excess.interval)}); the mean excess is "
            f"{signed(excess.mean, 4)} in cosine{_ends(excess)}."
        )
    if severity.of:
        pieces.append(
            f"At equal numbers another severity moves {number(severity.count)} of {number(severity.of)} cosines in the "
            f"expected direction, by {signed(severity.mean, 4)} on average{_ends(severity)}."
        )
    words = words_reach(record, ("V5", "severity"))
    return " ".join([*pieces, words]).strip() or "No direction was expected in advance."


def _ends(part: Beyond) -> str:
    return "" if part.low is None else f" (95 % interval {signed(part.low, 4)} to {signed(part.high, 4)})"


def twins_chance(record: Record) -> str:
    """Random directions on the same templates and twins; "" without twins."""
    found = _twins(record)
    if found is None:
        return ""
    pieces = [
        f"Random directions with the angles of the emotions have {number(part.null)} curves {what} in the expected "
        f"direction ({p_value(part.count_p)}) and a mean of {signed(part.null_mean, 4)}, sd {fixed(part.null_sd, 4)} "
        f"({p_value(part.size_p)})."
        for part, what in ((found.excess, "beyond the twin"), (found.severity, "of another severity"))
        if part.of
    ]
    return " ".join(pieces) or "Nothing to compare."


def twins_published(_: Record) -> str:
    """Nobody else has twins."""
    return "The paper and Hong (2026) use numbers without twins only, so they do not show what a number does where it means nothing."


def method(record: Record) -> list[Choice]:
    """The numeric templates."""
    numeric, twins = record.part(Numeric), _twins(record)
    rows = [counted("Numeric templates", 6, "6", None if numeric is None else len(numeric.templates))]
    if twins is not None:
        rows.append(Choice("Templates with twins", "none", "none", number(len(twins.templates)), None))
    return rows


TOPIC = Topic(
    "numeric", "Numbers in context", parts=(Numeric,),
    criteria=(
        Card("V5", "Expected signs", QUESTION, CRITERIA["V5"], has_data=has_templates),
        Card("V6", "Strong trends", QUESTION, CRITERIA["V6"], has_data=has_templates),
    ),
    figures=(
        Figure(
            2, "Numbers that should change an emotion", figures.numeric_chart, figures.numeric_rows, numeric_seen, numeric_chance,
            numeric_published,
        ),
        Figure(
            "E", "Numbers that mean something, next to the same numbers where they mean nothing", figures.twins_chart, figures.twins_rows,
            twins_seen, twins_chance, twins_published, after=2,
        ),
    ),
    contradictions=contradictions, method=method,
)  # fmt: skip
