"""Words after a sentence and steered answers, against plain forward passes: one text at a time, no cache, no padding, own hooks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import ARCHITECTURES, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import answers, continuations
from emotion_vectors.lm.writers.base import Sampling, end_tokens

SENTENCE, WORDS = "He feels", ("happy", "sad", "calm", "at ease", "surprised", "inspired")
LAYER = 2


def plain(lm, ids, vector, touched):
    """Log probabilities (t, v) after every token, with `vector` added to the output of block LAYER at some positions."""

    def hook(_, __, output):
        state = (output[0] if isinstance(output, tuple) else output).clone()
        state[0, touched] += torch.from_numpy(vector).to(state.dtype)
        return (state, *output[1:]) if isinstance(output, tuple) else state

    handle = lm.parts.blocks[LAYER].register_forward_hook(hook)
    try:
        with torch.no_grad():
            return torch.log_softmax(lm.model(input_ids=torch.tensor([ids])).logits[0].double(), dim=-1)
    finally:
        handle.remove()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_word_log_probabilities_are_those_of_one_plain_pass_for_each_word(kind):
    lm = tiny(kind)
    vectors = np.random.default_rng(0).standard_normal((3, lm.hidden_size)) * [[0.0], [1.0], [3.0]]
    spelled = continuations.spell(lm, SENTENCE, WORDS)
    assert max(len(word) for word in spelled.words) > 1, "several tokens must be tested"
    found = continuations.word_log_probabilities(lm, spelled, LAYER, vectors, tokens_per_batch=40)
    touched = list(range(*spelled.touched))
    assert lm.tokenizer.decode([spelled.sentence[i] for i in touched]) == SENTENCE
    for row, vector in enumerate(vectors):
        for column, word in enumerate(WORDS):
            ids = lm.tokenizer(f"{SENTENCE} {word}", add_special_tokens=False)["input_ids"]
            if lm.tokenizer("a")["input_ids"][0] == lm.tokenizer.bos_token_id:
                ids = [lm.tokenizer.bos_token_id, *ids]
            table = plain(lm, ids, vector, touched)
            first = len(spelled.sentence)
            expected = sum(float(table[i - 1, ids[i]]) for i in range(first, len(ids)))
            assert found[row, column] == pytest.approx(expected, abs=2e-4)


def test_batches_of_any_size_give_the_same():
    lm = tiny()
    vectors = np.random.default_rng(1).standard_normal((5, lm.hidden_size))
    spelled = continuations.spell(lm, SENTENCE, WORDS)
    whole = continuations.word_log_probabilities(lm, spelled, LAYER, vectors)
    assert np.allclose(continuations.word_log_probabilities(lm, spelled, LAYER, vectors, 1), whole, atol=1e-5)
    one_by_one = [continuations.word_log_probabilities(lm, spelled, LAYER, vectors[[i]])[0] for i in range(5)]
    assert np.allclose(one_by_one, whole, atol=1e-5)


def test_a_word_that_changes_the_sentence_is_refused(monkeypatch):
    """A tokenizer that spells the sentence in other tokens as soon as a word follows."""
    real = continuations.locate

    def merging(tokenizer, text, ranges):
        found = real(tokenizer, text, ranges)
        return found if text == SENTENCE else replace(found, ids=(*found.ids[:1], 7, *found.ids[2:]))

    monkeypatch.setattr(continuations, "locate", merging)
    with pytest.raises(UserError, match="no tokens of its own"):
        continuations.spell(tiny(), SENTENCE, ["calm"])


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox"])
def test_steered_answers_are_those_of_plain_passes_over_the_whole_text(kind):
    """Greedy: every token is the likeliest after the whole text so far, the vector on every token of it."""
    lm = tiny(kind)
    prompt = lm.tokenizer("What just happened?", add_special_tokens=False)["input_ids"]
    vectors = np.random.default_rng(2).standard_normal((3, lm.hidden_size)) * [[0.0], [1.0], [2.0]]
    written = answers.answer_steered(lm, prompt, {LAYER: vectors}, [0, 0, 0], Sampling(temperature=0, max_new_tokens=8))
    for vector, text in zip(vectors, written, strict=True):
        ids = list(prompt)
        for step in range(8):
            token = int(plain(lm, ids, vector, list(range(len(ids))))[-1].argmax())
            if token in end_tokens(lm):
                assert len(text) == step
                break
            assert text[step] == token
            ids.append(token)
    assert len({tuple(text) for text in written}) == 3, "the vectors must matter"


def test_a_row_depends_on_its_own_seed_and_vector_only():
    lm, sampling = tiny(), Sampling(max_new_tokens=10)
    prompt = lm.tokenizer("What just happened?", add_special_tokens=False)["input_ids"]
    vectors = np.random.default_rng(3).standard_normal((4, lm.hidden_size))
    seeds = [5, 6, 5, 7]
    together = answers.answer_steered(lm, prompt, {LAYER: vectors}, seeds, sampling)
    backwards = answers.answer_steered(lm, prompt, {LAYER: vectors[::-1]}, seeds[::-1], sampling)
    alone = [answers.answer_steered(lm, prompt, {LAYER: vectors[[i]]}, [seeds[i]], sampling)[0] for i in range(4)]
    assert together == backwards[::-1] == alone
    assert answers.answer_steered(lm, prompt, {LAYER: vectors[[0]]}, [6], sampling)[0] != together[0]


def test_a_row_that_ended_is_cut_where_it_ended(monkeypatch):
    lm = tiny()
    prompt = lm.tokenizer("What just happened?", add_special_tokens=False)["input_ids"]
    vectors = np.random.default_rng(3).standard_normal((2, lm.hidden_size))
    whole = answers.answer_steered(lm, prompt, {LAYER: vectors}, [0, 1], Sampling(max_new_tokens=8))
    end = next(token for token in whole[0] if token not in whole[1])
    monkeypatch.setattr(answers, "end_tokens", lambda _: {end})
    cut = answers.answer_steered(lm, prompt, {LAYER: vectors}, [0, 1], Sampling(max_new_tokens=8))
    assert cut == [whole[0][: whole[0].index(end)], whole[1]]


@pytest.mark.parametrize("touched", ["prompt", "response"])
def test_only_the_chosen_tokens_are_steered(touched):
    lm = tiny()
    prompt = lm.tokenizer("What just happened?", add_special_tokens=False)["input_ids"]
    vector = 2 * np.random.default_rng(4).standard_normal(lm.hidden_size)
    greedy = Sampling(temperature=0, max_new_tokens=8)
    written = answers.answer_steered(lm, prompt, {LAYER: vector[None]}, [0], greedy, touched)[0]
    ids = list(prompt)
    for token in written:
        places = range(len(prompt)) if touched == "prompt" else range(len(prompt) - 1, len(ids))
        assert token == int(plain(lm, ids, vector, list(places))[-1].argmax())
        ids.append(token)
    assert written != answers.answer_steered(lm, prompt, {LAYER: vector[None]}, [0], greedy)[0]


def test_the_log_probability_of_an_answer_is_that_of_the_plain_model():
    lm = tiny()
    prompt, answer = [5, 9, 12], [20, 7, 31]
    table = plain(lm, prompt + answer, np.zeros(lm.hidden_size), [])
    expected = np.mean([float(table[2 + i, token]) for i, token in enumerate(answer)])
    assert answers.mean_log_probability(lm, prompt, answer) == pytest.approx(expected, abs=1e-4)
    assert answers.mean_log_probability(lm, prompt, []) is None
