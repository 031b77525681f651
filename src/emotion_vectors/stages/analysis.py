"""Everything that was measured -> the eleven criteria, the tables, and `results.json`."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

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
from emotion_vectors.record.criterion import NOT_ASKED, Criterion
from emotion_vectors.report.topic import Evidence, Measured
from emotion_vectors.scale.together import Together
from emotion_vectors.stages import validation
from emotion_vectors.stages.activations import story_vector_shards
from emotion_vectors.stages.feels import analyse_words
from emotion_vectors.stages.geometry import directions
from emotion_vectors.stages.jacobian import kept_jacobian
from emotion_vectors.stages.preferences import Answers
from emotion_vectors.stages.readings import Readings
from emotion_vectors.stages.reliability import split_half_reliability
from emotion_vectors.stages.responses import kept_responses
from emotion_vectors.stages.results import MEASURED, assembled, write_tables
from emotion_vectors.stages.speakers import speakers
from emotion_vectors.stages.steering_analysis import analyse_steering
from emotion_vectors.stages.words_out import begin_words_out
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.topics import EXPERIMENTS
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.reliability import Reliability

FILES = ("results.json", "scores.parquet", "correlations.parquet", "scenarios.parquet", "numeric.parquet")
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
    others = [together.later(partial(topic.measure, evidence)) for topic in EXPERIMENTS if topic.measure is not None]
    with lab.reporter.stage("Analysing", len(together), "parts") as stage:
        together.run(lab.processes, stage.advance)
    (lens_record, lens_criteria), (scenario_record, scenario_criteria) = lensed(), ranked()
    (numeric_record, numeric_criteria), (steering_record, steering_criteria) = counted(), steered()
    criteria = [*lens_criteria, *scenario_criteria, *numeric_criteria, *correlated.criteria, *steering_criteria]
    baseline_record, criteria = validation.words_alone(
        alone, criteria, scenario_record, numeric_record, facts, lab.settings
    )
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
    record = assembled(lab, vectors, criteria, experiments, split_half, agreement)
    write_tables(lab, experiments)
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


def _reliability(lab: Lab, vectors: EmotionVectors) -> tuple[JsonObject | None, Reliability | None]:
    """The record's `split_half` and what it says about the vectors; of vectors from elsewhere what their file says."""
    if lab.theirs is not None:
        # The halves of the run's own stories say nothing about vectors that were not made from them.
        return None, vectors.reliability
    found = split_half_reliability(lab, story_vector_shards(lab))
    stories = int(sum(vectors.header["stories"]))
    return found, reliability.of_vectors(found, vectors.emotions, len(lab.topics), stories)
