"""What the axes of the vectors mean, on the page: figure, tables, sentences, and what the part must agree on."""

from __future__ import annotations

from collections.abc import Callable

from emotion_vectors.experiments.geometry.figures import map_chart, map_rows
from emotion_vectors.experiments.geometry.measure import FEWEST, STORY, STORY_WORDS, TOKENS, VECTORS, WORDS
from emotion_vectors.experiments.geometry.record import Agreement, Geometry, Represented, Tested
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import pearson, require, require_close
from emotion_vectors.report.published import PAPER_GEOMETRY, PAPER_MODEL
from emotion_vectors.report.topic import Cell, Choice, Figure, Section, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value, percent, sided
from emotion_vectors.stimuli.norms import shipped

MISSING = "Not measured (older run, or fewer than four emotions)."
SECTION = Section("directions", "What the directions are", "Directions", missing=MISSING)
ORDER = (VECTORS, STORY, STORY_WORDS, WORDS, TOKENS)


def contradictions(record: Record) -> None:
    """Refuse shares, places and correlations that deny each other."""
    part = record.part(Geometry)
    if part is None:
        return
    require(len(part.places) == part.emotions, f"The map has {len(part.places)} of {part.emotions} emotions.")
    require(part.vectors.name == VECTORS, "The first representation is not the emotion vectors.")
    names = [one.name for one in part.representations]
    require(len(set(names)) == len(names), "A representation is there twice.")
    for one in part.representations:
        _check_represented(part, one)
    _check_arrows(part)


def _check_represented(part: Geometry, one: Represented) -> None:
    shares = [component.share for component in one.components]
    require(
        sum(shares) <= 1 + 1e-6 and shares == sorted(shares, reverse=True),
        f"The components of the {one.name} explain {shares} of the variance.",
    )
    sizes = {(len(row.r), len(row.covariates)) for row in one.components}
    require(sizes <= {(len(part.scales), len(part.covariates))}, f"A component of the {one.name} lacks a correlation.")
    tested = [[row.norms, row.scale] for row in one.agreements]
    require(tested == part.scales, f"The {one.name} are not tested on the scales {part.scales}.")
    for row in one.agreements:
        what = f"{row.scale} of {row.norms} from the {one.name}"
        for found in filter(None, (row.ridge, row.best, row.partial)):
            low, high = found.interval
            require(low - 1e-6 <= found.r <= high + 1e-6, f"The r of {what}, {found.r}, is outside {low} to {high}.")
        words = part.agreement(WORDS, row.norms, row.scale)
        if row.beyond_words is not None:
            require(words is not None, f"The {what} are compared with words that were not measured.")
            require_close(
                row.beyond_words.value,
                row.ridge.r - words.ridge.r if words else None,
                1e-9,
                f"The difference of {what}",
            )


def _check_arrows(part: Geometry) -> None:
    """The first two components' r with ratings that come with the package, from the places."""
    lists = {norms.name: norms for norms in shipped()}
    ours = {norms.name for norms in part.norms if norms.shipped}
    emotions = [row.emotion for row in part.places]
    for place, (name, scale) in enumerate(part.scales):
        if name not in ours or name not in lists:
            continue
        rows, ratings = lists[name].of(emotions, scale)
        for axis, component in enumerate(part.vectors.components[:2]):
            found = pearson([part.places[row].at[axis] for row in rows], ratings[:, 0])
            require_close(component.r[place], found, 1e-6, f"The r of component {axis + 1} with {scale} of {name}")


def main_scale(part: Geometry, scale: str) -> Agreement | None:
    """The agreement of the vectors with the list that rates the most words of this scale."""
    rows = [row for row in part.vectors.agreements if row.scale == scale]
    return max(rows, key=lambda row: row.words) if rows else None


def seen(record: Record) -> str:
    """How far ratings are predicted, and how much of it the words alone predict."""
    part = record.part(Geometry)
    if part is None:
        return ""
    shares = [percent(one.share, 1) for one in part.vectors.components[:2]]
    pieces = [
        f"The first two components of {number(part.emotions)} unit vectors at layer {part.layer} explain {listing(shares)} of the variance."
    ]
    pieces += [_scale_seen(part, row) for scale in ("valence", "arousal") if (row := main_scale(part, scale))]
    if not part.scales:
        pieces.append(f"No list rates {FEWEST} or more of the emotions, so no agreement is measured.")
    return " ".join(pieces)


def _scale_seen(part: Geometry, row: Agreement) -> str:
    said = (
        f"{row.scale.capitalize()} of {number(row.words)} words ({row.norms}) is predicted for held-out words with r = "
        f"{fixed(row.ridge.r)} "
        f"(95 % interval {interval(row.ridge.interval, 2)}; shuffled ratings {fixed(row.ridge.null)}, {p_value(row.ridge.p)})"
    )
    words, gain = part.agreement(WORDS, row.norms, row.scale), row.beyond_words
    if words is None or gain is None:
        return f"{said}."
    judged = sided(gain.interval, "more than the words give", "less than the words give", "not shown to be more than the words give")  # fmt: skip
    return (
        f"{said}; the words of the stories alone give {fixed(words.ridge.r)}. This is {judged} (difference {fixed(gain.value)}, "
        f"95 % interval {interval(gain.interval, 2)})."
    )


def chance(record: Record) -> str:
    """What ratings of other words give, and that one component is not a question of chance alone."""
    part = record.part(Geometry)
    if part is None:
        return ""
    if not part.scales:
        return "Nothing to compare."
    highs = [fixed(row.ridge.null_high) for row in part.vectors.agreements]
    said = listing(
        [
            f"{row.scale} of {row.norms}: component {row.best.component} (r = {fixed(row.best.r)}, 95 % interval {interval(row.best.interval, 2)}, in {percent(row.best.folds, 1)} of the folds)"
            for row in part.vectors.agreements
        ]
    )
    return (
        f"With the ratings shuffled over the words, 5 % of the r values are above {listing(highs)}, in the order of the table. An "
        "arrow shows a scale's r with the two "
        "components on all its words; an r of 1 is as long as half the height of the map. One component alone, chosen without the "
        f"words that it predicts: {said}."
    )


def published_seen(record: Record) -> str:
    """The paper's components, which it correlates in sample."""
    return (
        f"{PAPER_MODEL}: the first component explains {PAPER_GEOMETRY['share of the first']} and has r = "
        f"{fixed(PAPER_GEOMETRY['pleasure'])} with human pleasure, "
        f"the second {PAPER_GEOMETRY['share of the second']} and r = {fixed(PAPER_GEOMETRY['arousal'])} with arousal, over 45 words (Russell and Mehrabian), in sample."
    )


def _shown(found: Tested | None) -> str:
    if found is None:
        return "not measured"
    return f"{fixed(found.r)} ({interval(found.interval, 2)}; {p_value(found.p)})"


def _table(
    name: str, title: str, note: Callable[[Geometry], str], take: Callable[[Agreement], Tested | None]
) -> Callable[[Record], Table | None]:
    """A table with a row for each scale and a column for each representation."""

    def make(record: Record) -> Table | None:
        part = record.part(Geometry)
        if part is None or not part.scales:
            return None
        names = [one for one in ORDER if part.named(one)]
        rows = tuple(
            (
                Cell(f"{scale}, {norms}"),
                Cell(number(row.words), "number"),
                *(_cell(part, one, norms, scale, take) for one in names),
            )
            for norms, scale in part.scales
            if (row := part.agreement(VECTORS, norms, scale))
        )
        return Table(title, ("Ratings", "Words", *(one.capitalize() for one in names)), rows, note(part))

    make.__name__ = f"{name}_table"
    return make


def _cell(part: Geometry, name: str, norms: str, scale: str, take: Callable[[Agreement], Tested | None]) -> Cell:
    row = part.agreement(name, norms, scale)
    return Cell(_shown(take(row)) if row else "not measured", "measured")


def _ridge_note(part: Geometry) -> str:
    pieces = [
        f"r of predictions for held-out words ({number(part.folds)} folds), by ridge regression on the first "
        f"{count(part.k, 'component')}; 95 % interval over words, and "
        "p with the ratings shuffled over the words."
    ]
    for name in (STORY, STORY_WORDS):
        one = part.named(name)
        if one is not None and one.removed is not None:
            pieces.append(
                f"{name.capitalize()}: {count(one.removed_columns, 'column')} projected out, {percent(one.removed, 1)} of the variance "
                f"(as many random columns: {percent(one.removed_columns, part.emotions - 1)})."
            )
    for one in part.ceilings:
        pieces.append(
            f"Ceiling: two lists of ratings ({'; '.join(one.norms)}) agree on {one.scale} of {count(one.words, 'word')} with r = {fixed(one.r)} "
            f"(95 % interval {interval(one.interval, 2)})."
        )
    return " ".join(pieces)


def _partial_note(part: Geometry) -> str:
    return "The same predictions, with the linear fit on the list's other scale removed from predictions and ratings; the null shuffles only what the other scale does not explain of the ratings."


def components_table(record: Record) -> Table | None:
    """Every component of the vectors and of the words alone: share, and r with ratings and with what else the stories differ in."""
    part = record.part(Geometry)
    if part is None:
        return None
    heads = [f"{scale}, {norms}" for norms, scale in part.scales]
    rows = tuple(
        (
            Cell(f"{one.name}, {place}"),
            Cell(percent(component.share, 1), "number"),
            *(Cell(fixed(r), "number") for r in (*component.r, *component.covariates)),
        )
        for one in part.representations
        if one.name in (VECTORS, WORDS)
        for place, component in enumerate(one.components, 1)
    )
    note = (
        "r in sample, on all rated words (ratings) or all emotions (the stories' length in words and the share of the first person among their pronouns); among so many "
        "some r is large by chance alone. The sign of a component is arbitrary"
    ) + ("; here its largest r with a scale is positive." if part.scales else ".")
    return Table("Principal components", ("Component", "Share", *heads, *part.covariates), rows, note)


def method(record: Record) -> list[Choice]:
    """The choices of the geometry."""
    part = record.part(Geometry)
    if part is None:
        return []
    run = f"out of sample on {count(part.k, 'component')} of unit vectors"
    return [Choice("Human ratings", "first two components, in sample", "none", run, None)]


RIDGE = _table("ridge", "Human ratings predicted for held-out words", _ridge_note, lambda row: row.ridge)
PARTIAL = _table(
    "partial", "Human ratings predicted, given the list's other scale", _partial_note, lambda row: row.partial
)
BEST = _table(
    "best",
    "Human ratings predicted from one component",
    lambda part: "The component with the largest |r| among the other words.",
    lambda row: row.best,
)
TOPIC = Topic(
    "geometry", "What the axes of the vectors mean", parts=(Geometry,), sections=(SECTION,),
    figures=(
        Figure("G", "The emotions on the two main components, with human ratings", map_chart, map_rows, seen, chance, published_seen, "directions"),
    ),
    tables=(
        TableOf(RIDGE, "directions", place=10), TableOf(PARTIAL, "directions", place=11), TableOf(BEST, "directions", folded=True, place=12),
        TableOf(components_table, "directions", folded=True, place=13),
    ),
    contradictions=contradictions, method=method,
)  # fmt: skip
