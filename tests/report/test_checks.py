"""Each contradiction is refused on its own; a record that is right passes whatever its seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emotion_vectors.errors import UserError

from .asking import ContradictoryRecord, check
from .contradictions import assert_refused
from .record import build

Record = dict[str, Any]


def _criterion(name: str, **changes: Any) -> Callable[[Record], None]:
    return lambda record: record["criteria"][name].update(changes)


def _put(path: str, value: Any) -> Callable[[Record], None]:
    """Replace what stands at `path`, with list positions as numbers: "steering.emotions.0.r"."""

    def change(record: Record) -> None:
        *way, last = [int(step) if step.lstrip("-").isdigit() else step for step in path.split(".")]
        part: Any = record
        for step in way:
            part = part[step]
        part[last] = value

    return change


def _more(path: str, amount: float) -> Callable[[Record], None]:
    """Add `amount` to the number at `path`."""

    def change(record: Record) -> None:
        part: Any = record
        for step in path.split("."):
            part = part[int(step) if step.isdigit() else step]
        _put(path, part + amount)(record)

    return change


def _pass_with_crossing_interval(record: Record) -> None:
    steering = record["experiments"]["steering"]
    steering["low"] = -0.1
    record["criteria"]["V10"].update(verdict="pass", interval=[-0.1, steering["high"]])


def _inverted_but_passed(record: Record) -> None:
    for row in record["experiments"]["steering"]["emotions"]:
        row.update(
            nats=-row["nats"], low=-row["high"], high=-row["low"], elo=-row["elo"], elo_steered=-row["elo_steered"]
        )
    steering = record["experiments"]["steering"]
    steering.update(
        r=-steering["r"], low=-steering["high"], high=-steering["low"], slope=-steering["slope"], examples={}
    )
    record["criteria"]["V10"].update(value=steering["r"], interval=[steering["low"], steering["high"]], verdict="pass")


E_ = "experiments."
CONTRADICTIONS: dict[str, tuple[Callable[[Record], None], str]] = {
    "a criterion is missing": (lambda record: record["criteria"].pop("V7"), "V1 to V11"),
    "a twelfth criterion": (lambda record: record["criteria"].update(V12=record["criteria"]["V1"]), "V1 to V11"),
    "a criterion under another's name": (_criterion("V2", id="V3"), "calls itself V3"),
    "a verdict that is none": (_criterion("V1", verdict="passed"), "'passed'"),
    "a verdict by Hong that is none": (_criterion("V1", seed_verdict="PASS"), "'PASS'"),
    "more than all": (_criterion("V3", value=13), "outside 0 to 12"),
    "a negative count": (_criterion("V3", value=-1), "outside 0 to 12"),
    "half an emotion": (_criterion("V1", value=20.5), "not a whole number"),
    "interval upside down": (_criterion("V7", interval=[600, 500]), "from 600 to 500"),
    "interval beyond the whole": (_criterion("V3", interval=[3, 14]), "outside 0 to 12"),
    "p of 1.2": (_criterion("V3", null={"what": "x", "value": 1, "p": 1.2}), "null.p"),
    "null above the whole": (_criterion("V3", null={"what": "x", "value": 13, "p": 0.01}), "null of V3"),
    "judged without a value": (_criterion("V8", value=None), "no value"),
    "Hong's verdict against the threshold": (
        _criterion("V1", seed_verdict="fail"),
        "its verdict by Hong (2026) is fail",
    ),
    "pass although chance is not excluded": (
        _criterion("V9", null={"what": "x", "value": 3, "p": 0.4}),
        "chance is not excluded",
    ),
    "pass outside its interval": (_criterion("V7", interval=[10, 20]), "outside its interval"),
    "pass without interval and null": (_criterion("V9", interval=None, null=None), "without an interval"),
    "pass across the bar": (_pass_with_crossing_interval, "reaches across the bar"),
    "inverted steering that passes": (_inverted_but_passed, "reaches across the bar"),
    "pass across a stated bar": (_criterion("V9", verdict="pass", bar=100, interval=[90, 130]), "bar of 100"),
    "more stories kept than written": (_put("corpus.kept", 10_000), "only"),
    "a layer that is none": (_put("vectors.layer", 30), "layers 0 to 29"),
    "two layer counts": (_put("model.layers", 31), "31 layers"),
    "lens count against its list": (_more(E_ + "lens.count", 1), "recognised emotions"),
    "V1 against the lens": (_criterion("V1", value=60), "V1 is stated as 60"),
    "V1 out of another number": (_criterion("V1", of=170), "out of 170"),
    "lens cosine of 1.5": (_put(E_ + "lens.pairs.0.cosine", -1.5), "outside -1 to 1"),
    "dot product against cosine": (_put(E_ + "lens.pairs.0.dot", 3.0), "opposite signs"),
    "V2 against the pairs": (_criterion("V2", value=4, interval=[3, 5]), "V2 is stated as 4"),
    "scenario cosine of 1.5": (_put(E_ + "scenarios.raw.0.3", 1.5), "outside -1 to 1"),
    "a matrix with a short row": (_put(E_ + "scenarios.centred.2", [0.1, 0.2]), "12 probes x 12 scenarios"),
    "a rank that the cosines deny": (_put(E_ + "scenarios.ranks_raw.0", 9), "rank of"),
    "V3 against the ranks": (_criterion("V3", value=5, verdict="fail", seed_verdict="fail"), "V3 is stated as 5"),
    "V4 against the ranks": (_criterion("V4", value=2.0, interval=[1.5, 2.5]), "V4 is stated as 2.0"),
    "a layer that is left out": (lambda record: record["experiments"]["scenarios"]["by_layer"].pop(3), "29 layers"),
    "layers out of order": (
        lambda record: record["experiments"]["scenarios"]["by_layer"].reverse(),
        "not one row for each",
    ),
    "more matches than scenarios at a layer": (_put(E_ + "scenarios.by_layer.2.matches", 13), "matches at layer 2"),
    "a mean rank beyond the probes": (_put(E_ + "scenarios.by_layer.2.mean_rank", 12.5), "mean rank at layer 2"),
    "a mean rank better than the best": (
        _put(E_ + "scenarios.by_layer.2.mean_rank", 0.5),
        "scenarios.by_layer.2.mean_rank",
    ),
    "V3 against its layer": (_more(E_ + "scenarios.by_layer.20.matches", -1), "V3, by its layer's row,"),
    "a best layer that is not": (_more(E_ + "scenarios.best_layer.matches.value", -1), "best layer's matches"),
    "a better rank at another layer": (
        _more(E_ + "scenarios.best_layer.mean_rank.value", 0.5),
        "best layer's mean_rank",
    ),
    "a p of 1.5 at the best layer": (
        _put(E_ + "scenarios.best_layer.matches.p", 1.5),
        "scenarios.best_layer.matches.p",
    ),
    "more held-out scenarios than listed": (_put(E_ + "scenarios.heldout.of", 37), "count 37 texts but list 36"),
    "held-out matches against the ranks": (
        _put(E_ + "scenarios.heldout.raw.matches", {"value": 30, "interval": [25, 33], "null": 3, "p": 0.01}),
        "The raw matches of the held-out",
    ),
    "37 of 36": (
        _put(E_ + "scenarios.heldout.centred.matches", {"value": 37, "interval": [30, 37], "null": 3, "p": 0.01}),
        "outside 0 to 36",
    ),
    "a held-out rank of 13": (_put(E_ + "scenarios.heldout.items.4.rank_raw", 13), "outside 1 to 12"),
    "a retrieval rank of 172": (_put(E_ + "scenarios.retrieval.items.4.rank_centred", 172), "outside 1 to 171"),
    "a mean rank against the ranks": (
        _put(E_ + "scenarios.retrieval.raw.mean_rank", {"value": 5.0, "interval": [4, 6], "null": 86, "p": 0.01}),
        "The raw mean_rank of the retrieval",
    ),
    "more in the first place than among the first ten": (
        _put(E_ + "scenarios.retrieval.raw.top1", {"value": 90, "interval": [80, 95], "null": 1, "p": 0.01}),
        "The raw top1",
    ),
    "right valences against the first emotions": (
        _put(E_ + "scenarios.retrieval.raw.valence", {"value": 170, "interval": [165, 171], "null": 90, "p": 0.01}),
        "The raw valence",
    ),
    "a retrieval p of -1": (_put(E_ + "scenarios.retrieval.raw.top10.p", -1.0), "outside 0 to 1"),
    "a held-out interval upside down": (_put(E_ + "scenarios.heldout.raw.mean_rank.interval", [6, 2]), "runs from 6"),
    "a value outside its interval": (_put(E_ + "scenarios.retrieval.raw.top10.interval", [0, 1]), "outside 0 to 1"),
    "V3 passes and the held-out scenarios deny it": (
        lambda record: (
            _criterion("V3", verdict="pass", null=None)(record),
            _put(E_ + "scenarios.heldout.raw.matches.p", 0.2)(record),
        ),
        "V3 passes although the held-out",
    ),
    "V4 passes without held-out scenarios": (
        lambda record: (
            _criterion("V4", verdict="pass", null=None)(record),
            _put(E_ + "scenarios.heldout", None)(record),
            *(row.update(heldout=None) for row in record["experiments"]["baselines"]["rows"]),
        ),
        "V4 passes although the held-out",
    ),
    "the words reach more than all": (_put(E_ + "baselines.rows.1.V3", 13), "V3 of the bag of words is 13"),
    "half a hit of the words": (_put(E_ + "baselines.rows.1.heldout", 2.5), "not a whole number"),
    "a mean rank of the words below 1": (_put(E_ + "baselines.rows.2.V4", 0.5), "outside 1 to 12"),
    "a p of the words above 1": (_put(E_ + "baselines.rows.1.p.V5", 1.2), "outside 0 to 1"),
    "the residual stream's V5 is not V5": (_more(E_ + "baselines.rows.0.V5", -1), "V5 of the residual stream"),
    "the residual stream's retrieval is another": (
        _more(E_ + "baselines.rows.0.retrieval", 1),
        "retrieval of the residual stream",
    ),
    "a note that flatters the words": (
        _criterion("V3", note="A static embedding reaches 7 of 12."),
        "In the note of V3 the static embedding",
    ),
    "one representation and nothing beside it": (_put(E_ + "baselines.rows", []), "not compared"),
    "numeric cosine of 2": (_put(E_ + "numeric.templates.1.cosine.sad.0", 2.0), "outside -1 to 1"),
    "a curve too short": (_put(E_ + "numeric.templates.1.cosine.sad", [0.1]), "has 1 points"),
    "a rho that the curve denies": (_put(E_ + "numeric.templates.0.spearman.happy", 0.99), "Spearman"),
    "a change that the curve denies": (_put(E_ + "numeric.templates.0.change.happy", 0.5), "The change of happy"),
    "V5 against the signs": (_criterion("V5", value=16, verdict="fail"), "V5 is stated as 16"),
    "V6 against the curves": (_criterion("V6", value=11, verdict="fail"), "V6 is stated as 11"),
    "win probability of 1.1": (_put(E_ + "preferences.activities.0.wins", 1.1), "preferences.activities.0.wins"),
    "category mean against its activities": (
        _more(E_ + "preferences.categories.0.bradley_terry", 5.0),
        "mean bradley_terry of",
    ),
    "a category that nobody is in": (_put(E_ + "preferences.categories.0.category", "Other"), "categories"),
    "scores that do not sum to zero": (_more(E_ + "preferences.activities.0.elo", 200.0), "mean elo"),
    "V7 against the categories": (_criterion("V7", value=900, interval=[800, 950]), "V7"),
    "correlation of 1.2": (_put(E_ + "correlation.emotions.0.r", 1.2), "outside -1 to 1"),
    "correlation interval upside down": (_put(E_ + "correlation.emotions.0.low", 0.999), "runs from"),
    "the same emotion twice": (_put(E_ + "correlation.emotions.1.emotion", "afraid"), "two correlations"),
    "V9 against the list": (_criterion("V9", value=100, interval=[80, 120]), "V9 is stated as 100"),
    "an example's r against its points": (_more(E_ + "correlation.examples.positive.r", -0.2), "example"),
    "steering r against its emotions": (_more(E_ + "steering.r", -0.1), "steering r"),
    "more signs than emotions": (_put(E_ + "steering.signs", 36), "outside 0 to 35"),
    "five names called six": (_put(E_ + "steering.of", 36), "counts 36 emotions but lists 35"),
    "Hong's verdict against what Hong looks at": (
        _criterion("V10", seed_value=0.2),
        "its verdict by Hong (2026) is pass",
    ),
    "slope against r": (_put(E_ + "steering.slope", -1.0), "opposite signs"),
    "a score that the line denies": (
        _more(E_ + "steering.emotions.3.elo_steered", 600.0),
        "The slope of the steered half",
    ),
    "two correlations for one emotion": (_more(E_ + "steering.emotions.34.r", -0.01), "The r of the steered emotion"),
    "V10 against steering": (_criterion("V10", value=0.7, interval=[0.5, 0.9]), "V10 is stated as 0.7"),
    "V11 against steering": (_criterion("V11", value=28), "V11 is stated as 28"),
    "an example's change against its points": (
        _more(E_ + "steering.examples.negative.elo_steered", 20.0),
        "The change by",
    ),
}


@pytest.mark.parametrize("size", ["full", "toy"])
@pytest.mark.parametrize("seed", range(6))
def test_a_consistent_record_passes(size: str, seed: int) -> None:
    check(build(size, seed))


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_refused(name: str, right: Record) -> None:
    assert_refused(right, *CONTRADICTIONS[name])


def test_a_refusal_is_a_value_error() -> None:
    assert issubclass(ContradictoryRecord, ValueError)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (1, "an older version made it; open it with that version"),
        (3, "upgrade with pip"),
        (None, "emotion-vectors did not write it"),
    ],
)
def test_a_record_of_another_form_is_refused_in_one_sentence(form: int | None, says: str) -> None:
    record = build("full")
    record["schema"] = form
    with pytest.raises(UserError, match=says):
        check(record)


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_nine_passes_called_ten_are_refused(verdict: str) -> None:
    record = build("full")
    found = [criterion["verdict"] for criterion in record["criteria"].values()]
    record["verdicts"] = {name: found.count(name) for name in ("pass", "fail", "inconclusive")}
    check(record)
    record["verdicts"][verdict] += 1
    with pytest.raises(ContradictoryRecord):
        check(record)
