"""LongRoPE (Phi 3 128k): the longest text of a pass decides how all are rotated, so what is read beside a text must not matter."""

import numpy as np
import pytest
import torch
from tiny import tiny

from cases import folders
from emotion_vectors.errors import UserError
from emotion_vectors.lm.decode import ANSWERS, STORIES, Row, decode
from emotion_vectors.lm.limits import context_of, rotation_border
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.vectors import activations

pytestmark = pytest.mark.case
BORDER = 32
FACTORS = {"short_factor": [1.0] * 4, "long_factor": [9.0, 5.0, 3.0, 2.0]}
SHORT, LONG = list(range(5, 25)), list(range(5, 75))


def rotated(**rotation):
    """A random model with this rotation, and positions for 256 tokens."""
    config = tiny().model.config.__class__.from_dict(tiny().model.config.to_dict())
    config.rope_parameters, config.max_position_embeddings = {"rope_theta": 1e4} | rotation, 256
    model = folders.random_model(config)
    for name, weight in model.named_parameters():
        if "q_proj" in name or "k_proj" in name:
            weight.data.mul_(8)  # so that it matters where a token stands
    return LanguageModel.of(model, folders.tokenizer())


@pytest.fixture(scope="module")
def lm():
    return rotated(rope_type="longrope", factor=8.0, original_max_position_embeddings=BORDER, **FACTORS)


def plain(lm, ids):
    """(layers, t, d) of one text alone, as transformers reads it."""
    with torch.no_grad():
        states = lm.model(torch.tensor([ids]), output_hidden_states=True).hidden_states[1:-1]
    return torch.cat(states).numpy()


def test_the_rotation_of_a_batch_goes_by_its_longest_text(lm):
    """What this is about: plain transformers reads the short text otherwise beside a long one."""
    rows = torch.tensor([SHORT + [0] * (len(LONG) - len(SHORT)), LONG])
    with torch.no_grad():
        beside = lm.model(rows, output_hidden_states=True).hidden_states[2][0, : len(SHORT)].numpy()
    assert np.abs(beside - plain(lm, SHORT)[1]).max() > 1e-3
    assert rotation_border(lm) == BORDER


@pytest.mark.parametrize("layout", ["right", "packed"])
def test_texts_on_both_sides_are_read_as_alone(lm, layout):
    texts = [(ids, (0, len(ids))) for ids in (SHORT, LONG, SHORT[:7], LONG[:40], LONG[:33], LONG[:32])]
    means = activations.pool(lm, texts, 10_000, layout=layout).means
    for (ids, _), found in zip(texts, means, strict=True):
        np.testing.assert_allclose(found[1:-1], plain(lm, ids).mean(axis=1), atol=1e-4)


def test_the_command_reads_a_text_as_alone(lm, tmp_path):
    model = folders.saved(tmp_path / "model", model=lm.model)
    vectors = tmp_path / "v.safetensors"
    folders.vectors_of(model, vectors)
    rows = [{"text": "The cat sat on the mat. " * times} for times in (2, 30)]
    both = folders.read(tmp_path, folders.lines(tmp_path / "both.jsonl", *rows), vectors)
    for row, text in enumerate(rows):
        alone = folders.read(tmp_path, folders.lines(tmp_path / f"{row}.jsonl", text), vectors)
        assert both["mean_raw"][row] == pytest.approx(alone["mean_raw"][0], abs=1e-6)


@pytest.mark.parametrize("arithmetic", [ANSWERS, STORIES])
def test_greedy_texts_on_both_sides_are_generates_own(lm, arithmetic):
    prompts = [SHORT, LONG, SHORT[:9], LONG[:50]]
    found = decode(
        lm, [Row(tuple(ids)) for ids in prompts], Sampling(temperature=0, max_new_tokens=8), arithmetic, ends=()
    )
    for ids, text in zip(prompts, found, strict=True):
        own = lm.model.generate(torch.tensor([ids]), max_new_tokens=8, min_new_tokens=8, do_sample=False)
        assert text.tokens == own[0, len(ids) :].tolist()


def test_a_text_that_would_cross_the_border_is_refused(lm):
    with pytest.raises(UserError, match=r"prompt of 20 tokens and up to 14 new ones would cross 32 tokens"):
        decode(lm, [Row(tuple(SHORT))], Sampling(max_new_tokens=14))
    decode(lm, [Row(tuple(SHORT))], Sampling(max_new_tokens=13))


def test_where_nothing_changes_there_is_no_border():
    assert rotation_border(tiny()) is None
    same = {"short_factor": [2.0] * 4, "long_factor": [2.0] * 4}  # as a GGUF file with one set of divisors is read
    assert (
        rotation_border(rotated(rope_type="longrope", factor=1.0, original_max_position_embeddings=BORDER, **same))
        is None
    )


def test_a_dynamic_rotation_ends_where_it_would_begin_to_change():
    lm = rotated(rope_type="dynamic", factor=4.0, original_max_position_embeddings=128)
    assert context_of(lm) == 256
    with pytest.raises(UserError, match="reads at most 256"):
        lm.inputs("one two three " * 200)
