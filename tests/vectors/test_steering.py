"""Steering against a plain reference that reads the whole sequence again for every token with a hook of its own."""

import numpy as np
import pytest
import torch
from quick import quick
from tiny import ARCHITECTURES, hooks, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import prompts
from emotion_vectors.lm.messages import converse
from emotion_vectors.vectors.steering import Addition, TextSpan, find_text, steer
from vectors.worlds import make_vectors, plain_greedy, plain_pass

STEPS = 6
CHAT = [{"role": "user", "content": "What would you rather do today, write a poem or rest?"}]
WORDS = "write a poem"
STRENGTHS = {"calm": 0.8, "angry": -0.5}
MODES = ("all", "prompt", "response", TextSpan(WORDS))


def generate(model, inputs, steps=STEPS, **options):
    found = model.generate(
        **inputs, max_new_tokens=steps, min_new_tokens=steps, do_sample=False, output_logits=True, return_dict_in_generate=True,
        pad_token_id=1, **options,
    )  # fmt: skip
    return found.sequences, torch.stack(found.logits, dim=1).numpy() if found.logits else None


def columns(mode, lm, ids):
    """The steered columns of a growing sequence, from the definition of each mode."""
    width = len(ids)
    if mode == "all":
        return lambda length: range(length)
    if mode == "prompt":
        return lambda length: range(width)
    if mode == "response":
        return lambda length: range(width - 1, length)
    span = prompts.locate(lm.tokenizer, lm.tokenizer.decode(ids), {"x": place(lm.tokenizer.decode(ids))}).spans["x"]
    return lambda length: range(*span)


def place(text):
    return text.index(WORDS), text.index(WORDS) + len(WORDS)


def reference(lm, ids, mode, vectors, layers=(2,), strengths=STRENGTHS):
    """Steered greedy answer by the formula: strength x mean norm x unit vector, shared over the layers."""
    pairs = []
    for layer in layers:
        total = np.zeros(32)
        for emotion, strength in strengths.items():
            row = vectors.projected[layer, vectors.emotions.index(emotion)].astype(np.float64)
            total += strength / len(layers) * vectors.residual_norm[layer] * row / np.linalg.norm(row)
        pairs.append((layer, total))
    return plain_greedy(lm, ids, STEPS, pairs, columns(mode, lm, ids))


@pytest.mark.parametrize("kind", quick(["llama", "gemma2"], ARCHITECTURES))
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_generate_with_a_cache_equals_the_plain_reference(kind, mode):
    lm, vectors = tiny(kind), make_vectors()
    inputs = lm.inputs(CHAT)
    plain_ids, plain_logits = generate(lm, inputs)
    with vectors.steer(lm, STRENGTHS, layers=[1, 2], tokens=mode):
        ids, logits = generate(lm, inputs)
    expected_ids, expected = reference(lm, inputs["input_ids"][0].tolist(), mode, vectors, (1, 2))
    assert ids[0, -STEPS:].tolist() == expected_ids
    np.testing.assert_allclose(logits[0], expected, atol=1e-4)
    assert np.abs(logits[0, 0] - plain_logits[0, 0]).max() > 1e-3
    again_ids, again = generate(lm, inputs)
    assert torch.equal(again_ids, plain_ids) and (again == plain_logits).all()


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(
    "options", [{"use_cache": False}, {"prefill_chunk_size": 5}, {"cache_implementation": "static"}], ids=str
)
def test_other_ways_through_the_text_give_the_same_answer(mode, options):
    lm, vectors = tiny(), make_vectors()
    inputs = lm.inputs(CHAT)
    with vectors.steer(lm, STRENGTHS, tokens=mode) as steering:
        ids, logits = generate(lm, inputs, **options)
    assert steering.passes > 1
    expected_ids, expected = reference(lm, inputs["input_ids"][0].tolist(), mode, vectors)
    assert ids[0, -STEPS:].tolist() == expected_ids
    np.testing.assert_allclose(logits[0], expected, atol=1e-4)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_of_a_padded_batch_equal_the_rows_alone(mode, side):
    lm, vectors = tiny(), make_vectors()
    texts = [f"Would you {WORDS}", f"Now tell me why you would rather {WORDS} about the sea", f"Go on and {WORDS} now"]
    rows = [list(converse(lm, text).ids) for text in texts]
    from emotion_vectors.lm.forward import pad

    batch = pad(rows, lm.device, 7, side)
    with vectors.steer(lm, STRENGTHS, tokens=mode) as steering, torch.no_grad():
        logits = lm.model(batch.ids, attention_mask=batch.mask, position_ids=batch.positions).logits
    for row, ids in enumerate(rows):
        own = columns(mode, lm, ids)(len(ids))
        added = [(a.layer, a.vector, own) for a in vectors.additions(STRENGTHS)]
        alone, _ = plain_pass(lm, ids, added)
        np.testing.assert_allclose(logits[row][batch.mask[row].bool()], alone, atol=1e-4)
        start = 0 if side == "right" else batch.ids.shape[1] - len(ids)
        assert steering.touched[0][row] == [start + column for column in own]
    if side == "left":
        with vectors.steer(lm, STRENGTHS, tokens=mode):
            found, steps = generate(lm, {"input_ids": batch.ids, "attention_mask": batch.mask})
        for row, ids in enumerate(rows):
            expected_ids, expected = reference(lm, ids, mode, vectors)
            assert found[row, -STEPS:].tolist() == expected_ids
            np.testing.assert_allclose(steps[row], expected, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"use_cache": False}, {"prefill_chunk_size": 7}], ids=str)
def test_the_touched_tokens_decode_to_what_was_asked_for(options):
    lm, vectors = tiny(), make_vectors()
    inputs = lm.inputs(CHAT)
    decode, prompt = lm.tokenizer.decode, lm.tokenizer.decode(inputs["input_ids"][0])
    width = inputs["input_ids"].shape[1]
    for mode in MODES:
        with vectors.steer(lm, {"calm": 0.4}, tokens=mode) as steering:
            ids, _ = generate(lm, inputs, **options)
        touched = sorted({column for step in steering.touched for column in step[0]})
        for step, step_ids in zip(steering.touched, steering.ids, strict=True):
            assert ids[0, step[0]].tolist() == step_ids[0]
        text = decode(ids[0, touched])
        if mode == "all":
            assert touched == list(range(ids.shape[1] - 1)) and text.startswith(prompt)
        elif mode == "prompt":
            assert text == prompt
        elif mode == "response":
            # The last generated token is never read.
            assert touched == list(range(width - 1, ids.shape[1] - 1)) and text == decode(ids[0, width - 1 : -1])
        else:
            assert text.strip() == WORDS


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_beams_and_several_answers(mode):
    lm, vectors = tiny(), make_vectors()
    inputs = lm.inputs(CHAT)
    ids = inputs["input_ids"][0].tolist()
    with vectors.steer(lm, STRENGTHS, tokens=mode):
        found = lm.generate(
            **inputs, max_new_tokens=4, min_new_tokens=4, num_beams=3, num_return_sequences=3, do_sample=False, pad_token_id=1,
            output_scores=True, return_dict_in_generate=True,
        )  # fmt: skip
    own = columns(mode, lm, ids)
    for sequence, score in zip(found.sequences.tolist(), found.sequences_scores.tolist(), strict=True):
        total, read = 0.0, len(sequence) - 1
        added = [(a.layer, a.vector, own(read)) for a in vectors.additions(STRENGTHS)]
        logits, _ = plain_pass(lm, sequence[:-1], added)
        logs = torch.log_softmax(torch.from_numpy(logits), dim=-1)
        total = sum(float(logs[i, sequence[i + 1]]) for i in range(len(ids) - 1, read))
        # EOS is forbidden before min_new_tokens, which takes its share out of the scores of beam search.
        assert score * 4 == pytest.approx(total, abs=0.05)


def test_an_own_decoding_loop_with_a_cache():
    lm, vectors = tiny(), make_vectors()
    ids = lm.inputs(CHAT)["input_ids"]
    expected_ids, expected = reference(lm, ids[0].tolist(), "response", vectors)
    with vectors.steer(lm, STRENGTHS, tokens="response"), torch.no_grad():
        out = lm.model(ids, use_cache=True)
        for step in range(STEPS):
            np.testing.assert_allclose(out.logits[0, -1], expected[step], atol=1e-4)
            following = out.logits[:, -1:].argmax(dim=-1)
            assert int(following) == expected_ids[step]
            out = lm.model(following, past_key_values=out.past_key_values, use_cache=True)
        with pytest.raises(UserError, match="told apart"):
            lm.model(ids[:, :2], past_key_values=out.past_key_values)


def test_a_plain_transformers_model_two_models_and_nesting():
    first, second, vectors = tiny("qwen2"), tiny("llama"), make_vectors()
    inputs = first.inputs(CHAT)
    ids = inputs["input_ids"][0].tolist()
    with (
        vectors.steer(first.model, {"calm": 0.5}, tokens="response"),
        vectors.steer(first.model, {"angry": 0.3}, layers=1, tokens=TextSpan(WORDS), tokenizer=first.tokenizer),
        vectors.steer(second.model, {"calm": -0.5}),
    ):
        found, logits = generate(first.model, inputs)
        _, other = generate(second.model, inputs)
        generate(first.model, inputs)
    [calm], [angry] = vectors.additions({"calm": 0.5}), vectors.additions({"angry": 0.3}, 1)
    sequence = found[0, :-1].tolist()
    added = [
        (calm.layer, calm.vector, columns("response", first, ids)(len(sequence))),
        (angry.layer, angry.vector, columns(TextSpan(WORDS), first, ids)(len(sequence))),
    ]
    expected, _ = plain_pass(first, sequence, added)
    np.testing.assert_allclose(logits[0], expected[len(ids) - 1 :], atol=1e-4)
    np.testing.assert_allclose(other[0], reference(second, ids, "all", vectors, strengths={"calm": -0.5})[1], atol=1e-4)
    assert "generate" not in vars(first.model) and "generate" not in vars(second.model)


def test_nothing_is_left_after_an_exception():
    lm, vectors = tiny(), make_vectors()
    inputs, before = lm.inputs(CHAT), hooks(lm.model)
    _, plain = generate(lm, inputs)
    with pytest.raises(ZeroDivisionError), vectors.steer(lm, STRENGTHS):
        generate(lm, inputs)
        raise ZeroDivisionError
    with pytest.raises(UserError, match="doesn't contain"), vectors.steer(lm, STRENGTHS, tokens=TextSpan("a whale")):
        generate(lm, inputs)
    assert hooks(lm.model) == before and "generate" not in vars(lm.model)
    assert (generate(lm, inputs)[1] == plain).all()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_strength_zero_changes_nothing_at_all(kind):
    lm, vectors = tiny(kind), make_vectors()
    inputs = lm.inputs(CHAT)
    ids, logits = generate(lm, inputs)
    with vectors.steer(lm, {"calm": 0.0, "angry": 0.0}) as steering:
        found, found_logits = generate(lm, inputs)
    assert steering.passes == STEPS and torch.equal(ids, found) and (logits == found_logits).all()


def test_what_does_not_fit_is_refused_in_one_sentence():
    lm, vectors = tiny(), make_vectors()
    cases = [
        ("did you mean 'calm'", lambda: vectors.steer(lm, {"calmm": 1})),
        ("no layer 9", lambda: vectors.steer(lm, {"calm": 1}, layers=9)),
        ("with 4 layers of width 16", lambda: make_vectors(width=16).steer(lm, {"calm": 1})),
        ("with 3 layers of width 32", lambda: make_vectors(layers=3).steer(lm, {"calm": 1})),
        ("no tokens 'answer'", lambda: vectors.steer(lm, {"calm": 1}, tokens="answer")),
        ("needs its tokenizer", lambda: vectors.steer(lm.model, {"calm": 1}, tokens=TextSpan("x"))),
        ("no layer -1", lambda: steer(lm, [Addition(-1, np.ones(32))])),
        ("of width 32", lambda: steer(lm, [Addition(1, np.ones((1, 32)))])),
        ("not finite", lambda: steer(lm, [Addition(1, np.full(32, np.nan))])),
    ]
    for words, make in cases:
        with pytest.raises(UserError, match=words) as caught, make():
            pass
        assert "\n" not in str(caught.value)
    assert hooks(lm.model) == hooks(tiny("llama").model) and "generate" not in vars(lm.model)


def test_texts_are_found_on_token_borders_only():
    lm = tiny()
    ids = lm.tokenizer("write a poem, then write a poem again")["input_ids"]
    assert (
        lm.tokenizer.decode(ids[slice(*find_text(lm.tokenizer, ids, TextSpan("poem again")))]).strip() == "poem again"
    )
    first, second = (find_text(lm.tokenizer, ids, TextSpan(WORDS, number)) for number in (0, 1))
    assert first[1] <= second[0] and first[0] == 0
    for span, words in (
        (TextSpan(WORDS), "2 times"),
        (TextSpan(WORDS, 2), "no occurrence 2"),
        (TextSpan("oem, the"), "token borders"),
    ):
        with pytest.raises(UserError, match=words):
            find_text(lm.tokenizer, ids, span)
