"""Everything that was measured -> the eleven criteria, the tables, and `results.json`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from emotion_vectors import __version__
from emotion_vectors.experiments import reliability
from emotion_vectors.experiments.correlation import measure as correlation
from emotion_vectors.experiments.correlation.record import ProbeCorrelations
from emotion_vectors.experiments.lens import jacobian
from emotion_vectors.experiments.lens import measure as lens
from emotion_vectors.experiments.lens.record import Lens
from emotion_vectors.experiments.preferences import measure as preferences
from emotion_vectors.experiments.preferences.record import StatedPreferences
from emotion_vectors.experiments.steering import arms
from emotion_vectors.experiments.steering.arms import Runs
from emotion_vectors.experiments.words_out.record import WordsOut
from emotion_vectors.lab import Lab
from emotion_vectors.record.criterion import NOT_ASKED, VERDICTS, Criterion
from emotion_vectors.report.topic import Evidence, Measured
from emotion_vectors.scale.together import Later, Together
from emotion_vectors.stages import validation
from emotion_vectors.stages.activations import story_vector_shards
from emotion_vectors.stages.doctor import all_checks
from emotion_vectors.stages.feels import analyse_words
from emotion_vectors.stages.geometry import directions
from emotion_vectors.stages.jacobian import kept_jacobian
from emotion_vectors.stages.preferences import Answers
from emotion_vectors.stages.readings import Readings
from emotion_vectors.stages.reliability import split_half_reliability
from emotion_vectors.stages.responses import kept_responses
from emotion_vectors.stages.speakers import speakers
from emotion_vectors.stages.steering_analysis import analyse_steering
from emotion_vectors.stages.words_out import begin_words_out
from emotion_vectors.stimuli import equal_to_published
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import SCHEMA, JsonObject, timestamp
from emotion_vectors.store.stage_table import ASKED_BY
from emotion_vectors.topics import EXPERIMENTS
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.reliability import Reliability, caution

FILES = ("results.json", "scores.parquet", "correlations.parquet", "scenarios.parquet", "numeric.parquet")
SCENARIO_COLUMNS = {
    "scenario": pl.String,
    "target": pl.String,
    "probe": pl.String,
    "raw": pl.Float64,
    "centred": pl.Float64,
}
NUMERIC_COLUMNS = {
    "template": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "emotion": pl.String,
    "cosine": pl.Float64,
    "expected": pl.String,
}
MEASURED = (
    "doctor",
    "stories",
    "neutral",
    "activations",
    "calibration",
    "jacobian",
    "readings",
    "responses",
    "speakers",
    "preferences",
    "steering",
    "feels",
)
STAGES = (*MEASURED, "vectors", "analysis")


class Correlated(NamedTuple):
    """What steering needs of the preference analysis."""

    scores: preferences.Preferences
    found: correlation.Correlations
    preferences: StatedPreferences
    correlations: ProbeCorrelations  # without examples, which are chosen among the steered emotions
    criteria: list[Criterion]


def correlate(lab: Lab, vectors: EmotionVectors, readings: Readings, answers: Answers) -> Correlated:
    """V7 to V9: scores of the activities and how the emotions' projections go with them."""
    settings, pack = lab.settings, lab.pack
    scored, preference_record, v7 = preferences.run(
        pack.activities,
        answers.differences,
        answers.mass,
        settings.elo_k,
        settings.elo_passes,
        settings.resamples,
        settings.seed,
        detect=True,
    )
    place, cosines = vectors.layer + 1, readings.activity_cosines
    found, correlation_record, criteria = correlation.run(
        pack.activities, readings.activities[:, place], vectors.emotions, vectors.at(), scored.nats, pack.valence,
        pack.valence_ambiguous, scored.blocked, settings.resamples, settings.seed, detect=True,
        activation_cosines=None if cosines is None else cosines[:, place],
    )  # fmt: skip
    return Correlated(scored, found, preference_record, correlation_record, [v7, *criteria])


def analyse(
    lab: Lab,
    vectors: EmotionVectors,
    readings: Readings,
    answers: Answers,
    correlated: Correlated,
    runs: Runs | None,
) -> JsonObject:
    """All experiments on the measurements of the run; writes the tables and `results.json`."""
    nats, facts, together = correlated.scores.nats, validation.story_facts(lab, vectors), Together()
    transport = kept_jacobian(lab)
    candidates = runs.plan.emotions if runs else vectors.emotions
    examples = correlation.example_emotions(vectors.emotions, candidates, lab.pack.valence)
    # In the order in which they are begun: those that take longest first.
    left = begin_words_out(lab, vectors, readings, nats, facts.vocabulary, together)
    geometry = together.later(lambda: directions(lab, vectors, facts))
    alone = validation.begin_words_alone(lab, vectors, nats, facts, together)
    lensed = together.later(lambda: _lens(lab, vectors, transport))
    ranked = together.later(lambda: validation.scenario_tests(lab, vectors, readings))
    counted = together.later(lambda: validation.numeric_tests(lab, vectors, readings))
    steered = together.later(
        lambda: (
            analyse_steering(
                lab, vectors, readings, answers.differences, correlated.scores, correlated.found, runs, examples
            )
            if runs
            else (None, arms.unasked(len(vectors.emotions)))
        )
    )
    evidence = Evidence(
        lab.settings,
        lab.pack,
        vectors,
        readings,
        answers,
        correlated.scores,
        kept_responses(lab),
        correlated.found,
        runs,
    )
    others = [_begin(topic.measure, evidence, together) for topic in EXPERIMENTS if topic.measure is not None]
    with lab.reporter.stage("Analysing", len(together), "parts") as stage:
        together.run(lab.processes, stage.advance)
    (lens_record, lens_criteria), (scenario_record, scenario_criteria) = lensed(), ranked()
    (numeric_record, numeric_criteria), (steering_record, steering_criteria) = counted(), steered()
    criteria = [*lens_criteria, *scenario_criteria, *numeric_criteria, *correlated.criteria, *steering_criteria]
    baseline_record, criteria = validation.words_alone(alone, criteria, scenario_record, numeric_record, facts)
    split_half, agreement = _reliability(lab, vectors)
    feels_record, leaks_record = analyse_words(lab, vectors)
    shown = {
        kind: correlation.example(emotion, vectors.emotions, correlated.found, nats, lab.pack.activities)
        for kind, emotion in examples.items()
    }
    experiments = {
        "lens": lens_record.dump(), "scenarios": scenario_record.dump(), "numeric": numeric_record.dump() if numeric_record else None,
        "preferences": correlated.preferences.dump(), "correlation": correlated.correlations.model_copy(update={"examples": shown}).dump(),
        "steering": steering_record.dump() if steering_record else None, "baselines": baseline_record.dump(),
        "feels": feels_record.dump() if feels_record else None, "leaks": leaks_record.dump() if leaks_record else None,
        **({WordsOut.key: left.part(baseline_record, criteria, split_half).dump()} if left else {}),
        **geometry(),
        **speakers(lab, vectors, facts),
    }  # fmt: skip
    for found in (other() for other in others):
        if found is not None:
            criteria = _take(found, criteria, experiments)
    record = _record(lab, vectors, criteria, experiments, split_half, agreement)
    _write_tables(lab, experiments)
    atomic.write_json(lab.run / "results.json", record)
    lab.run.finish("analysis", FILES, 0.0, len(criteria), "criteria")
    return record


def _lens(lab: Lab, vectors: EmotionVectors, transport: jacobian.Transport | None) -> tuple[Lens, list[Criterion]]:
    """The record's `lens` part and V1, V2, with what the Jacobian lens reads where there is one."""
    pack, settings, here = lab.pack, lab.settings, vectors.at()
    pairs = lens.Pairs(pack.opposite_pairs, pack.more_opposite_pairs)
    record, criteria = lens.run(
        lab.lm, vectors.emotions, here, vectors.embedding, pairs, pack.valence, settings.lens_k, settings.lens_norm,
        settings.resamples, settings.seed, detect=True,
    )  # fmt: skip
    if transport is None:
        return record, criteria
    carried = jacobian.run(
        lab.lm, vectors.emotions, here, vectors.embedding, transport, [row.hit for row in record.emotions],
        settings.lens_k, settings.lens_norm, settings.resamples, settings.seed,
    )  # fmt: skip
    return record.model_copy(update={"jacobian": carried}), criteria


def _begin(
    measure: Callable[[Evidence], Measured | None], evidence: Evidence, together: Together
) -> Later[Measured | None]:
    return together.later(lambda: measure(evidence))


def _take(found: Measured, criteria: list[Criterion], experiments: JsonObject) -> list[Criterion]:
    """Add what one experiment found: its part, its criteria, and its sentences to the reasons of others."""
    experiments[found.part.key] = found.part.dump()
    told = [
        one.model_copy(update={"reason": f"{one.reason} {found.reasons[one.id]}"})
        if one.verdict != NOT_ASKED and one.id in found.reasons
        else one
        for one in criteria
    ]
    return [*told, *found.criteria]


def _record(
    lab: Lab,
    vectors: EmotionVectors,
    criteria: list[Criterion],
    experiments: JsonObject,
    split_half: JsonObject | None,
    agreement: Reliability | None,
) -> JsonObject:
    stages = {name: lab.run.done(name) or {} for name in MEASURED if name not in ASKED_BY or lab.run.marker(name)}
    corpus = dict(stages["stories"]["facts"])
    # Stories that the model's own tokens made too short were only found while reading them.
    late = stages["activations"]["facts"]["too_short"]
    if late:
        corpus["dropped"] = corpus["dropped"] | {"too few tokens when read": late}
        corpus["kept"] -= late
    return {
        "schema": SCHEMA, "version": __version__, "command": lab.command,
        "created": timestamp(),
        "model": lab.model_facts() | {
            "writer": stages["stories"]["facts"]["writer"],
            # Folders of earlier versions have readings in the run's dtype.
            "readings_dtype": stages["readings"]["facts"].get("dtype", lab.settings.dtype),
        },
        "settings": lab.settings.model_dump(mode="json"), "fingerprint": lab.fingerprint,
        "stimuli": {
            "pack": lab.pack.name, "version": lab.pack.version, "source": lab.pack.source, "sha256": dict(lab.pack.sha256),
            "equal_to_published": list(equal_to_published(lab.pack)), "supplied_by_ours": list(lab.pack.supplied),
        },
        "corpus": corpus | {"neutral": stages["neutral"]["facts"]},
        "vectors": _vector_facts(vectors, split_half, caution(agreement)),
        "criteria": {criterion.id: criterion.dump() for criterion in criteria},
        "verdicts": {name: sum(criterion.verdict == name for criterion in criteria) for name in VERDICTS},
        "experiments": experiments, "doctor": all_checks(lab, vectors, agreement),
        "failed_checks_allowed": lab.runtime.allow_failed_checks,
        "timings": {
            name: {key: stage[key] for key in ("seconds", "units", "unit", "rate")} for name, stage in stages.items() if stage
        },
    }  # fmt: skip


def _reliability(lab: Lab, vectors: EmotionVectors) -> tuple[JsonObject | None, Reliability | None]:
    """The record's `split_half` and what it says about the vectors; of vectors from elsewhere what their file says."""
    if lab.theirs is not None:
        # The halves of the run's own stories say nothing about vectors that were not made from them.
        return None, vectors.reliability
    found = split_half_reliability(lab, story_vector_shards(lab))
    stories = int(sum(vectors.header["stories"]))
    return found, reliability.of_vectors(found, vectors.emotions, len(lab.topics), stories)


def _vector_facts(vectors: EmotionVectors, split_half: JsonObject | None, said: str) -> JsonObject:
    counts = np.array(vectors.header["stories"])
    adopted = vectors.header.get("adopted")
    return ({} if adopted is None else {"adopted": adopted}) | {
        "layer": vectors.layer, "layers": len(vectors.raw), "vectors": vectors.kind,
        "neutral_components": vectors.header["neutral_components"][vectors.layer],
        "neutral_variance": vectors.header["neutral_explained"],
        "residual_norm": float(vectors.residual_norm[vectors.layer]),
        "stories_per_emotion": {"min": int(counts.min()), "median": float(np.median(counts)), "max": int(counts.max())},
        "split_half": split_half, "caution": said,
    }  # fmt: skip


def _write_tables(lab: Lab, experiments: JsonObject) -> None:
    """The parquet tables behind the record."""
    atomic.write_parquet(lab.run / "scores.parquet", pl.DataFrame(experiments["preferences"]["activities"]))
    atomic.write_parquet(
        lab.run / "correlations.parquet",
        pl.DataFrame(
            experiments["correlation"]["emotions"], schema_overrides={"valence": pl.String, "r_cosine": pl.Float64}
        ),
    )
    found = experiments["scenarios"]
    rows = [
        {"scenario": item["name"], "target": item["emotion"], "probe": probe, "raw": found["raw"][p][s], "centred": found["centred"][p][s]}
        for s, item in enumerate(found["items"])
        for p, probe in enumerate(found["emotions"])
    ]  # fmt: skip
    atomic.write_parquet(lab.run / "scenarios.parquet", pl.DataFrame(rows, schema=SCENARIO_COLUMNS))
    found = experiments["numeric"] or {"templates": [], "twins": {"templates": []}, "emotions": []}
    rows = [
        {"template": t["name"], "kind": kind, "value": float(value), "emotion": emotion, "cosine": t[key][emotion][i], "expected": t["expected"][emotion]}
        for templates, kinds in (
            (found["templates"], {"first list": "cosine"}),
            (found["twins"]["templates"], {kind: f"cosine_{kind}" for kind in ("template", "twin", "severity")}),
        )
        for t in templates
        for kind, key in kinds.items()
        for emotion in found["emotions"]
        for i, value in enumerate(t["values"])
    ]  # fmt: skip
    atomic.write_parquet(lab.run / "numeric.parquet", pl.DataFrame(rows, schema=NUMERIC_COLUMNS))
