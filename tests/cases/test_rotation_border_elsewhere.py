"""LongRoPE (Phi 3 128k) where prompts share a tree, a batch of words or of answers, or lose a token: each equals plain transformers, one text at a time."""

import numpy as np
import pytest
import torch
from lm import test_jacobian
from lm.choosing import OPTIONS
from lm.plain_passes import LAYER, plain
from lm.test_choices import LAYER as STEERED
from lm.test_choices import PREFILL, TEMPLATE, slow_difference, touched
from transformers import Phi3Config

from cases import folders
from emotion_vectors.lm import answers, choices, continuations, jacobian
from emotion_vectors.lm.limits import by_side, rotation_border
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel

pytestmark = pytest.mark.case


def phi(border):
    """A random Phi 3 whose texts of more than `border` tokens are rotated otherwise."""
    rotation = {
        "rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [9.0, 5.0, 3.0, 2.0], "factor": 8.0,
        "original_max_position_embeddings": border,
    }  # fmt: skip
    config = Phi3Config(
        vocab_size=len(folders.tokenizer()), hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4,
        max_position_embeddings=1024, original_max_position_embeddings=border, rope_parameters=rotation, pad_token_id=0, bos_token_id=1,
        eos_token_id=2,
    )  # fmt: skip
    model = folders.random_model(config).requires_grad_(False)
    for name, weight in model.named_parameters():
        weight.data.mul_(8 if "qkv_proj" in name else 1)  # so that it matters where a token stands
    return LanguageModel.of(model, folders.tokenizer())


def lengths(lm):
    return sorted(len(prompt.ids) for prompt in choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS).prompts.values())


@pytest.mark.parametrize("share", [0.5, 0.0, 0.98], ids=["both sides", "all beyond", "the longest beyond"])
@pytest.mark.parametrize("touch", ["first", "all"])
def test_choices_are_those_of_each_prompt_alone(share, touch, monkeypatch):
    monkeypatch.setattr(choices, "BRANCHES_PER_ROW", 2)
    every = lengths(phi(10_000))
    border = every[int(share * (len(every) - 1))] if share else every[0] - 1
    lm = phi(border)
    assert rotation_border(lm) == border
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    baseline = choices.read_baseline(lm, prepared, STEERED)
    vectors = np.random.default_rng(0).standard_normal((2, lm.hidden_size)).astype(np.float32)
    found = choices.read_steered(lm, prepared, baseline, {STEERED: torch.from_numpy(vectors)}, touch)
    for (i, j), prompt in prepared.prompts.items():
        assert baseline.differences[i, j] == pytest.approx(slow_difference(lm, prompt, prepared.tokens), abs=1e-4)
        for row, vector in enumerate(vectors):
            slow = slow_difference(
                lm, prompt, prepared.tokens, {STEERED: torch.from_numpy(vector)}, touched(prompt, touch)
            )
            assert found.differences[row, i, j] == pytest.approx(slow, abs=1e-4)


def test_prompts_on_one_side_share_a_tree():
    assert choices.prepare(phi(10_000), TEMPLATE, PREFILL, OPTIONS).together
    assert by_side(phi(20), [20, 21, 3, 40]) == [[0, 2], [1, 3]] and by_side(phi(99), [20, 21]) == [[0, 1]]


WORDS = ("happy", "sad", "calm", "at ease", "surprised", "inspired")


@pytest.mark.parametrize("beyond", [1, 2, 3])
def test_words_after_a_sentence_are_those_of_each_alone(beyond):
    sentence = "He feels as one does on a day like this"
    border = len(continuations.spell(phi(10_000), sentence, WORDS).sentence) + beyond
    lm = phi(border)
    spelled = continuations.spell(lm, sentence, WORDS)
    rows = [len(spelled.sentence) + len(word) - 1 for word in spelled.words]
    assert min(rows) <= border < max(rows), "both sides must be tested"
    vector = np.random.default_rng(0).standard_normal(lm.hidden_size).astype(np.float32)
    found = continuations.word_log_probabilities(lm, spelled, LAYER, vector[None])[0]
    span = list(range(*spelled.touched))
    for column, word in enumerate(spelled.words):
        table = plain(lm, [*spelled.sentence, *word[:-1]], vector, span)
        first = len(spelled.sentence) - 1
        assert found[column] == pytest.approx(sum(float(table[first + i, w]) for i, w in enumerate(word)), abs=2e-4)


def test_answers_of_several_lengths_are_those_of_each_alone():
    lm = phi(32)
    prompt, written = list(range(5, 25)), [list(range(30, 30 + n)) for n in (3, 40, 12, 13)]
    found = answers.mean_log_probabilities(lm, prompt, written)
    for answer, mean in zip(written, found, strict=True):
        with torch.no_grad():
            table = torch.log_softmax(lm.model(torch.tensor([[*prompt, *answer]])).logits[0].double(), -1)
        own = [float(table[len(prompt) - 1 + i, token]) for i, token in enumerate(answer)]
        assert mean == pytest.approx(np.mean(own), abs=1e-4)


@pytest.mark.parametrize("border", [22, 23, 24])
def test_the_jacobian_is_that_of_the_whole_text(border):
    """Of 24 tokens: the last one doesn't count, and decides on which side of 23 the text lies."""
    lm, ids = phi(border), list(range(5, 29))
    found = jacobian.jacobian_of(lm, ids, 1, Room(10_000, "tokens", "fitting", lm.device))
    np.testing.assert_allclose(found, test_jacobian.plain(lm.model, lm.parts.blocks, ids, 1), atol=2e-4)
