"""Two speakers on the page: Figure T, its sentences and table, and what the part of the record must agree on."""

from __future__ import annotations

import numpy as np

from emotion_vectors.experiments.speakers.figures import alike_chart, alike_rows, pair_name, side_name
from emotion_vectors.experiments.speakers.record import Alike, Framing, Speakers
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close
from emotion_vectors.report.topic import Cell, Figure, Section, Shade, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value

ALPHA = 0.05
PAIRS, SETS = 10, 4  # of sets with each other, each with itself too; of sets with the stories
MISSING = (
    "Not measured: this run was given no dialogues, or too few of those that were written can be used. --set dialogues=FILE gives a run them, "
    "and with --set dialogues=write the model writes them."
)
NOISE = "no likeness beyond chance"


def beyond(cell: Alike) -> bool:
    """Whether the likeness is one beyond shuffled emotions, with its whole interval above 0."""
    return cell.dealt_p <= ALPHA and cell.interval[0] > 0


def reading(cell: Alike) -> str:
    """What one value says, by its interval and both nulls."""
    first = "alike beyond chance" if beyond(cell) else NOISE
    if cell.shuffled_p > ALPHA:
        return f"{first}, not distinguishable from owners assigned at random"
    # Beside the null's mean stands the interval of the value: only what lies wholly on one side of it has a direction.
    if cell.interval[0] > cell.shuffled:
        return f"{first}, and more than with owners assigned at random"
    if cell.interval[1] < cell.shuffled:
        return f"{first}, and less than with owners assigned at random"
    return f"{first}, and for topics not distinguishable from owners assigned at random"


def noisy(framing: Framing) -> list[str]:
    """The sets whose halves agree no more than chance."""
    return [
        side_name(cell.first, framing.names) for cell in framing.model if cell.first == cell.second and not beyond(cell)
    ]


def seen(record: Record) -> str:
    """Every pair of sets of every pair of names, with its interval and reading; noise is called noise."""
    part = record.part(Speakers)
    if part is None:
        return ""
    told = [
        f"{count(part.dialogues, 'dialogue')} on {count(part.topics, 'topic')}, {count(len(part.emotions), 'emotion')}, layer {part.layer}."
    ]
    for framing in part.framings:
        across = [cell for cell in framing.model[:PAIRS] if cell.first != cell.second]
        told.append(f"{listing(framing.names)}: " + "; ".join(_told(cell, framing.names) for cell in across) + ".")
        weak = noisy(framing)
        told.append(
            f"No more than noise by their own halves, so nothing follows from them: {listing(weak)}."
            if weak
            else "All four sets agree with themselves on other topics beyond chance."
        )
    if part.dropped:
        left = [f"{count(one.dialogues, 'dialogue')} ({one.reason})" for one in part.dropped]
        told.append(f"Left out: {listing(left)}.")
    return " ".join(told)


def _told(cell: Alike, names: list[str]) -> str:
    return f"{pair_name(cell, names)} {fixed(cell.value)} (95 % interval {interval(cell.interval, 2)}; {reading(cell)})"


def chance(record: Record) -> str:
    """What both nulls are, and what the words alone reach."""
    part = record.part(Speakers)
    if part is None:
        return ""
    words = [
        f"{pair_name(cell, part.framings[0].names)} {fixed(cell.value)} ({interval(cell.interval, 2)}, {p_value(cell.dealt_p)})"
        for cell in part.words[:PAIRS]
        if cell.first != cell.second
    ]
    return (
        f"Owners assigned at random ({number(part.draws)} times): which speaker has which of the two emotions is random, so the "
        "likeness that is left "
        "belongs to the dialogue and to neither speaker. Emotions shuffled over the dialogues of a topic: no likeness, mean "
        "cosines near 0. Words alone, "
        f"TF-IDF of the same turns: {'; '.join(words)}."
    )


def published(_: Record) -> str:
    """What the paper reports."""
    return (
        "Paper (171 emotions, dialogues written by the model; numbers only in its figures): present with present and other with other alike, "
        "present with other near zero, stories nearer to the present speaker's; the same for Person 1 and Person 2. The earlier reproduction did not do this."
    )


def alike_table(record: Record) -> Table | None:
    """Every pair of sets under each pair of names."""
    part = record.part(Speakers)
    if part is None:
        return None
    rows = tuple(
        _row(cell, words, framing)
        for framing in part.framings
        for cell, words in zip(framing.model, part.words, strict=False)
    )
    columns = ("Sets", "Mean cosine (95 %)", "Owners at random", "Emotions shuffled", "Relative to reliability", "Words alone (95 %)", "Reading")  # fmt: skip
    note = (
        "Cosines of the same emotion's directions from different topics; itself: reliability of half the dialogues. Stories: the "
        "run's vectors of "
        f"{count(part.in_run, 'emotion')} of these. Interval: {count(part.groups, 'group')} of topics, each left out once. Relative "
        "to reliability: divided by "
        "the square root of both sets' own values. p against owners at random is two-sided."
    )
    return Table("Directions of the present and of the other speaker's emotion", columns, rows, note)


def _row(cell: Alike, words: Alike, framing: Framing) -> tuple[Cell, ...]:
    return (
        Cell(pair_name(cell, framing.names)), Cell(f"{fixed(cell.value)} ({interval(cell.interval, 2)})", "number"),
        Cell(f"{fixed(cell.shuffled)} ({p_value(cell.shuffled_p)})", "measured"), Cell(f"{fixed(cell.dealt)} ({p_value(cell.dealt_p)})", "measured"),
        Cell(fixed(cell.relative) if cell.relative is not None else "not available", "number"),
        Cell(f"{fixed(words.value)} ({interval(words.interval, 2)}; {p_value(words.dealt_p)})", "measured"), Cell(reading(cell)),
    )  # fmt: skip


def by_emotion(record: Record) -> dict[str, float]:
    """Cosine of each emotion's directions at one speaker's own tokens and at the other's, both present."""
    cell = _both_present(record)
    return dict(cell.by_emotion) if cell else {}


def by_emotion_note(record: Record) -> str:
    """What the mean over the emotions is worth, and what the words alone give."""
    cell, part = _both_present(record), record.part(Speakers)
    if cell is None or part is None:
        return ""
    names = part.framings[0].names
    words = next((one for one in part.words if (one.first, one.second) == (cell.first, cell.second)), None)
    alone = f" Words alone: {fixed(words.value)} ({interval(words.interval, 2)})." if words else ""
    return f"Cosine of an emotion's directions on other topics, mean: {_told(cell, names)}.{alone}"


def _both_present(record: Record) -> Alike | None:
    """The two speakers' own emotions beside each other, under the first pair of names."""
    part = record.part(Speakers)
    cells = part.framings[0].model if part and part.framings else []
    return next(
        (one for one in cells if one.first.emotion == one.second.emotion == "present" and one.first != one.second), None
    )


def contradictions(record: Record) -> None:
    """Refuse tables that lack a pair, values outside their intervals, and ratios that the record's own reliabilities deny."""
    part = record.part(Speakers)
    if part is None:
        return
    require(bool(part.framings), "The speakers have no pair of names.")
    require(part.in_run <= len(part.emotions), "The speakers have more of the run's emotions than emotions.")
    require(part.groups <= part.topics <= part.dialogues, "The speakers' topics are more than their dialogues.")
    for names, cells in [(listing(one.names), one.model) for one in part.framings] + [("words", part.words)]:
        require(len(cells) in (PAIRS, PAIRS + SETS), f"The speakers {names} have {len(cells)} pairs of sets.")
        reliable = {cell.first.model_dump_json(): cell.value for cell in cells if cell.first == cell.second}
        require(len(reliable) == SETS, f"The speakers {names} lack the reliability of a set.")
        for cell in cells:
            low, high = cell.interval
            require(low - 1e-9 <= cell.value <= high + 1e-9, f"A cosine of {names} lies outside its interval.")
            if cell.relative is not None:
                product = reliable[cell.first.model_dump_json()] * reliable[cell.second.model_dump_json()]
                require(product > 0, f"A ratio of {names} is one to a reliability below 0.")
                require_close(cell.relative, cell.value / float(np.sqrt(product)), 1e-6, f"A ratio of {names}")


TOPIC = Topic(
    "speakers", "Two speakers", parts=(Speakers,), contradictions=contradictions,
    shades=(Shade("Both speakers' own emotion (cosine)", by_emotion, by_emotion_note),),
    sections=(Section("speakers", "Two speakers", "Speakers", missing=MISSING),),
    figures=(
        Figure(
            "T", "An emotion for each speaker: how alike the directions are", alike_chart, alike_rows, seen, chance, published, "speakers"
        ),
    ),
    tables=(TableOf(alike_table, "speakers"),),
)  # fmt: skip
