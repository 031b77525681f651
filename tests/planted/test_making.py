"""The planted model does what it says: checked with the plain code of `plain`, one prompt at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from emotion_vectors.planted.content import NumericPlan
from emotion_vectors.planted.making import make_planted
from emotion_vectors.planted.truth import Planted
from emotion_vectors.planted.worlds import plant_pack
from emotion_vectors.stimuli.pack import Pack
from planted.plain import add, chat, choice, difference, emotion_vectors, encode, response, run, steered, unit


@pytest.fixture(scope="module")
def shrinking(pack: Pack) -> Planted:
    return plant_pack(pack, pack.subset[:16], contraction=True)


@pytest.fixture(scope="module")
def empty(pack: Pack) -> Planted:
    return plant_pack(pack, pack.subset[:16], effect=0, structure=False)


PAIRS = [(0, 63), (63, 0), (5, 40), (40, 5), (17, 30), (62, 61), (8, 16), (33, 50)]


@pytest.mark.slow
def test_directions_are_recovered_at_every_layer(planted, vectors):
    found = (unit(vectors) * unit(planted.directions)).sum(axis=-1)
    assert found.min() > 0.99


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
