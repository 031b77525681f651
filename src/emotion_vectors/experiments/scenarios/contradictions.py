"""What the scenarios' part of the record must agree on: ranks from cosines, counts and means from ranks, layers, both lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emotion_vectors.experiments.lens.record import Lens
from emotion_vectors.experiments.scenarios.record import HeldOut, Retrieval, RetrievalItem, Scenarios
from emotion_vectors.record import Record
from emotion_vectors.record.base import Measure
from emotion_vectors.record.requirements import agrees, require, require_close, require_within

COUNTS = ("matches", "top1", "top10", "valence")


def contradictions(record: Record) -> None:
    """Refuse a part of the record that denies itself, its criteria or the layers of the vectors."""
    found = record.part(Scenarios)
    if found is None:
        return
    if found.items:
        _check_first(record, found)
        _check_together(record, found)
    _check_heldout(record, found)
    if found.retrieval is not None:
        _check_retrieval(record, found.retrieval)
    _check_layers(record, found)


def _check_first(record: Record, found: Scenarios) -> None:
    """The first list: ranks that its cosines allow, and Hong's V3 and V4 from the raw ones."""
    probes, items, criteria = found.emotions, found.items, record.criteria
    shape = f"{len(probes)} probes x {len(items)} scenarios"
    for kind, rows, ranks in (
        ("raw", found.raw, found.ranks_raw),
        ("centred", found.centred, found.ranks_centred),
    ):
        fits = len(rows) == len(probes) and all(len(row) == len(items) for row in rows)
        require(fits, f"The {kind} cosines are not {shape}.")
        require(len(ranks) == len(items), f"There are {len(ranks)} {kind} ranks for {len(items)} scenarios.")
        for column, (item, rank) in enumerate(zip(items, ranks, strict=True)):
            values = np.array([row[column] for row in rows])
            own = values[probes.index(item.emotion)]
            # Rounded cosines can tie, so any rank that the ties allow is accepted.
            best, worst = 1 + int(np.sum(values > own + 1e-5)), int(np.sum(values >= own - 1e-5))
            require(best <= rank <= worst, f"The {kind} rank of '{item.name}' is stated as {rank} but is {best}.")
    first, of = criteria["V3"].reference.value, criteria["V3"].reference.of
    require_close(first, sum(rank == 1 for rank in found.ranks_raw), 1e-6, "V3")
    require(of in (None, len(items)), f"V3 is out of {of} but there are {len(items)} scenarios.")
    # V4 counts nothing, so the bar of the earlier reproduction has a value alone.
    require_close(criteria["V4"].reference.value, float(np.mean(found.ranks_raw)), 0.006, "V4")


def _check_together(record: Record, found: Scenarios) -> None:
    """V3 and V4: count and mean of the centred ranks of both lists; the raw ones of the first keep Hong's verdict."""
    both = found.together
    if both is None:
        return
    second = found.heldout.items if found.heldout else []
    ranks = [*found.ranks_centred, *(item.rank_centred for item in second)]
    require(
        both.main == len(found.items) and both.heldout == len(second) and both.of == len(ranks),
        f"Both lists together count {both.of} scenarios but have {len(ranks)}.",
    )
    for name, what, measure, value, of in (
        ("V3", "matches", both.matches, sum(rank == 1 for rank in ranks), len(ranks)),
        ("V4", "mean_rank", both.mean_rank, float(np.mean(ranks)), None),
    ):
        criterion = record.criteria[name]
        require_close(measure.value, value, 1e-6, f"The {what} of both lists together")
        agrees(criterion, value, of, measure.interval, measure.null)
        require_close(criterion.null.p if criterion.null else None, measure.p, 1e-9, f"The p of {name}")
        judged = criterion.verdict != "pass" or both.heldout > 0
        require(judged, f"{name} passes without a held-out scenario.")
    require_close(found.mean_rank_centred, float(np.mean(found.ranks_centred)), 1e-6, "The centred mean rank")
    for row in both.by_layer:
        require_within([row.matches], 0, both.of, f"The matches of both lists at layer {row.layer}")
    for what, best, value in (
        ("matches", both.best_layer.matches, max(row.matches for row in both.by_layer)),
        ("mean_rank", both.best_layer.mean_rank, min(row.mean_rank for row in both.by_layer)),
    ):
        require_close(best.value, value, 1e-6, f"The best layer's {what}")


def _check_heldout(record: Record, found: Scenarios) -> None:
    """The held-out scenarios, recomputed from their ranks."""
    second = found.heldout
    if second is not None:
        for kind, ranks, measures in (
            ("raw", [item.rank_raw for item in second.items], second.raw.named()),
            ("centred", [item.rank_centred for item in second.items], second.centred.named()),
        ):
            _check_measures("held-out scenarios", kind, second, ranks, measures, {})
    for name in ("V3", "V4"):
        # Since both lists are judged together the held-out one is part of the value.
        earlier = "together" not in found.model_fields_set and "heldout" in found.model_fields_set
        if earlier and record.criteria[name].verdict == "pass":
            p = None if second is None else (second.raw.matches if name == "V3" else second.raw.mean_rank).p
            denied = p is None or p >= 0.05
            require(not denied, f"{name} passes although the held-out scenarios are not beyond chance.")


def _check_retrieval(record: Record, found: Retrieval) -> None:
    """The retrieval, recomputed from its ranks and from the valence of the emotions that come first."""
    lens = record.part(Lens)
    valence = {} if lens is None else {row.emotion: row.valence for row in lens.emotions}
    for kind, ranks, first, measures in (
        ("raw", [i.rank_raw for i in found.items], [i.first_raw for i in found.items], found.raw.named()),
        ("centred", [i.rank_centred for i in found.items], [i.first_centred for i in found.items], found.centred.named()),
    ):  # fmt: skip
        _check_measures("retrieval", kind, found, ranks, measures, _right_valence(found.items, first, valence))


def _check_measures(
    what: str, kind: str, found: HeldOut | Retrieval, ranks: Sequence[float], measures: dict[str, Measure], more: dict[str, int]
) -> None:  # fmt: skip
    require(len(ranks) == found.of, f"The {what} count {found.of} texts but list {len(ranks)}.")
    require_within(ranks, 1, found.emotions, f"A {kind} rank of the {what}")
    expected = _from_ranks(ranks) | more
    for name, measure in measures.items():
        _check_measure(f"The {kind} {name} of the {what}", name, measure, found)
        require_close(measure.value, expected.get(name), 1e-6, f"The {kind} {name} of the {what}")


def _check_measure(what: str, name: str, measure: Measure, found: HeldOut | Retrieval) -> None:
    low, high = measure.interval
    first, last = {"mean_rank": (1, found.emotions), "reciprocal_rank": (0, 1)}.get(name, (0, found.of))
    require_within([measure.value, low, high, measure.null], first, last, what)
    require(low - 1e-9 <= measure.value <= high + 1e-9, f"{what} is {measure.value}, outside {low} to {high}.")
    if name in COUNTS:
        require(float(measure.value).is_integer(), f"{what} is {measure.value}, which is not a whole number.")


def _from_ranks(ranks: Sequence[float]) -> dict[str, float]:
    first, ten = sum(rank == 1 for rank in ranks), sum(rank <= 10 for rank in ranks)
    middle = float(np.median([1 / rank for rank in ranks]))
    return {
        "matches": first,
        "top1": first,
        "top10": ten,
        "mean_rank": float(np.mean(ranks)),
        "reciprocal_rank": middle,
    }


def _right_valence(
    items: Sequence[RetrievalItem], first: Sequence[str | None], valence: dict[str, str | None]
) -> dict[str, int]:
    """How many first emotions have the valence of the implied one, where the record knows all valences."""
    pairs = [(name, item.emotion) for name, item in zip(first, items, strict=True)]
    if not valence or any(name is not None and name not in valence for pair in pairs for name in pair):
        return {}
    return {"valence": sum(name is not None and valence[name] == valence[own] for name, own in pairs)}


def _check_layers(record: Record, found: Scenarios) -> None:
    """One row for each layer of the model, in order; the analysis layer's row is V3 and V4, the best is the best."""
    rows, vectors = found.by_layer, record.vectors
    if not rows:
        return
    numbers = [row.layer for row in rows]
    layers = vectors.layers if vectors else None
    given = vectors.adopted.layers if vectors and vectors.adopted else None
    in_order = numbers == (list(range(len(rows))) if given is None else given)
    require(
        in_order and (given is not None or layers in (None, len(rows))),
        f"The scenarios have {len(rows)} layers, not one row for each of the model's {layers}, in order.",
    )
    for row in rows:
        require_within([row.matches], 0, len(found.items), f"The matches at layer {row.layer}")
        require_within([row.mean_rank], 1, len(found.emotions), f"The mean rank at layer {row.layer}")
    best = found.best_layer
    for what, name, values, one, choose in (
        ("matches", "V3", {row.layer: row.matches for row in rows}, best and best.matches, max),
        ("mean_rank", "V4", {row.layer: row.mean_rank for row in rows}, best and best.mean_rank, min),
    ):
        if vectors is not None:
            reference = record.criteria[name].reference.value
            require_close(reference, values[vectors.layer], 0.006, f"{name}, by its layer's row,")
        if one is not None:
            require_close(one.value, choose(values.values()), 1e-6, f"The best layer's {what}")
            require_close(one.value, values[one.layer], 1e-6, f"The {what} at the best layer")
