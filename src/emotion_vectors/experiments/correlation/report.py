"""Correlation with preference on the page: its topic, and what its part of the record must agree on."""

from __future__ import annotations

from emotion_vectors.experiments.baselines.report import words_reach
from emotion_vectors.experiments.correlation import figures, sentences
from emotion_vectors.experiments.correlation.record import DISCOVERY, STRONG, ProbeCorrelations, beyond_threshold
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import pearson, require, require_close, require_within
from emotion_vectors.report.criteria import null_sentence
from emotion_vectors.report.published import CRITERIA
from emotion_vectors.report.topic import Card, Figure, Shade, Topic
from emotion_vectors.report.wording import number

QUESTION = "Do they go with what the model prefers?"


def contradictions(record: Record) -> None:
    """Refuse counts that the list of emotions denies, and an example whose r its points deny."""
    found, v9 = record.part(ProbeCorrelations), record.criteria["V9"]
    if found is None:
        return
    rows = {row.emotion: row for row in found.emotions}
    require(len(rows) == len(found.emotions), "An emotion has two correlations.")
    require_close(v9.value, beyond_threshold(row.r for row in found.emotions), 1e-6, "V9")
    require(v9.of in (None, len(rows)), f"V9 is out of {v9.of} but the experiment has {len(rows)}.")
    _check_counts(found)
    for example in found.examples.values():
        if example is not None:
            name = f"The r of the example {example.emotion}"
            computed = pearson([point.probe for point in example.points], [point.score for point in example.points])
            require_close(example.r, computed, 0.005, name)
            row = rows.get(example.emotion)
            require_close(example.r, row.r if row else None, 0.005, name)


def by_emotion(record: Record) -> dict[str, float]:
    """r of each emotion's probe with preference."""
    found = record.part(ProbeCorrelations)
    return {row.emotion: row.r for row in found.emotions if row.r is not None} if found else {}


def note(record: Record) -> str:
    """What chance and words alone give of V9."""
    return (
        f"Pearson r over the activities. {null_sentence(record.criteria['V9'])} {words_reach(record, ('V9',))}".strip()
    )


def _check_counts(found: ProbeCorrelations) -> None:
    """Discoveries and the counts by mean cosine and with categories held constant are counts of the listed emotions."""
    rows = found.emotions
    holding = sum(row.q is not None and row.q < DISCOVERY for row in rows)
    require_close(found.discoveries, holding, 1e-6, "The number of discoveries")
    within, held = found.within_categories, found.extremes_held
    if within is not None:
        counts = (within.null_count, within.partial_count, within.partial_null_count)
        require_within(counts, 0, len(rows), "A count of within_categories")
    if held is not None:
        counts = (held.partial_count, held.partial_null_count, held.discoveries)
        require_within(counts, 0, len(rows), "A count of extremes_held")
        partial = beyond_threshold(row.r_partial for row in rows)
        require_close(held.partial_count, partial, 1e-6, f"The number of emotions with a partial |r| > {STRONG}")
    cosine = beyond_threshold(row.r_cosine for row in rows)
    require_close(found.cosine_count, cosine, 1e-6, f"The number of emotions with |r| > {STRONG} by mean cosine")


def has_valence(record: Record) -> bool | None:
    """Whether an emotion has a valence; None where the record has no correlations."""
    if "correlation" not in record.experiments:
        return None
    found = record.part(ProbeCorrelations)
    return found is not None and any(row.valence is not None for row in found.emotions)


def limits(record: Record) -> list[str]:
    """Of how many emotions the valence is missing; nothing where it is given for all."""
    found = record.part(ProbeCorrelations)
    rows = found.emotions if found else []
    missing = sum(row.valence is None for row in rows)
    whole = f"{number(missing)} of {len(rows)} emotion{'s' * (len(rows) != 1)}"
    return [f"The valence of {whole} is not given; what is judged by valence leaves them out."] if missing else []


def _example(place: int, valence: str) -> Figure:
    return Figure(
        place, f"A {valence} emotion: probe against preference",
        lambda record: figures.probe_chart(record, valence), lambda record: figures.probe_rows(record, valence),
        lambda record: sentences.example_seen(record, valence), lambda record: sentences.example_chance(record, valence),
        lambda record: sentences.example_published(valence),
    )  # fmt: skip


TOPIC = Topic(
    "correlation", "Probes and preference", parts=(ProbeCorrelations,),
    criteria=(
        Card("V8", "Valence of the extremes", QUESTION, CRITERIA["V8"], has_data=has_valence),
        Card("V9", "Emotions that go with preference", QUESTION, CRITERIA["V9"]),
    ),
    figures=(
        Figure(
            3, "Every probe's correlation with preference", figures.bars_chart, figures.bar_rows,
            sentences.bars_seen, sentences.bars_chance, sentences.bars_published,
        ),
        _example(5, "positive"), _example(7, "negative"),
    ),
    shades=(Shade("Goes with preference (r)", by_emotion, note),),
    contradictions=contradictions, limits=limits,
)  # fmt: skip
