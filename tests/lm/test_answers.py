"""Steered answers and their log probabilities against plain passes over the whole text."""

import numpy as np
import pytest
from tiny import tiny

from emotion_vectors.lm import answers
from emotion_vectors.lm.writers.base import Sampling, end_tokens
from lm.plain_passes import plain

LAYER = 2


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
