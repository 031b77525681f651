"""How much of this could be read off the words? The same tests for representations that never see context.

In: for each representation the vectors (n, w) of n emotions, made from the same stories, and the texts of the scenarios,
numeric prompts and activities (t, w). Out: the values of V3 to V6, V8 and V9 and of Hong's own V3 to V5, of the other
severity, the held-out scenarios and the retrieval, by the very functions that judge the residual stream, and those of the
residual stream beside them.
Source: ours; neither the paper nor Hong (2026) has this control.
What it can't tell: a value that the words reach too may still come from something deeper in the model, and one that they
don't reach may come from better knowledge of words rather than from an emotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.baselines.record import (
    CRITERIA,
    LOWER_IS_BETTER,
    SEEDS,
    Ahead,
    Aheads,
    Baselines,
    Chances,
    Row,
    Sizes,
)
from emotion_vectors.experiments.correlation import measure as correlation
from emotion_vectors.experiments.criteria import number
from emotion_vectors.experiments.numeric import measure as numeric
from emotion_vectors.experiments.numeric.record import Numeric
from emotion_vectors.experiments.scenarios import measure as scenarios
from emotion_vectors.experiments.scenarios import retrieval
from emotion_vectors.experiments.scenarios.ranking import Battery
from emotion_vectors.experiments.scenarios.record import Scenarios
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.report.wording import interval, signed
from emotion_vectors.stats import intervals
from emotion_vectors.stimuli.pack import Pack

RESIDUAL = "residual stream"


class Representation(NamedTuple):
    """Emotions and texts as vectors of one width w; the texts in the order of the pack."""

    name: str
    vectors: np.ndarray  # (n, w)
    scenarios: np.ndarray  # (s, w)
    heldout: np.ndarray
    retrieval: np.ndarray
    numeric: list[np.ndarray]  # per template (values, w)
    twinned: list[np.ndarray]  # per template with twins (3, values, w)
    activities: np.ndarray  # (a, w)


def run(
    rows: Sequence[Row],
    criteria: Sequence[Criterion],
    scenario_record: Scenarios,
    numeric_record: Numeric | None,
    vocabulary: int,
    resamples: int,
    seed: int,
) -> Baselines:
    """The record's `baselines` part: `rows` of `measure`, below that of the residual stream, whose criteria and records are given.

    `vocabulary` is the number of words of the bag of words.
    """
    by_id = {criterion.id: criterion for criterion in criteria}
    probes = len(scenario_record.emotions) if by_id["V4"].value is not None else None
    of = {name: by_id[name].of for name in CRITERIA} | {"V4": probes}
    seeds = {name: by_id[name].seed for name in SEEDS}
    of |= {f"{name}_seed": seed and seed.of for name, seed in seeds.items()} | {"V4_seed": probes}
    twins = numeric_record.twins if numeric_record else None
    of |= {"severity": twins.severity.of if twins else None}
    second, every = scenario_record.heldout, scenario_record.retrieval
    of |= {"heldout": second and second.of, "retrieval": every and every.of}
    of |= {"retrieval_rank": every and every.emotions}
    own = row(RESIDUAL, criteria, scenario_record, numeric_record)
    emotions = [emotion for emotion, _ in _judged(scenario_record)]
    compared = [
        one.model_copy(update={"ahead": ahead(one.ranks, own.ranks, emotions, resamples, seed)}) for one in rows
    ]
    return Baselines(
        rows=[own, *compared],
        of=Sizes(**of),
        vocabulary=vocabulary,
    )


def measure(
    one: Representation, pack: Pack, emotions: Sequence[str], nats: np.ndarray, resamples: int, seed: int
) -> Row:
    """All tests of one representation, as one row of the table."""
    batteries = (
        Battery(texts, rows[:, None])
        for texts, rows in (
            (pack.scenarios, one.scenarios),
            (pack.heldout_scenarios, one.heldout),
            (pack.retrieval_scenarios, one.retrieval),
        )
    )
    main, heldout, every = batteries
    retrieved = retrieval.run(every, emotions, one.vectors, 0, pack.valence, resamples, seed)
    record, criteria = scenarios.run(
        main, heldout, emotions, one.vectors[None], scenarios.Layers(), resamples, seed, retrieved=retrieved
    )
    twinned = numeric.Twinned(pack.more_numeric_templates, one.twinned)
    curves, (v5, v6) = numeric.run(
        pack.numeric_templates, one.numeric, emotions, one.vectors, resamples, seed, twinned=twinned
    )
    activities, vectors = narrow(one.activities, one.vectors)
    _, _, probes = correlation.run(
        pack.activities, activities, emotions, vectors, nats, pack.valence, pack.valence_ambiguous, "", resamples, seed
    )
    return row(one.name, [*criteria, v5, v6, *probes], record, curves)


def row(
    name: str,
    criteria: Sequence[Criterion],
    scenario_record: Scenarios,
    numeric_record: Numeric | None,
) -> Row:
    """What the table shows of one representation: values, and p values under the same keys in `p`."""
    by_id = {criterion.id: criterion for criterion in criteria}
    twins = numeric_record.twins if numeric_record else None
    values = {key: by_id[key].value for key in CRITERIA}
    seeds = {key: by_id[key].seed for key in SEEDS}
    values |= {f"{key}_seed": seed and seed.value for key, seed in seeds.items()}
    p = {key: by_id[key].p for key in CRITERIA}
    p |= {"V3_seed": scenario_record.p_raw, "V4_seed": scenario_record.p_mean_rank_raw}
    p["V5_seed"] = twins.earlier.null.p if twins and twins.earlier.null else None
    severity = twins.severity if twins and twins.severity.of else None
    values["severity"], p["severity"] = (severity.count, severity.count_p) if severity else (None, None)
    second, every = scenario_record.heldout, scenario_record.retrieval
    for key, measure in (
        ("heldout", second and second.raw.matches),
        ("retrieval", every and every.raw.top1),
        ("retrieval_rank", every and every.raw.mean_rank),
    ):
        values[key], p[key] = (measure.value, measure.p) if measure else (None, None)
    return Row(name=name, **values, p=Chances(**p), ranks=[rank for _, rank in _judged(scenario_record)], ahead=None)


def _judged(found: Scenarios) -> list[tuple[str, float]]:
    """Emotion and centred rank of each scenario that V3 and V4 are about; none where the lists are not judged together."""
    if found.together is None:
        return []
    main = [(item.emotion, rank) for item, rank in zip(found.items, found.ranks_centred, strict=True)]
    return main + [(item.emotion, item.rank_centred) for item in (found.heldout.items if found.heldout else ())]


def ahead(
    ranks: Sequence[float], own: Sequence[float], emotions: Sequence[str], resamples: int, seed: int
) -> Aheads | None:
    """How far `ranks` (s,) are ahead of `own` (s,) in first ranks and in the mean rank, with intervals over the `emotions` (s,).

    Scenarios of one emotion are resampled together. None where a list is missing or fewer than two emotions are implied.
    """
    if not ranks or len(ranks) != len(own) or len(set(emotions)) < 2:
        return None
    first, second = np.asarray(ranks, dtype=np.float64), np.asarray(own, dtype=np.float64)
    pairs = np.stack([(first == 1).astype(float) - (second == 1), first - second], axis=1)
    found, _ = intervals.cluster_bootstrap(
        lambda rows: pairs[rows].mean(axis=0), list(emotions), repeats=resamples, seed=seed
    )
    units = (len(ranks), 1)
    difference = [
        Ahead(value=float(value) * unit, interval=[float(low) * unit, float(high) * unit])
        for value, low, high, unit in zip(found.estimate, found.low, found.high, units, strict=True)
    ]
    return Aheads(V3=difference[0], V4=difference[1])


def narrow(activities: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same rows in coordinates of their own span: every dot product stays, 20,000 columns become a few hundred."""
    rows = np.concatenate([activities, vectors]).astype(np.float64)
    if rows.shape[1] <= len(rows):
        return activities, vectors
    coordinates = np.asarray(np.linalg.qr(rows.T, mode="r")).T
    return coordinates[: len(activities)], coordinates[len(activities) :]


def remarks(record: Baselines) -> dict[str, str]:
    """For each criterion a sentence on every representation of the words that reaches or beats the residual stream's value."""
    own, *others = record.rows
    return {key: " ".join(filter(None, (_remark(record, own, other, key) for other in others))) for key in CRITERIA}


def _remark(record: Baselines, own: Row, other: Row, key: str) -> str:
    value, reached, low = own.get(key), other.get(key), key in LOWER_IS_BETTER
    if value is None or reached is None or not (reached <= value if low else reached >= value):
        return ""
    out_of = "" if low else f" of {record.of.get(key)}"
    return f"A {other.name} reaches {number(reached)}{out_of} ({beside(key, value, other)})."


def beside(key: str, value: float, other: Row) -> str:
    """How the value of `other` compares with the vectors' `value`: by its interval where there is one, else the two alone."""
    found: Ahead | None = getattr(other.ahead, key, None)
    if found is None:
        return f"the vectors {number(value)}"
    low, high = found.interval
    shown = "" if low > 0 or high < 0 else ", so none is shown"
    digits = 2 if key in LOWER_IS_BETTER else 0
    return f"difference from the vectors {signed(found.value, digits)}, 95 % interval {interval(found.interval, digits or None)}{shown}"
