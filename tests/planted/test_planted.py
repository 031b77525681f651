"""The planted model does what it says: checked with the plain code of `plain`, one prompt at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from transformers import AutoModelForCausalLM, AutoTokenizer

from emotion_vectors.planted.content import NumericPlan
from emotion_vectors.planted.making import make_planted
from emotion_vectors.planted.truth import Planted
from emotion_vectors.planted.worlds import plant_pack
from emotion_vectors.stimuli.pack import Pack
from planted.plain import add, chat, choice, difference, emotion_vectors, encode, response, run, steered, unit


@pytest.fixture(scope="module")
def cut(pack: Pack) -> Planted:
    return plant_pack(pack, pack.subset[:16], effect=0)


@pytest.fixture(scope="module")
def shrinking(pack: Pack) -> Planted:
    return plant_pack(pack, pack.subset[:16], contraction=True)


@pytest.fixture(scope="module")
def empty(pack: Pack) -> Planted:
    return plant_pack(pack, pack.subset[:16], effect=0, structure=False)


@pytest.fixture(scope="module")
def vectors(planted: Planted, pack: Pack) -> np.ndarray:
    return emotion_vectors(planted, pack)


PAIRS = [(0, 63), (63, 0), (5, 40), (40, 5), (17, 30), (62, 61), (8, 16), (33, 50)]


def test_directions_are_recovered_at_every_layer(planted, vectors):
    found = (unit(vectors) * unit(planted.directions)).sum(axis=-1)
    assert found.min() > 0.99


def test_directions_of_a_wrong_layer_do_not_fit(planted, vectors):
    shifted = (unit(vectors[1:]) * unit(planted.directions[:-1])).sum(axis=-1)
    assert np.abs(shifted).mean() < 0.5


def test_choice_follows_scores_and_position_bias(planted):
    for a, b in PAIRS:
        logits = run(planted, choice(planted, a, b)[0])[0]
        expected = planted.scores[a] - planted.scores[b] + planted.position_bias
        assert difference(planted, logits) == pytest.approx(expected, abs=1e-3)
        chances = torch.from_numpy(logits[-1]).softmax(-1)
        assert float(chances[planted.tokenizer.convert_tokens_to_ids(["A", "B"])].sum()) > 0.99


def test_activity_tokens_carry_the_value(planted):
    along = planted.readout
    for a in (0, 20, 63):
        ids = encode(planted, chat(planted, "How would you feel about")[:-40])  # any prefix that marks no option
        span = encode(planted, f" {planted.activities[a]}")
        state = run(planted, [planted.tokenizer.bos_token_id, *ids, *span])[1][planted.analysis_layer]
        assert state[-len(span) :].mean(axis=0) @ along == pytest.approx(planted.scores[a], abs=1e-3)


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


def test_wrong_tokens_and_wrong_layers_miss_the_effect(planted):
    layer = planted.analysis_layer
    ids, span_a, _ = choice(planted, 3, 44)
    baseline = difference(planted, run(planted, ids)[0])
    errors, effects = [], []
    for vector in unit(planted.directions[layer]):
        effect = planted.expected_effect(vector)
        assert steered(planted, 3, 44, vector, "A", layer + 1) == pytest.approx(baseline, abs=1e-4)
        errors.append(abs(steered(planted, 3, 44, vector, "A", layer - 1) - baseline - effect))
        effects.append(abs(effect))
    assert np.mean(errors) > 0.5 * np.mean(effects)
    part = difference(planted, run(planted, ids, {layer: add(vector, span_a[1:])})[0]) - baseline
    assert part == pytest.approx(effect * (len(span_a) - 1) / len(span_a), rel=1e-3)


def test_without_the_link_no_emotion_moves_a_choice(cut):
    for row, emotion in enumerate(cut.emotions[:4]):
        a, b = PAIRS[row]
        baseline = difference(cut, run(cut, choice(cut, a, b)[0])[0])
        assert baseline == pytest.approx(cut.expected_difference(a, b), abs=1e-3)
        assert steered(cut, a, b, unit(cut.direction(emotion)), "A") == pytest.approx(baseline, abs=1e-4)


@pytest.mark.parametrize("where", ["A", "B", "AB"])
def test_contraction_shrinks_all_differences_alike(shrinking, where):
    bias, row = shrinking.position_bias, int(np.argmax(shrinking.valences))
    vector, against = unit(shrinking.directions[shrinking.analysis_layer, row]), int(np.argmin(shrinking.valences))
    shares = []
    for a, b in PAIRS[:4]:
        before = difference(shrinking, run(shrinking, choice(shrinking, a, b)[0])[0])
        after = steered(shrinking, a, b, vector, where)
        first, second = vector if "A" in where else None, vector if "B" in where else None
        assert after == pytest.approx(shrinking.expected_difference(a, b, first, second), abs=2e-3)
        shares.append((after - bias) / (before - bias))
    assert max(shares) < 0.9 and np.ptp(shares) < 1e-3
    opposite = unit(shrinking.directions[shrinking.analysis_layer, against])
    assert steered(shrinking, 0, 63, opposite, where) == pytest.approx(shrinking.expected_difference(0, 63), abs=0.03)


def test_scenarios_evoke_their_emotion(planted, vectors):
    probes = unit(vectors[planted.analysis_layer])
    for prompt, emotion in planted.scenarios.items():
        cosines = probes @ unit(response(planted, prompt))
        assert planted.emotions[int(cosines.argmax())] == emotion
    assert len(planted.scenarios) == 12 + 36 + len(planted.emotions)  # the main, the held-out and the retrieval ones


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


def test_without_structure_nothing_is_found(empty, pack):
    vectors = emotion_vectors(empty, pack)
    assert (unit(vectors) * unit(empty.directions)).sum(axis=-1).min() > 0.98  # the vectors as such are there
    probes = unit(vectors[empty.analysis_layer])
    head = empty.model.lm_head.weight.double().numpy()
    order = np.argsort(-(probes @ head.T), axis=1)[:, :20]
    hits = sum(
        f"Ġ{emotion}" in empty.tokenizer.convert_ids_to_tokens(row)
        for emotion, row in zip(empty.emotions, order.tolist(), strict=True)
    )
    assert hits <= 2
    right = [
        empty.emotions[int((probes @ response(empty, prompt)).argmax())] == e for prompt, e in empty.scenarios.items()
    ]
    assert sum(right) <= len(right) / 6  # guessing gets one of 16
    assert all(abs(empty.expected_effect(direction)) < 1e-12 for direction in empty.directions[empty.analysis_layer])


def test_padding_and_packed_prompts_change_nothing(planted):
    ids, pad = choice(planted, 2, 3)[0], planted.tokenizer.pad_token_id
    plain = difference(planted, run(planted, ids)[0])
    for left, right in ((7, 0), (0, 7)):
        mask = torch.tensor([[0] * left + [1] * len(ids) + [0] * right])
        with torch.no_grad():
            padded = torch.tensor([[pad] * left + ids + [pad] * right])
            logits = planted.model(input_ids=padded, attention_mask=mask).logits[0, left : left + len(ids)]
        assert difference(planted, logits.double().numpy()) == pytest.approx(plain, abs=1e-4)
    # Two prompts that share their beginning in one row: the second sees the beginning and itself.
    other, shared = choice(planted, 2, 9)[0], 12
    assert ids[:shared] == other[:shared]
    row = ids + other[shared:]
    allowed = torch.ones(len(row), len(row)).tril().bool()
    allowed[len(ids) :, shared : len(ids)] = False
    bias = torch.zeros(1, 1, *allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)
    positions = torch.tensor([[*range(len(ids)), *range(shared, len(other))]])
    logits = run(planted, row, attention_mask=bias, position_ids=positions)[0]
    assert difference(planted, logits[: len(ids)]) == pytest.approx(plain, abs=1e-4)
    assert difference(planted, logits) == pytest.approx(difference(planted, run(planted, other)[0]), abs=1e-4)


def test_plain_format_gives_the_same_answers(planted):
    text = f"Human: Would you prefer to (A) {planted.activities[1]} or (B) {planted.activities[2]}?\n\nAssistant: ("
    logits = run(planted, planted.tokenizer(text)["input_ids"])[0]
    assert difference(planted, logits) == pytest.approx(planted.expected_difference(1, 2), abs=1e-3)
    probes = unit(planted.directions[planted.analysis_layer])
    for prompt, emotion in planted.scenarios.items():
        ids = planted.tokenizer(f"Human: {prompt}\n\nAssistant:")["input_ids"]
        state = run(planted, ids)[1][planted.analysis_layer, -1]
        assert planted.emotions[int((probes @ state).argmax())] == emotion


def test_saved_folder_gives_the_same_model(planted, tmp_path):
    planted.model.save_pretrained(tmp_path)
    planted.tokenizer.save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = choice(planted, 6, 60)[0]
    text = planted.tokenizer.decode(ids)
    assert tokenizer.is_fast and tokenizer(text, add_special_tokens=False)["input_ids"] == ids
    assert tokenizer("a b")["input_ids"] == planted.tokenizer("a b")["input_ids"]
    assert tokenizer.decode(ids) == text and tokenizer.chat_template == planted.tokenizer.chat_template
    with torch.no_grad():
        assert np.array_equal(model(input_ids=torch.tensor([ids])).logits[0].double().numpy(), run(planted, ids)[0])


def test_every_emotion_of_the_pack_fits_into_one_model(pack):
    whole = plant_pack(pack)
    assert whole.directions.shape == (6, 171, 256)
    logits = run(whole, choice(whole, 10, 50)[0])[0]
    assert difference(whole, logits) == pytest.approx(whole.expected_difference(10, 50), abs=1e-3)


def test_same_seed_same_model_and_bad_worlds_are_refused():
    emotions, activities = ("happy", "sad", "at ease"), ("walk the dog", "read a book", "sit still")
    first, again = make_planted(emotions, activities), make_planted(emotions, activities)
    assert first.sha256 == again.sha256 != make_planted(emotions, activities, seed=1).sha256
    with pytest.raises(ValueError, match="sets it apart"):
        make_planted(emotions, ("the dog", "dog the", "sit"))
    with pytest.raises(ValueError, match="no other text has"):
        make_planted(emotions, activities, scenarios={"walk the": "sad"})
    with pytest.raises(ValueError, match="layers"):
        make_planted(emotions, activities, layers=3)
    with pytest.raises(ValueError, match="no other text has"):
        make_planted(emotions, activities, numeric=[NumericPlan("{X} the", (1.0, 2.0), {"sad": 1})])
