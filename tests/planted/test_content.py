"""Scenarios, numbers and words of the planted world."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from planted.plain import response, unit


def test_scenarios_evoke_their_emotion(planted, vectors):
    probes = unit(vectors[planted.analysis_layer])
    for prompt, emotion in planted.scenarios.items():
        cosines = probes @ unit(response(planted, prompt))
        assert planted.emotions[int(cosines.argmax())] == emotion
    assert len(planted.scenarios) == 12 + 36 + len(planted.emotions)  # the main, the held-out and the retrieval ones


@pytest.mark.slow
def test_numbers_move_emotions_as_expected(planted, vectors):
    probes = dict(zip(planted.emotions, unit(vectors[planted.analysis_layer]), strict=True))
    directions = dict(zip(planted.emotions, unit(planted.directions[planted.analysis_layer]), strict=True))
    for plan in planted.numeric:
        states = [unit(response(planted, prompt)) for prompt in plan.prompts()]
        for emotion, sign in plan.signs.items():
            curve = [probes[emotion] @ state for state in states]
            moved = directions[emotion] @ (states[-1] - states[0])
            # Vectors of three stories have a cosine of 0.99 or more with what was planted, and the furthest curve moves by 0.38.
            assert curve[-1] - curve[0] == pytest.approx(moved, abs=0.01 * 0.38)
            if sign:
                assert spearmanr(plan.values, curve).statistic == pytest.approx(sign)
                # A number counts by its rank among those of all templates; the thermometer's lie closest together, 0.044.
                assert sign * moved > 0.04
            else:
                assert abs(moved) < 1e-3


def test_lens_finds_the_words_and_opposites_are_negative(planted, vectors, pack):
    at_layer = vectors[planted.analysis_layer]
    head = planted.model.lm_head.weight.double().numpy()
    with torch.no_grad():
        normed = planted.model.model.norm(torch.from_numpy(at_layer).float()).double().numpy()
    for states in (at_layer, normed):
        for emotion, state in zip(planted.emotions, states, strict=True):
            top = planted.tokenizer.convert_ids_to_tokens(np.argsort(-(head @ state))[:20].tolist())
            assert f"Ġ{emotion.split()[0].split('-')[0]}" in top
    rows = {emotion: row for emotion, row in zip(planted.emotions, at_layer, strict=True)}
    assert all(rows[a] @ rows[b] < 0 for a, b in pack.opposite_pairs)
