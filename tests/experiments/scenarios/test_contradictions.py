"""Contradictions of the scenarios, the held-out ones and the retrieval: each is refused on its own."""

from __future__ import annotations

import pytest
from report.contradictions import PARTS, Change, Record, assert_refused, criterion, more, put

CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "scenario cosine of 1.5": (put(PARTS + "scenarios.raw.0.3", 1.5), "outside -1 to 1"),
    "a matrix with a short row": (put(PARTS + "scenarios.centred.2", [0.1, 0.2]), "12 probes x 12 scenarios"),
    "a rank that the cosines deny": (put(PARTS + "scenarios.ranks_raw.0", 9), "rank of"),
    "V3 against the ranks": (criterion("V3", value=5, verdict="fail", seed_verdict="fail"), "V3 is stated as 5"),
    "V4 against the ranks": (criterion("V4", value=2.0, interval=[1.5, 2.5]), "V4 is stated as 2.0"),
    "a layer that is left out": (lambda record: record["experiments"]["scenarios"]["by_layer"].pop(3), "29 layers"),
    "layers out of order": (
        lambda record: record["experiments"]["scenarios"]["by_layer"].reverse(),
        "not one row for each",
    ),
    "more matches than scenarios at a layer": (put(PARTS + "scenarios.by_layer.2.matches", 13), "matches at layer 2"),
    "a mean rank beyond the probes": (put(PARTS + "scenarios.by_layer.2.mean_rank", 12.5), "mean rank at layer 2"),
    "a mean rank better than the best": (
        put(PARTS + "scenarios.by_layer.2.mean_rank", 0.5),
        "scenarios.by_layer.2.mean_rank",
    ),
    "V3 against its layer": (more(PARTS + "scenarios.by_layer.20.matches", -1), "V3, by its layer's row,"),
    "a best layer that is not": (more(PARTS + "scenarios.best_layer.matches.value", -1), "best layer's matches"),
    "a better rank at another layer": (
        more(PARTS + "scenarios.best_layer.mean_rank.value", 0.5),
        "best layer's mean_rank",
    ),
    "a p of 1.5 at the best layer": (
        put(PARTS + "scenarios.best_layer.matches.p", 1.5),
        "scenarios.best_layer.matches.p",
    ),
    "more held-out scenarios than listed": (put(PARTS + "scenarios.heldout.of", 37), "count 37 texts but list 36"),
    "held-out matches against the ranks": (
        put(PARTS + "scenarios.heldout.raw.matches", {"value": 30, "interval": [25, 33], "null": 3, "p": 0.01}),
        "The raw matches of the held-out",
    ),
    "37 of 36": (
        put(PARTS + "scenarios.heldout.centred.matches", {"value": 37, "interval": [30, 37], "null": 3, "p": 0.01}),
        "outside 0 to 36",
    ),
    "a held-out rank of 13": (put(PARTS + "scenarios.heldout.items.4.rank_raw", 13), "outside 1 to 12"),
    "a retrieval rank of 172": (put(PARTS + "scenarios.retrieval.items.4.rank_centred", 172), "outside 1 to 171"),
    "a mean rank against the ranks": (
        put(PARTS + "scenarios.retrieval.raw.mean_rank", {"value": 5.0, "interval": [4, 6], "null": 86, "p": 0.01}),
        "The raw mean_rank of the retrieval",
    ),
    "more in the first place than among the first ten": (
        put(PARTS + "scenarios.retrieval.raw.top1", {"value": 90, "interval": [80, 95], "null": 1, "p": 0.01}),
        "The raw top1",
    ),
    "right valences against the first emotions": (
        put(PARTS + "scenarios.retrieval.raw.valence", {"value": 170, "interval": [165, 171], "null": 90, "p": 0.01}),
        "The raw valence",
    ),
    "a retrieval p of -1": (put(PARTS + "scenarios.retrieval.raw.top10.p", -1.0), "outside 0 to 1"),
    "a held-out interval upside down": (put(PARTS + "scenarios.heldout.raw.mean_rank.interval", [6, 2]), "runs from 6"),
    "a value outside its interval": (put(PARTS + "scenarios.retrieval.raw.top10.interval", [0, 1]), "outside 0 to 1"),
    "V3 passes and the held-out scenarios deny it": (
        lambda record: (
            criterion("V3", verdict="pass", null=None)(record),
            put(PARTS + "scenarios.heldout.raw.matches.p", 0.2)(record),
        ),
        "V3 passes although the held-out",
    ),
    "V4 passes without held-out scenarios": (
        lambda record: (
            criterion("V4", verdict="pass", null=None)(record),
            put(PARTS + "scenarios.heldout", None)(record),
            *(row.update(heldout=None) for row in record["experiments"]["baselines"]["rows"]),
        ),
        "V4 passes although the held-out",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])
