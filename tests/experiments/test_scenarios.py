"""V3 and V4 on planted scenarios, on noise, and in the trap of a component that all prompts share."""

import json

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.experiments import scenarios
from emotion_vectors.experiments.scenarios import rank_bar
from emotion_vectors.stimuli.items import Scenario

from .worlds import assert_rarely_passes, verdicts

EMOTIONS = [f"emotion {i}" for i in range(20)]
# In another order than the emotions, so that rows that are mixed up show.
SCENARIOS = [Scenario(f"name {i}", EMOTIONS[i], f"prompt {i}") for i in (3, 1, 8, 0, 11, 5, 19, 2, 7, 13, 4, 16)]
TARGETS = [EMOTIONS.index(scenario.emotion) for scenario in SCENARIOS]


def world(seed, effect, common=0.0):
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((20, 50))
    activations = effect * vectors[TARGETS] + generator.standard_normal((12, 50))
    return activations + common * generator.standard_normal(50), vectors


def run(seed, effect, common=0.0, resamples=200):
    activations, vectors = world(seed, effect, common)
    return scenarios.run(SCENARIOS, activations, EMOTIONS, vectors, resamples, seed)


def test_planted_scenarios_pass():
    record, (v3, v4) = run(0, 2.0)
    assert (v3["value"], v3["of"], v3["verdict"], v3["seed_verdict"]) == (12, 12, "pass", "pass")
    assert (v4["value"], v4["verdict"], v4["seed_verdict"]) == (1, "pass", "pass")
    assert v4["null"]["value"] == pytest.approx(6.5, abs=0.3)  # mean rank of 12 by chance
    json.dumps([record, v3, v4], allow_nan=False)


def test_cosines_and_ranks_equal_a_plain_loop():
    activations, vectors = world(1, 0.4, common=1.0)
    record, (v3, v4) = scenarios.run(SCENARIOS, activations, EMOTIONS, vectors, 100, 0)
    for kind, rows in (("raw", activations), ("centred", activations - activations.mean(0))):
        ranks = []
        for s, row in enumerate(rows):
            cosines = []
            for p, emotion in enumerate(record["emotions"]):
                vector = vectors[EMOTIONS.index(emotion)]
                cosines.append(float(row @ vector) / float(np.linalg.norm(row) * np.linalg.norm(vector)))
                assert record[kind][p][s] == pytest.approx(cosines[-1])
            own = cosines[record["emotions"].index(SCENARIOS[s].emotion)]
            ranks.append(1 + sum(other > own for other in cosines))
        assert record[f"ranks_{kind}"] == ranks
        if kind == "raw":
            assert v3["value"] == ranks.count(1) and v4["value"] == pytest.approx(np.mean(ranks))
        else:
            assert record["count_centred"] == ranks.count(1)
    assert record["limit"] == pytest.approx(np.abs([record["raw"], record["centred"]]).max())


def test_without_an_effect_no_pass():
    assert_rarely_passes(verdicts(lambda seed: run(seed, 0.0)[1]))


def test_one_common_component_fools_the_raw_cosine_and_not_the_centred_one():
    found = []
    for seed in range(10):
        record, (v3, v4) = run(seed, 2.0, common=60.0)
        found.append(v3["value"])
        assert v3["verdict"] != "pass" and v4["verdict"] != "pass"
        assert v4["value"] > 3
        assert record["count_centred"] >= 11 and record["p_centred"] < 0.05
        assert "Centred on the set: 1" in v3["note"]
    assert np.mean(found) < 3, "the probes nearest to the common component win nearly everything"


def test_a_scenario_set_of_fewer_emotions_is_scaled():
    activations, vectors = world(2, 3.0)
    known = [3, 1, 8, 0]
    record, (v3, v4) = scenarios.run(SCENARIOS, activations, [EMOTIONS[i] for i in known], vectors[known], 100, 0)
    assert record["emotions"] == [EMOTIONS[i] for i in known] and len(record["items"]) == 4
    assert v3["value"] == v3["of"] == 4 and v3["threshold"] == 3 and "scaled to 3 out of 4" in v3["note"]
    assert v4["threshold"] == pytest.approx(1.55) and "among 4" in v4["note"]
    with pytest.raises(UserError, match="more emotions"):
        scenarios.run(SCENARIOS, activations, EMOTIONS[3:4], vectors[3:4], 100, 0)


def test_the_rank_bar_keeps_its_place_between_best_and_worst():
    assert rank_bar(12).value == 3.0 and rank_bar(12).note == ""
    for probes in (2, 5, 11):
        assert (rank_bar(probes).value - 1) / (probes - 1) == pytest.approx(2 / 11, abs=0.01)


@pytest.mark.parametrize("resamples", [100, 101])
def test_one_rank_apart_from_all_others_still_has_an_interval(resamples):
    """The bootstrap of eleven ones and a two is nearly degenerate."""
    vectors = np.eye(20)
    activations = np.eye(20)[TARGETS]
    activations[0] = vectors[TARGETS[1]] + 0.5 * vectors[TARGETS[0]]
    _, (_, v4) = scenarios.run(SCENARIOS, activations, EMOTIONS, vectors, resamples, 0)
    assert v4["value"] == pytest.approx(13 / 12) and v4["interval"][0] <= 13 / 12 <= v4["interval"][1]
    assert v4["verdict"] == "pass"
