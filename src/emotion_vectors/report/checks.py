"""A record that contradicts itself is refused before a word is written about it.

`check(record)` recomputes what one part of the record says about another (counts, means, ranks, correlations) and tests
the limits of each quantity. It raises `ContradictoryRecord` at the first contradiction and returns nothing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from emotion_vectors.report.checks_asked import check_asked
from emotion_vectors.report.checks_controls import check_layers, check_vectors
from emotion_vectors.report.checks_experiments import EXPERIMENTS
from emotion_vectors.report.checks_steering import check_steering_settings
from emotion_vectors.report.checks_stronger import seeds
from emotion_vectors.report.contradiction import parts, require, require_order, require_within
from emotion_vectors.store.schema import check_schema

NOT_ASKED = "not asked"
VERDICTS = ("pass", "fail", "inconclusive", NOT_ASKED)
CRITERIA = tuple(f"V{i}" for i in range(1, 12))
BELOW = frozenset({"V4"})  # a lower value is better; everywhere else a higher one
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "≥": operator.ge,
    "<=": operator.le,
    "≤": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def check(record: dict[str, Any]) -> None:
    """Raise `ContradictoryRecord` if `record` (the content of results.json) contradicts itself."""
    check_schema(record.get("schema"), "The record")
    criteria = record.get("criteria")
    require(isinstance(criteria, dict), "The record has no criteria.")
    assert isinstance(criteria, dict)
    require(
        sorted(criteria) == sorted(CRITERIA),
        f"The record has the criteria {', '.join(sorted(criteria))}; a report is about V1 to V11, each exactly once.",
    )
    for name, criterion in criteria.items():
        _criterion(name, criterion)
    for kind, stated in parts(record, "verdicts").items():
        found = sum(criterion["verdict"] == kind for criterion in criteria.values())
        require(stated == found, f"The record states {stated} criteria with the verdict {kind}, but {found} have it.")
    _corpus(parts(record, "corpus"))
    _vectors(record)
    experiments = parts(record, "experiments")
    check_asked(experiments, criteria)
    for name, check_experiment in EXPERIMENTS.items():
        if experiments.get(name):
            check_experiment(experiments, criteria)
    check_layers(record)
    check_steering_settings(record)


def _criterion(name: str, criterion: dict[str, Any]) -> None:
    require(criterion.get("id", name) == name, f"The criterion under {name} calls itself {criterion.get('id')}.")
    for key in ("verdict", "seed_verdict"):
        require(
            criterion.get(key) in VERDICTS,
            f"{name} has the {key} {criterion.get(key)!r}, which is none of {', '.join(VERDICTS)}.",
        )
    value, whole = criterion.get("value"), criterion.get("of")
    if value is None:
        # The seed's statistic can have a value where ours has none, as with published pairs alone.
        own = ("verdict",) if (criterion.get("seed") or {}).get("value") is not None else ("verdict", "seed_verdict")
        judged = [key for key in own if criterion[key] not in ("inconclusive", NOT_ASKED)]
        require(not judged, f"{name} has no value but its {judged[0] if judged else 'verdict'} is not inconclusive.")
    if value is not None and whole is not None:
        require_within([value], 0, whole, f"{name}")
        require(float(value).is_integer(), f"{name} counts {value} of {whole}, which is no whole number.")
    interval, null = criterion.get("interval"), criterion.get("null") or {}
    low, high = interval if interval else (None, None)
    require_order(low, high, f"The interval of {name}")
    if whole is not None:
        require_within([low, high], 0, whole, f"An end of the interval of {name}")
        require_within([null.get("value")], 0, whole, f"The null of {name}")
    require_within([null.get("p")], 0, 1, f"The p value of {name}")
    _seed_verdict(name, criterion)
    _verdict(name, criterion, low, high, null)


def _seed_verdict(name: str, criterion: dict[str, Any]) -> None:
    """The seed's verdict is value against threshold, by the sign in the threshold's own text."""
    bar = seeds(criterion)
    text, threshold = str(bar.get("threshold_text", "")), bar.get("threshold")
    # What the seed looks at can differ from the value: |r| for V10, the gap in Elo updates for V7, raw cosines for V3.
    seen = bar.get("value") if "seed" in criterion else criterion.get("seed_value")
    value = criterion.get("value") if seen is None else seen
    sign = re.search(r">=|<=|≥|≤|>|<", text)
    if sign is None or value is None or threshold is None or criterion["seed_verdict"] == "inconclusive":
        return
    compared = abs(value) if "|" in text else value
    met = _COMPARE[sign.group()](compared, threshold)
    require(
        met == (criterion["seed_verdict"] == "pass"),
        f"{name} is {value} and its threshold '{text}', but its seed verdict is {criterion['seed_verdict']}.",
    )


def _verdict(name: str, criterion: dict[str, Any], low: float | None, high: float | None, null: dict[str, Any]) -> None:
    """What a pass can't be: without an interval, outside it, not beyond its bar, or with a null that is not rejected."""
    if criterion["verdict"] != "pass":
        return
    value, p = criterion["value"], null.get("p")
    require(low is not None or p is not None, f"{name} passes without an interval and without a null.")
    require(p is None or p <= 0.05, f"{name} passes although chance is not excluded (p = {p}).")
    if low is None or high is None:
        return
    require(
        low - 1e-9 <= value <= high + 1e-9,
        f"{name} passes with the value {value} outside its interval {low} to {high}.",
    )
    # V10 counts as passed only with the right sign: a sign-blind |r| would pass an inverted effect.
    bar = criterion.get("bar", 0.0 if name == "V10" else None)
    if bar is not None:
        beyond = high <= bar if name in BELOW else low >= bar and (name != "V10" or low > 0)
        require(beyond, f"{name} passes although its interval {low} to {high} reaches across the bar of {bar}.")


def _corpus(corpus: dict[str, Any]) -> None:
    for what, part, written in (("stories", corpus, "stories"), ("neutral texts", parts(corpus, "neutral"), "texts")):
        total, kept, dropped = part.get(written), part.get("kept"), part.get("dropped") or {}
        require_within(dropped.values(), 0, float("inf"), f"A count of dropped {what}")
        if total is not None and kept is not None:
            known = kept + sum(dropped.values())
            require(kept >= 0 and known <= total, f"{known} {what} are kept or dropped but only {total} were written.")


def _vectors(record: dict[str, Any]) -> None:
    vectors = parts(record, "vectors")
    layer, layers = vectors.get("layer"), vectors.get("layers")
    if layer is not None and layers is not None:
        require(0 <= layer < layers, f"The analysis layer is {layer} but the model has the layers 0 to {layers - 1}.")
    model_layers = parts(record, "model").get("layers")
    require(
        None in (layers, model_layers) or layers == model_layers,
        f"The model has {model_layers} layers, the vectors {layers}.",
    )
    require_within([vectors.get("neutral_variance")], 0, 1, "The neutral variance")
    require_within([parts(vectors, "split_half").get("median")], -1, 1, "The split-half reliability")
    check_vectors(record)
