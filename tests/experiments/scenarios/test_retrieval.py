"""One scenario for each emotion against all vectors: a plain loop, planted emotions, noise, ties."""

import json

import numpy as np
import pytest

from emotion_vectors.experiments.scenarios import retrieval
from emotion_vectors.experiments.scenarios.ranking import Battery
from emotion_vectors.stimuli.items import Scenario

COUNT, WIDTH = 60, 80
EMOTIONS = [f"emotion {i}" for i in range(COUNT)]
VALENCE = {name: "positive" if i % 3 else "negative" for i, name in enumerate(EMOTIONS)}
ORDER = np.random.default_rng(9).permutation(COUNT)
SCENARIOS = [Scenario(f"name {i}", EMOTIONS[i], f"prompt {i}") for i in ORDER]
COUNTS = ("top1", "top10", "valence")


def world(seed, effect, axis=0.0):
    """Vectors (n, d) and a battery: noise, `effect` times the own vector, `axis` times the valence on one coordinate."""
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((COUNT, WIDTH))
    vectors[:, 0] += 4 * axis * np.array([1 if VALENCE[name] == "positive" else -1 for name in EMOTIONS])
    rows = effect * vectors[ORDER] + generator.standard_normal((COUNT, WIDTH))
    rows[:, 0] += 4 * axis * np.array([1 if VALENCE[EMOTIONS[i]] == "positive" else -1 for i in ORDER])
    return Battery(SCENARIOS, rows[:, None]), vectors


def run(seed, effect, axis=0.0, resamples=200):
    kept, vectors = world(seed, effect, axis)
    found = retrieval.run(kept, EMOTIONS, vectors, 0, VALENCE, resamples, seed)
    assert found is not None
    return found.dump()


def test_every_measure_equals_a_plain_loop():
    kept, vectors = world(1, 0.25)
    found = run(1, 0.25)
    rows = kept.activations[:, 0]
    for kind, activations in (("raw", rows), ("centred", rows - rows.mean(0))):
        ranks, right = [], 0
        for target, row in zip(ORDER, activations, strict=True):
            cosines = [float(row @ v) / float(np.linalg.norm(row) * np.linalg.norm(v)) for v in vectors]
            ranks.append(1 + sum(value > cosines[target] for value in cosines))
            best = EMOTIONS[int(np.argmax(cosines))]
            right += VALENCE[best] == VALENCE[EMOTIONS[target]]
            assert found["items"][len(ranks) - 1][f"first_{kind}"] == best
        measures = found[kind]
        assert [item[f"rank_{kind}"] for item in found["items"]] == ranks
        assert measures["top1"]["value"] == ranks.count(1)
        assert measures["top10"]["value"] == sum(rank <= 10 for rank in ranks)
        assert measures["mean_rank"]["value"] == pytest.approx(np.mean(ranks))
        assert measures["reciprocal_rank"]["value"] == pytest.approx(np.median([1 / rank for rank in ranks]))
        assert measures["valence"]["value"] == right
        for measure in measures.values():
            low, high = measure["interval"]
            assert low <= measure["value"] <= high
    json.dumps(found, allow_nan=False)


def test_planted_emotions_are_found():
    found = run(0, 2.0)["raw"]
    assert found["top1"]["value"] == found["valence"]["value"] == 60 and found["mean_rank"]["value"] == 1
    assert all(measure["p"] == 1 / 201 for measure in found.values())
    assert found["top1"]["interval"][0] < 60  # Wilson's part: sixty of sixty are no proof of all


@pytest.mark.slow
def test_random_retrieval_gives_chance():
    p, values = {}, {}
    for seed in range(40):
        for name, measure in run(seed, 0.0, resamples=100)["raw"].items():
            p.setdefault(name, []).append(measure["p"])
            values.setdefault(name, []).append((measure["value"], measure["null"]))
    for name, found in p.items():
        assert np.mean(np.array(found) < 0.05) <= 0.125, name
    mean = {name: np.mean(found, axis=0) for name, found in values.items()}
    assert mean["top1"] == pytest.approx([1, 1], abs=0.4) and mean["top10"] == pytest.approx([10, 10], abs=1.2)
    assert mean["mean_rank"] == pytest.approx([30.5, 30.5], abs=1)
    # Two thirds of the emotions are positive: (2/3)^2 + (1/3)^2 of the pairs agree, whichever emotions come first.
    assert mean["valence"] == pytest.approx([60 * 5 / 9] * 2, abs=3)


def test_an_axis_of_valence_alone_gives_the_valence_and_not_the_emotion():
    found = run(3, 0.0, axis=3.0)["raw"]
    assert found["valence"]["value"] >= 57 and found["valence"]["p"] < 0.05
    assert found["top1"]["value"] <= 6 and found["mean_rank"]["value"] > 10


def test_a_tie_in_the_first_place_is_no_hit():
    """A text that no vector responds to: all cosines are 0."""
    kept, vectors = world(0, 2.0)
    silent = Battery(kept.scenarios, np.zeros_like(kept.activations))
    found = retrieval.run(silent, EMOTIONS, vectors, 0, VALENCE, 100, 0)
    assert found is not None and all(found.raw.named()[name].value == 0 for name in COUNTS)
    assert found.raw.mean_rank.value == pytest.approx(30.5) and found.items[0].first_raw is None


def test_a_run_with_fewer_emotions_keeps_their_scenarios():
    kept, vectors = world(0, 2.0)
    few = [5, 2, 40]
    found = retrieval.run(kept, [EMOTIONS[i] for i in few], vectors[few], 0, VALENCE, 100, 0)
    assert found is not None and (found.of, found.emotions) == (3, 3) and found.raw.top1.value == 3
    assert {item.emotion for item in found.items} == {EMOTIONS[i] for i in few}
    assert retrieval.run(kept, EMOTIONS[:1], vectors[:1], 0, VALENCE, 100, 0) is None
