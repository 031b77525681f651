"""Words while steered: the sentences below Figure D, and the tables of the sentences and of the answers."""

from __future__ import annotations

from emotion_vectors.experiments.steered_words import figures
from emotion_vectors.experiments.steered_words.contradictions import contradictions
from emotion_vectors.experiments.steered_words.record import Answered, Contrast, Feels, Leaks, Level, Sentence
from emotion_vectors.record import Record
from emotion_vectors.report.topic import Cell, Figure, Section, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value, signed

MISSING = (
    "This record has no words written while steered: the run is older than this part, or it has too few of the "
    "scenarios' emotions. Running the same command again adds it to an older run."
)


def feels_seen(record: Record) -> str:
    """What the vectors do to their own words and to the others, for the paper's two sentences."""
    pieces = []
    for row in _paper(record):
        pieces.append(
            f"After “{row.sentence}” a vector changes the log probability of its own word by {signed(row.diagonal, 2)} nats "
            f"and of the other words by {signed(row.off_diagonal, 2)} on average; the difference is "
            f"{signed(row.contrast, 2)} (95 % interval {interval(row.interval, 2)}), {_judged(row)}. "
            f"A vector's own word rises under {number(row.own_up)} of {number(row.of)} vectors; after row and "
            f"column means are subtracted, it gains the most of all words under {number(row.own_first)}."
        )
    return " ".join(pieces)


def _judged(row: Contrast) -> str:
    return "beyond chance" if row.beyond_chance else "not beyond chance"


def feels_chance(record: Record) -> str:
    """The nulls of the difference, and the strength; "" without the sentences."""
    feels, pieces = record.part(Feels), []
    if feels is None:
        return ""
    for row in _paper(record):
        random = row.random
        turned = (
            f"; {number(feels.random_sets)} random sets of vectors with the same angles give {signed(random.mean, 2)} "
            f"({p_value(random.p)}) and change a word by {signed(row.random_change, 2)} on average"
            if random
            else ""
        )
        pieces.append(
            f"“{row.sentence}”: words shuffled over the vectors give a difference of {signed(row.dealt.mean, 2)} "
            f"({p_value(row.dealt.p)}){_within(row)}{turned}."
        )
    pieces.append(
        f"Vectors are added at layer {number(feels.layer)} to the tokens of the sentence, {number(feels.strength)} times "
        "the mean residual norm; the sentence is plain text, without a chat template."
    )
    return " ".join(pieces)


def _within(row: Contrast) -> str:
    """The same null within the valences; nothing where too few emotions have one."""
    within = row.within_valence
    return f", shuffled within the valences {signed(within.mean, 2)} ({p_value(within.p)})" if within else ""


def feels_published(_: Record) -> str:
    """What the paper shows, as far as it says."""
    return (
        "Paper (its Figures 52 and 53, no numbers in the text): the diagonal rises after both sentences; the other words fall "
        "after “He feels” and rise or stay after “I feel”. Hong (2026): not done."
    )


def _sentences(record: Record) -> list[Sentence]:
    feels = record.part(Feels)
    return feels.sentences if feels else []


def _paper(record: Record) -> list[Sentence]:
    return [row for row in _sentences(record) if row.source == "paper"]


def sentences_table(record: Record) -> Table | None:
    """Every sentence, the paper's and ours, with its difference, nulls and the same per token."""
    rows = tuple(
        (
            Cell(f"{row.sentence} ({row.source})"),
            Cell(signed(row.diagonal, 2), "number"),
            Cell(signed(row.off_diagonal, 2), "number"),
            Cell(f"{signed(row.contrast, 2)} ({interval(row.interval, 2)})", "number"),
            Cell(p_value(row.dealt.p), "number"),
            Cell(p_value(row.within_valence.p) if row.within_valence else "not asked", "number"),
            Cell(p_value(row.random.p) if row.random else "not asked", "number"),
            Cell(f"{signed(row.per_token.contrast, 2)} ({interval(row.per_token.interval, 2)})", "number"),
        )
        for row in _sentences(record)
    )
    if not rows:
        return None
    columns = (
        "Sentence", "Own word (nats)", "Other words", "Difference (95 %)", "Shuffled", "Within valence", "Random sets",
        "Difference per token",
    )  # fmt: skip
    note = (
        "A word of several tokens counts by the sum over its tokens, in the last column by their mean. Interval: emotions "
        "resampled. Beyond chance: the interval is above 0 and neither shuffled words nor random sets explain it at 5 %. Sentences "
        "are not independent of each other."
    )
    return Table("Emotion words after a sentence, while steered", columns, rows, note)


def leaks_table(record: Record) -> Table | None:
    """The answers to "What just happened?": shares of topic words and of special words at each strength."""
    leaks = record.part(Leaks)
    if leaks is None or not leaks.strengths:
        return None
    rows = tuple(
        _level(f"{title}, strength {number(part.strength)}", level)
        for part in leaks.strengths
        for title, level in (
            ("words of the topics", part.levels.topics), ("words special to the emotion's stories", part.levels.special),
        )
    )  # fmt: skip
    columns = (
        "Share of all words",
        "Steered",
        "Unsteered",
        "Random directions",
        "Steered − unsteered (95 %)",
        "p, random",
    )
    return Table(f"Answers to “{leaks.question}”, while steered", columns, rows, leaks_seen(leaks))


def _level(title: str, level: Level) -> tuple[Cell, ...]:
    low, high = level.interval
    shares = (Cell(_share(value), "number") for value in (level.steered, level.unsteered, level.random))
    difference = f"{_points(level.difference)} ({_points(low)} to {_points(high)})"
    return (Cell(title), *shares, Cell(difference, "number"), Cell(p_value(level.p_random), "number"))


def _share(value: float) -> str:
    return f"{fixed(100 * value, 1)} %"


def _points(value: float) -> str:
    return signed(100 * value, 1)


def leaks_seen(leaks: Leaks) -> str:
    """Whether answers use the words of their own emotion's stories more than those of others, and what could be seen."""
    return " ".join(_answers_seen(part) for part in leaks.strengths) + (
        f" A retelling would give {_share(leaks.ceiling)}: the share of special words in the stories themselves. This test is "
        f"weak: {count(len(leaks.emotions), 'emotion')} with {count(leaks.samples, 'answer')} of at most "
        f"{number(leaks.most_tokens)} tokens each, and words that go with the feeling count as leaked. Paper: answers shown in "
        "its Table 8, no story content in them, not measured."
    )


def _answers_seen(part: Answered) -> str:
    own, (low, high) = part.own, part.own.interval
    words = [f"{row.word} ({row.emotion}, {row.count})" for row in own.words[:6]]
    shown = f" Most used: {listing(words)}." if own.beyond_chance and words else ""
    judged = "beyond chance: story content or words of the feeling" if own.beyond_chance else "no leak beyond chance"
    return (
        f"At strength {number(part.strength)} the share of words special to the stories of an answer's own emotion, less that "
        f"of another's, is {_points(own.contrast)} points (95 % interval {_points(low)} to "
        f"{_points(high)}; shuffled words {p_value(own.dealt.p)}), {judged}. "
        f"{_share(part.repeated.emotion)} of a steered answer's words repeat an earlier one "
        f"(unsteered {_share(part.repeated.none)}).{shown}"
    )


TOPIC = Topic(
    "words", "Words while steered", parts=(Feels, Leaks),
    sections=(Section("words", "Words while steered", "Words while steered", missing=MISSING),),
    figures=(
        Figure(
            "D", "Emotion words after a sentence, while steered", figures.feels_chart, figures.feels_rows, feels_seen, feels_chance,
            feels_published, "words",
        ),
    ),
    tables=(TableOf(sentences_table, "words"), TableOf(leaks_table, "words")), contradictions=contradictions,
)  # fmt: skip
