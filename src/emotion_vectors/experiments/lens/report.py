"""The logit lens on the page: tables, sentences, and what its part of the record must agree on."""

from __future__ import annotations

from scipy.stats import binomtest

from emotion_vectors.experiments.lens import jacobian_report
from emotion_vectors.experiments.lens.record import Lens, Opposites, Pair, PairsTest
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import agrees, require, require_close, require_within
from emotion_vectors.report.about import reliability_rows, reliability_seen
from emotion_vectors.report.published import CRITERIA
from emotion_vectors.report.topic import Card, Cell, Choice, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, interval, number, p_value

QUESTION = "Do the vectors carry the emotions' words?"


def contradictions(record: Record) -> None:
    """Refuse counts that the lists of emotions and pairs deny, and V1 and V2 that are not these counts."""
    lens, criteria = record.part(Lens), record.criteria
    if lens is None:
        return
    hits = sum(row.hit for row in lens.emotions)
    require(lens.count <= lens.of, f"The lens counts {lens.count} emotions of {lens.of}.")
    if len(lens.emotions) == lens.of:
        require(hits == lens.count, f"The lens counts {lens.count} recognised emotions but lists {hits}.")
    require_close(criteria["V1"].value, lens.count, 1e-6, "V1")
    whole = criteria["V1"].of
    require(whole in (None, lens.of), f"V1 is out of {whole} but the experiment has {lens.of}.")
    _check_controls(record, lens)
    jacobian_report.contradictions(lens)
    for pair in (*lens.pairs, *(lens.opposites.pairs if lens.opposites else ())):
        require(
            pair.dot * pair.cosine >= 0,
            f"The cosine of {pair.a} and {pair.b} and their dot product have opposite signs.",
        )
    _check_pairs(record, lens)


def _check_controls(record: Record, lens: Lens) -> None:
    """The baselines are counts of the same emotions, and the paired test is that of its own two counts."""
    for row in lens.baselines:
        name = f"The baseline '{row.what}'"
        require_within([row.count], 0, row.of, f"The count of the baseline '{row.what}'")
        require(row.of == lens.of, f"{name} is out of {row.of}, the lens of {lens.of}.")
    paired = lens.against_static
    if paired is None:
        return
    only, other = int(paired.vectors_only), int(paired.static_only)
    require(only + other <= lens.of, f"{only} + {other} emotions differ of {lens.of}.")
    for row in lens.baselines:
        if row.what == "token embeddings of the stories":
            beyond = "What the vectors recognise beyond the token embeddings"
            require_close(lens.count - row.count, only - other, 1e-6, beyond)
    p = binomtest(only, only + other, alternative="greater").pvalue if only + other else 1.0
    require_close(paired.p, float(p), 1e-6, "The p of the vectors against the token embeddings")
    beaten = record.criteria["V1"].verdict != "pass" or paired.p <= 0.05
    require(beaten, f"V1 passes although the token embeddings do as well (p = {paired.p}).")


def _check_pairs(record: Record, lens: Lens) -> None:
    """V2: the count of our pairs, and the published ones beside it."""
    criterion, few, found = record.criteria["V2"], lens.pairs_test, lens.opposites
    if lens.pairs:
        require_close(criterion.reference.value, _negative(lens.pairs), 1e-6, "V2")
    if few is not None:
        require(few.of == len(lens.pairs), f"The published pairs count {few.of} but list {len(lens.pairs)}.")
        require_close(few.count, _negative(lens.pairs), 1e-6, "The count of the published pairs")
    if found is None:
        return
    require(found.of == len(found.pairs), f"Our opposite pairs count {found.of} but list {len(found.pairs)}.")
    require_close(found.count, _negative(found.pairs), 1e-6, "The count of our opposite pairs")
    words = {word for pair in found.pairs for word in (pair.a, pair.b)}
    require(found.words == len(words), f"Our pairs are said to have {found.words} words and have {len(words)}.")
    agrees(criterion, found.count if found.of else None, int(found.of), found.interval, found.null)
    require_close(criterion.null.p if criterion.null else None, found.p, 1e-9, "The p of V2")


def _negative(pairs: list[Pair]) -> int:
    return sum(pair.dot < 0 for pair in pairs)


def has_pairs(record: Record) -> bool | None:
    """Whether the record has an opposite pair; None where it has no lens."""
    if "lens" not in record.experiments:
        return None
    lens = record.part(Lens)
    return lens is not None and bool(lens.pairs or (lens.opposites and lens.opposites.pairs))


def abstract(record: Record) -> str:
    """How many vectors put their own word on top."""
    lens = record.part(Lens)
    if lens is None:
        return ""
    return f"{number(lens.count)} of {number(lens.of)} vectors put their own word among their top {lens.k} tokens."


def method(record: Record) -> list[Choice]:
    """The choices of the lens."""
    lens = record.part(Lens)
    rows = [
        Choice("Logit lens", "top tokens, no count given", "top 20", f"top {number(record.setting('lens_k'))}", None)
    ]
    if lens is not None and lens.opposites is not None:
        rows.append(Choice("Opposite pairs for the verdict", "none", "5", number(lens.opposites.of), None))
    return rows


def lens_table(record: Record) -> Table | None:
    """What each emotion's vector puts up and down in the vocabulary; None without the lens."""
    lens = record.part(Lens)
    if lens is None or not lens.emotions:
        return None
    carried = {row.emotion: row for row in lens.jacobian.emotions} if lens.jacobian else {}
    rows = tuple(
        (
            Cell(row.emotion),
            Cell("yes" if row.hit else "no"),
            Cell(number(row.best_rank), "number"),
            Cell(_tokens(row.top)),
            Cell(_tokens(row.bottom)),
            *(
                (Cell(number(carried[row.emotion].best_rank), "number"), Cell(_tokens(carried[row.emotion].top)))
                if carried
                else ()
            ),
        )
        for row in lens.emotions
    )
    norm = {True: "through the final norm", False: "without the final norm"}
    note = f"Own word among the top {lens.k} tokens, {norm[lens.through_norm]}."
    note += f" {norm[lens.other.through_norm].capitalize()} it is {lens.other.count} of {lens.of}."
    if lens.multi_word:
        hits = sum(row.first_token_hit for row in lens.multi_word)
        none = f"{count(len(lens.multi_word), 'word')} {'has' if len(lens.multi_word) == 1 else 'have'} no form of one token"
        note += f" {none}; the first token of {number(hits)} of {number(len(lens.multi_word))} is among the top."
    columns = ("Emotion", f"In the top {lens.k}", "Best rank", "Raised most", "Lowered most")
    columns += ("Best rank, Jacobian lens", "Raised most, Jacobian lens") if carried else ()
    return Table("Logit lens of every emotion", columns, rows, note)


def _tokens(tokens: list[str]) -> str:
    return " ".join(f"‹{token}›" for token in tokens)


def pair_table(record: Record) -> Table | None:
    """The published opposite pairs and ours; None without them."""
    lens = record.part(Lens)
    if lens is None:
        return None
    lists = (("published", lens.pairs), ("ours", lens.opposites.pairs if lens.opposites else []))
    rows = tuple(
        (
            Cell(f"{pair.a} and {pair.b}"),
            Cell(source),
            Cell(fixed(pair.dot), "number"),
            Cell(fixed(pair.cosine), "number"),
        )
        for source, pairs in lists
        for pair in pairs
    )
    if not rows:
        return None
    columns = ("Pair", "List", "Dot product", "Cosine")
    return Table("Opposite pairs in the logit lens", columns, rows, pairs_seen(lens.pairs_test, lens.opposites))


def pairs_seen(few: PairsTest | None, found: Opposites | None) -> str:
    """What the two lists of pairs give, with their nulls; "" for a record without ours."""
    if found is None:
        return ""
    pieces = []
    if few is not None and few.of:
        chance = f"random pairs of emotions give {number(few.null)}, {p_value(few.p)}"
        best = f"; {'a negative one' if few.of == 1 else f'even all {number(few.of)}'} would have {p_value(few.best_p)}"
        pieces.append(f"Of the published pairs {number(few.count)} of {number(few.of)} are negative ({chance}{best}).")
    if found.within_valence is None:
        return " ".join([*pieces, "No pair of ours has both of its words in this run."])
    pieces.append(
        f"Of ours, which give the verdict, {number(found.count)} of {number(found.of)} are negative (95 % interval "
        f"{interval(found.interval)}); the same {number(found.words)} words paired at random give {number(found.null)} "
        f"({p_value(found.p)}), and with the partners shuffled among pairs of the same valences {number(found.within_valence.null)} "
        f"({p_value(found.within_valence.p)})."
    )
    return " ".join(pieces)


def vectors_table(record: Record) -> Table | None:
    """Reliability of the directions and what else puts the emotion words on top; None where neither was measured."""
    lens, rows = record.part(Lens), reliability_rows(record)
    if lens is not None and lens.baselines:
        recognised = [("the vectors", lens.count, lens.of), *((row.what, row.count, row.of) for row in lens.baselines)]
        rows += [
            (Cell(f"Own word in the top {lens.k}: {what}"), Cell(f"{number(amount)} of {number(of)}", "number"))
            for what, amount, of in recognised
        ]
        rows += jacobian_report.rows(lens)
    if not rows:
        return None
    caution = record.vectors.caution if record.vectors else None
    carried = jacobian_report.seen(lens) if lens is not None else ""
    note = " ".join(text for text in (caution, reliability_seen(record), carried) if text)
    return Table("Reliability of the vectors, and the words they promote", ("What", "Value"), tuple(rows), note)


TOPIC = Topic(
    "lens", "Logit lens", parts=(Lens,),
    criteria=(
        Card("V1", "Self-recognition in the logit lens", QUESTION, CRITERIA["V1"]),
        Card("V2", "Opposite pairs point apart", QUESTION, CRITERIA["V2"], has_data=has_pairs),
    ),
    tables=(TableOf(pair_table, place=30), TableOf(vectors_table, place=40), TableOf(lens_table, folded=True, place=50)),
    contradictions=contradictions, abstract=abstract, method=method,
)  # fmt: skip
