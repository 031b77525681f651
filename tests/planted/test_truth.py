"""Steering has the size that was planted, where and when it was planted."""

from __future__ import annotations

import pytest

from emotion_vectors.planted.truth import Planted
from emotion_vectors.planted.worlds import plant_pack
from emotion_vectors.stimuli.pack import Pack
from planted.plain import add, choice, difference, run, steered, unit


@pytest.fixture(scope="module")
def cut(pack: Pack) -> Planted:
    return plant_pack(pack, pack.subset[:16], effect=0)


PAIRS = [(0, 63), (63, 0), (5, 40), (40, 5), (17, 30), (62, 61), (8, 16), (33, 50)]


@pytest.mark.parametrize("row", [0, 1, 4, 15])
def test_steering_has_the_size_that_was_planted(planted, vectors, row):
    vector = 0.7 * unit(vectors[planted.analysis_layer, row])
    for a, b in PAIRS[:4]:
        baseline = difference(planted, run(planted, choice(planted, a, b)[0])[0])
        effect = planted.expected_effect(vector)
        assert effect * planted.valences[row] > 0.01
        assert steered(planted, a, b, vector, "A") - baseline == pytest.approx(effect, rel=1e-3)
        assert steered(planted, a, b, vector, "B") - baseline == pytest.approx(-effect, rel=1e-3)
        assert steered(planted, a, b, vector, "AB") - baseline == pytest.approx(0, abs=1e-4)


def test_steering_on_span_a_moves_only_the_logit_of_a(planted):
    vector = unit(planted.direction("happy"))
    ids, span_a, _ = choice(planted, 3, 44)
    before, after = run(planted, ids)[0][-1], run(planted, ids, {planted.analysis_layer: add(vector, span_a)})[0][-1]
    option_a, option_b = planted.tokenizer.convert_tokens_to_ids(["A", "B"])
    assert after[option_a] - before[option_a] == pytest.approx(planted.expected_effect(vector), rel=1e-3)
    assert after[option_b] == pytest.approx(before[option_b], abs=1e-5)


def test_without_the_link_no_emotion_moves_a_choice(cut):
    for row, emotion in enumerate(cut.emotions[:4]):
        a, b = PAIRS[row]
        baseline = difference(cut, run(cut, choice(cut, a, b)[0])[0])
        assert baseline == pytest.approx(cut.expected_difference(a, b), abs=1e-3)
        assert steered(cut, a, b, unit(cut.direction(emotion)), "A") == pytest.approx(baseline, abs=1e-4)
