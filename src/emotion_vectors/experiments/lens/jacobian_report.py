"""The Jacobian lens on the page, beside the logit lens: rows, a sentence, and what its part must agree on."""

from __future__ import annotations

from scipy.stats import binomtest

from emotion_vectors.experiments.lens.record import JacobianLens, Lens
from emotion_vectors.record.requirements import require, require_close, require_within
from emotion_vectors.report.topic import Cell
from emotion_vectors.report.wording import count, fixed, interval, number, p_value

WHAT = "Own word in the top {k} through the Jacobian lens"


def rows(lens: Lens) -> list[tuple[Cell, ...]]:
    """Rows of the table of what recognises the words; one that says so where it was not measured."""
    found, what = lens.jacobian, WHAT.format(k=lens.k)
    if found is None:
        return [(Cell(f"{what}: the vectors"), Cell("not measured", "number"))]
    counts = {
        "words shuffled over the emotions' vectors": found.dealt, "random directions": found.random,
        "token embeddings of the stories": found.static,
    }  # fmt: skip
    own = f"{number(found.count)} of {number(found.of)} (95 % interval {interval(found.interval)})"
    return [
        (Cell(f"{what}: the vectors"), Cell(own, "measured")),
        *(
            (Cell(f"{what}: {name}"), Cell(f"{number(amount)} of {number(found.of)}", "number"))
            for name, amount in counts.items()
        ),
    ]


def seen(lens: Lens) -> str:
    """What the lens reads, beside the logit lens, and how far J can be trusted; "" where it was not measured."""
    found = lens.jacobian
    if found is None:
        return ""
    beside, norm = found.against_logit, {True: "through", False: "without"}
    return (
        "The Jacobian lens carries each vector through the later blocks before it is read (J fitted on "
        f"{count(found.texts, 'neutral text')}, "
        f"{number(found.tokens)} tokens): {number(found.count)} of {number(found.of)} vectors put their own word among their top {lens.k} tokens "
        f"(95 % interval {interval(found.interval)}; random directions {number(found.random)}, {p_value(found.p)}), "
        f"{norm[found.other.through_norm]} the final norm {number(found.other.count)}. The logit lens recognises {number(lens.count)}; "
        f"{number(beside.jacobian_only)} words are recognised only by the Jacobian lens, {number(beside.logit_only)} only by the "
        "logit lens (exact McNemar "
        f"{p_value(beside.p)}). The token embeddings of the stories, through the same J, recognise {number(found.static)} (exact McNemar, "
        f"one-sided, {p_value(found.against_static.p)}). What the two halves of the texts make of a vector has a median cosine of "
        f"{fixed(found.agreement)} over the emotions, the lowest is {fixed(found.lowest_agreement)}; a vector and what J makes of it have a "
        f"median cosine of {fixed(found.kept)}. V1's verdict comes from the logit lens."
    )


def contradictions(lens: Lens) -> None:
    """Refuse counts that the list of emotions or the logit lens deny, and p values that are not those of the counts."""
    found = lens.jacobian
    if found is None:
        return
    own = {row.emotion: row.hit for row in found.emotions}
    logit = {row.emotion: row.hit for row in lens.emotions}
    require(found.of == lens.of, f"The Jacobian lens is out of {found.of}, the logit lens of {lens.of}.")
    require(own.keys() == logit.keys(), "The Jacobian lens and the logit lens have other emotions.")
    require_close(found.count, sum(own.values()), 1e-6, "The count of the Jacobian lens")
    low, high = found.interval
    require_within([found.count], low, high, "The count of the Jacobian lens")
    require_within(
        [found.static, found.other.count, found.dealt, found.random], 0, found.of, "A count of the Jacobian lens"
    )
    only, other = (sum(a[e] and not b[e] for e in own) for a, b in ((own, logit), (logit, own)))
    beside, words = found.against_logit, found.against_static
    require_close(beside.jacobian_only, only, 1e-6, "What only the Jacobian lens recognises")
    require_close(beside.logit_only, other, 1e-6, "What only the logit lens recognises")
    _check_p(found, beside.p, only, other, "two-sided")
    require_close(
        found.count - found.static, words.vectors_only - words.static_only, 1e-6, "The Jacobian lens beyond the words"
    )
    _check_p(found, words.p, int(words.vectors_only), int(words.static_only), "greater")
    cosines = sorted(row.agreement for row in found.emotions)
    middle = (cosines[(len(cosines) - 1) // 2] + cosines[len(cosines) // 2]) / 2
    require_close(found.agreement, middle, 1e-6, "The median agreement of the Jacobian lens")
    require_close(found.lowest_agreement, cosines[0], 1e-6, "The lowest agreement of the Jacobian lens")


def _check_p(found: JacobianLens, stated: float, only: int, other: int, alternative: str) -> None:
    require(only + other <= found.of, f"{only} + {other} emotions differ of {found.of}.")
    p = binomtest(only, only + other, alternative=alternative).pvalue if only + other else 1.0
    require_close(stated, float(p), 1e-6, "A p of the Jacobian lens")
