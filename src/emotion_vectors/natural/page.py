"""The passages as one page that opens offline, light or dark. Texts are data: the template escapes them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from emotion_vectors.natural.agreement import FEWEST
from emotion_vectors.natural.kept import Example, marked_cells
from emotion_vectors.natural.record import Agreement, AxisAgreement, EmotionWords, Rate, Summary
from emotion_vectors.natural.summary import STRONGEST, WITHOUT, Shown
from emotion_vectors.natural.words import Words
from emotion_vectors.report.page import TEMPLATES as REPORT
from emotion_vectors.report.page import templates
from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import count, fixed, interval, number, p_value, percent, signed

TEMPLATES = Path(__file__).parent / "templates"
SHADES = 4  # steps from the neutral texts' usual cosine up to the passage's largest


class Piece(NamedTuple):
    """Some characters of a passage and the classes that mark them."""

    text: str
    classes: str


class Passage(NamedTuple):
    """One passage on the page: where it stands, and its pieces."""

    heading: str
    pieces: list[Piece]


class Section(NamedTuple):
    """One emotion on the page; `without` are those that are not among its strongest anyway, `above` how many are."""

    anchor: str
    emotion: str
    seen: str
    strongest: list[Passage]
    without: list[Passage]
    above: int


def render(record: Summary, passages: Sequence[Shown], words: Words) -> str:
    """The page as text."""
    style = (REPORT / "report.css").read_text(encoding="utf-8")
    return templates(TEMPLATES, REPORT).get_template("examples.html.j2").render(
        record=record, style=style, abstract=abstract(record), sentences=sentences(record), words=words_table(record),
        agreement=agreement_table(record.agreement) if record.agreement else None, sections=sections(record, passages, words),
    )  # fmt: skip


def abstract(record: Summary) -> str:
    """What was read, in one sentence."""
    read = record.read
    left = [
        (read.problems, "could not be read"),
        (read.in_sample, "left out, because the vectors were made from them"),
        (read.bad, "damaged"),
        (read.repeated, "the same as another"),
    ]
    more = "".join(f"; {number(amount)} {what}" for amount, what in left if amount)
    top = record.identity["settings"]["top"]
    most, bare = [int(one.either.of) for one in record.emotions], [int(one.without) for one in record.emotions]
    return (
        f"{count(read.texts, 'text')} that nobody wrote for this, {number(read.tokens)} tokens, read by {record.identity['model']['name']} at "
        f"layer {record.identity['settings']['layer']}{more}. For each emotion {_up_to(most, top)}, and {_up_to(bare, top)} of those "
        "that the model read without the emotion's word or a synonym."
    )


def _up_to(found: Sequence[int], top: int) -> str:
    """The strongest passages as asked, or fewer where the texts have no more."""
    if any(amount != top for amount in found):
        return f"up to {count(top, 'strongest passage')}"
    return "the strongest passage" if top == 1 else f"the {count(top, 'strongest passage')}"


def sentences(record: Summary) -> list[str]:
    """What the passages and the lexicon show, each with its interval and chance."""
    found = [words_seen(record)]
    if record.agreement is None:
        return [*found, f"Lexicon: not compared. {record.agreement_reason}"]
    return [*found, *agreement_seen(record.agreement)]


def words_seen(record: Summary) -> str:
    """How often an emotion's words are in its passages, beside random passages."""
    own, chance = record.words.strongest, record.words.chance
    apart = (
        "The intervals do not overlap: the strongest passages contain the words more often than random ones."
        if own.interval[0] > chance.interval[1]
        else "The intervals overlap, so it is not shown that they are there more often than by chance."
        if chance.interval[0] <= own.interval[1]
        else "The intervals do not overlap: the strongest passages contain the words less often than random ones."
    )
    return (
        f"Words: the emotion's own word or a synonym is in {rate(own)} of the strongest passages; in {rate(chance)} of random passages of the "
        f"same texts. {apart}"
    )


def rate(one: Rate) -> str:
    """ "34 % (95 % interval 30 % to 38 %)"."""
    low, high = one.interval
    return f"{_percent(one.share)} (95 % interval {_percent(low)} to {_percent(high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else percent(share, 1)


def agreement_seen(found: Agreement) -> list[str]:
    """The agreement with the lexicon as sentences."""
    said = []
    if found.axis is None:
        said.append(
            "Lexicon: positive less negative emotions were not compared, because there are no valence labels of both kinds."
        )
    else:
        said.append(
            f"Lexicon: over {count(found.axis.texts, 'held-out text')}, the mean cosine with positive emotions less that with negative ones, beside the "
            f"mean valence of the text's words in {found.lexicon}: {axis_seen(found.axis)}"
        )
    if found.axis is not None and found.without is None:
        said.append(
            f"Without the words: not measured, because fewer than {FEWEST} of the held-out texts have no emotion's word or synonym."
        )
    if found.without is not None:
        said.append(
            f"Without the words: over the {count(found.without.texts, 'held-out text')} without any emotion's word or synonym, "
            f"{axis_seen(found.without)}"
        )
    chosen = found.chosen
    said.append(
        f"The emotion with the largest |r| on the other half is {chosen.emotion} (r = {fixed(chosen.choosing)} there); on the held-out half its r is "
        f"{fixed(chosen.held_out)} (95 % interval {interval(chosen.interval, 2)})."
    )
    return said


def axis_seen(one: AxisAgreement) -> str:
    """r with its interval and both kinds of chance, and what they allow to say."""
    low, high = one.interval
    holds = (
        ""
        if low <= 0 <= high
        else " That is beyond both."
        if _beyond(one)
        else " The interval is not entirely beyond both, so this is not shown to be more than any direction gives."
    )
    zero = " The interval includes 0." if low <= 0 <= high else ""
    return (
        f"Spearman's r = {fixed(one.r)} (95 % interval {interval(one.interval, 2)}). With the valences shuffled |r| is below {fixed(one.shuffled)} in "
        f"95 % of cases ({p_value(one.p)}), with random directions below {fixed(one.random)} ({p_value(one.p_random)}).{zero}{holds}"
    )


def _beyond(one: AxisAgreement) -> bool:
    """Whether the whole interval lies beyond what shuffled texts and random directions give."""
    return min(abs(end) for end in one.interval) > max(one.shuffled, one.random)


def words_table(record: Summary) -> Table:
    """Each emotion's words in its passages."""
    rows = tuple(
        (
            Cell(one.emotion), Cell(_reliability(one), "number"), Cell(f"{one.own}/{one.either.of}", "number"),
            Cell(f"{one.synonym}/{one.either.of}", "number"), Cell(rate(one.either), "measured"), Cell(rate(one.chance), "measured"),
            Cell(fixed(one.highest, 1), "number"), Cell("none" if one.highest_without is None else fixed(one.highest_without, 1), "number"),
        )
        for one in record.emotions
    )  # fmt: skip
    heads = (
        "Emotion", "Reliability", "Own word", "Synonym", "One of both", "By chance", "Strongest", "Strongest without",
    )  # fmt: skip
    unit = "robust z among neutral texts" if record.neutral_texts else "cosine"
    return Table(
        "The emotions' words in their strongest passages", heads, rows,
        f"By chance: in random passages of the same texts. Strongest: {unit} of the largest token, and the same among passages that "
        "the model read without these words.",
    )  # fmt: skip


def _reliability(one: EmotionWords) -> str:
    return "not measured" if one.reliability is None else fixed(one.reliability)


def agreement_table(found: Agreement) -> Table:
    """Each emotion's agreement with the lexicon, highest first."""
    rows = tuple(
        (Cell(one.emotion), Cell(signed(one.r, 2), "number"), Cell(interval(one.interval, 2), "number"))
        for one in sorted(found.emotions, key=lambda one: -one.r)
    )
    return Table(
        "Spearman's r of each emotion's mean cosine with the lexicon's valence, over held-out texts",
        ("Emotion", "r", "95 % interval"), rows,
        f"{found.lexicon}: {found.source}; {number(found.words)} words, a text with any of them has {number(found.per_text)} at the "
        "median. The intervals are not "
        "corrected for the number of emotions.",
    )  # fmt: skip


def sections(record: Summary, passages: Sequence[Shown], words: Words) -> list[Section]:
    """The emotions with their passages, in the order of the vectors."""
    of: dict[tuple[str, str], list[Shown]] = {}
    for one in passages:
        of.setdefault((one.example.emotion, one.kind), []).append(one)
    found = []
    for place, row in enumerate(record.emotions):
        strongest, without = (of.get((row.emotion, kind), []) for kind in (STRONGEST, WITHOUT))
        known = {_where(one) for one in strongest}
        further = [one for one in without if _where(one) not in known]
        seen = f"reliability {_reliability(row)}; own word or synonym in {row.either.share * row.either.of:.0f} of {row.either.of}"
        found.append(Section(
            f"e{place}", row.emotion, seen, [_passage(one, words) for one in strongest], [_passage(one, words) for one in further],
            len(without) - len(further),
        ))  # fmt: skip
    return found


def _where(one: Shown) -> tuple[str, int, int, int]:
    return one.example.source, one.example.item, one.example.message, one.example.position


def _passage(one: Shown, words: Words) -> Passage:
    example = one.example
    role = "" if example.form == "text" else f", message {example.message} ({example.role})"
    above = (
        ""
        if one.percentile is None
        else f", above {_above(one.percentile)} of neutral texts, z {signed(example.strength, 1)}"
    )
    return Passage(
        f"{one.rank}. {one.name}{role}, token {example.position}: {signed(example.cosines[example.largest], 3)}{above}",
        pieces(example, words),
    )


def _above(percentile: float) -> str:
    return "over 99 %" if percentile >= 99.5 else "under 1 %" if percentile < 0.5 else f"{percentile:.0f} %"


def pieces(example: Example, words: Words) -> list[Piece]:
    """A passage cut where its marks change: shade by cosine, the largest token, the emotion's own word, synonyms."""
    shades = shades_of(example)
    marks = words.marks(example.emotion, example.text)
    classes: list[tuple[str, str]] = []
    place = 0
    for token, (text, shade) in enumerate(zip(example.tokens, shades, strict=True)):
        for character in text:
            mark = next(("own" if one.own else "syn" for one in marks if one.first <= place < one.last), "")
            peak = "peak" if token == example.largest and not character.isspace() else ""
            classes.append((character, " ".join(filter(None, (f"s{shade}" if shade else "", peak, mark)))))
            place += 1
    return [Piece("".join(text for text, _ in group), name) for name, group in groupby(classes, key=lambda one: one[1])]


def shades_of(example: Example) -> Iterable[int]:
    """(t,) the shade of each token, 0 (as usual or less) to `SHADES`."""
    return [max(0, min(SHADES, int(value * (SHADES + 1)))) for value in marked_cells(example).tolist()]
