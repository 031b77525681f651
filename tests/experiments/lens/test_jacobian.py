"""Words that later blocks turn to are read by the Jacobian lens and not by the logit lens."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from stages.fitting import lab_of
from transformers import LlamaConfig, LlamaForCausalLM

from emotion_vectors.experiments.lens import jacobian as lens
from emotion_vectors.experiments.lens import measure
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.stages import jacobian as stage
from tests.tiny import tiny

LAYER = 1


WIDTH, DRIVE, EPSILON = 64, 128.0, 1e6


def turning(seed=0):
    """A model whose blocks 2 and 3 turn all but the first coordinate, by a rotation each, and the rotation of both (64, 64).

    Linear by construction: an epsilon so large that a norm is a constant, attention of zeros, gated units with a constant gate.
    """
    base, generator = tiny.__wrapped__("llama"), np.random.default_rng(seed)
    config = LlamaConfig(
        vocab_size=len(base.tokenizer), hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=4, num_attention_heads=4,
        rms_norm_eps=EPSILON, tie_word_embeddings=False, pad_token_id=1, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model, both = LlamaForCausalLM(config).float().eval().requires_grad_(False), np.eye(WIDTH)
    for name, parameter in model.named_parameters():
        parameter.fill_(math.sqrt(EPSILON) if "norm" in name else 0.0)
    embedding = generator.standard_normal((len(base.tokenizer), WIDTH)) / 8
    embedding[:, 0] = 1
    model.model.embed_tokens.weight.copy_(torch.from_numpy(embedding))
    for block in model.model.layers[2:]:
        rotation = np.eye(WIDTH)
        rotation[1:, 1:] = np.linalg.qr(generator.standard_normal((WIDTH - 1, WIDTH - 1)))[0]
        block.mlp.gate_proj.weight[:, 0] = DRIVE
        block.mlp.up_proj.weight.copy_(torch.eye(WIDTH))
        block.mlp.down_proj.weight.copy_(torch.from_numpy((rotation - np.eye(WIDTH)) / DRIVE))
        both = rotation @ both
    lm = dataclasses.replace(base, model=model, parts=find_parts(model))
    return lm, both


def judged(lm, names, vectors, transport):
    static = np.random.default_rng(9).standard_normal(vectors.shape)
    logit, _ = measure.run(lm, names, vectors, static, measure.Pairs(), dict.fromkeys(names, "positive"), 20, False, 200, 0)  # fmt: skip
    hits = [row.hit for row in logit.emotions]
    return logit, lens.run(lm, names, vectors, static, transport, hits, 20, False, 200, 0)


def named(lm, count):
    """Words that are one token, and the token of each."""
    found = {lm.tokenizer.decode([i])[1:]: i for i in range(len(lm.tokenizer)) if lm.tokenizer.decode([i])[:1] == " "}
    words = sorted(word for word in found if word.isalpha() and word.islower() and len(word) > 3)[:count]
    return words, [found[word] for word in words]


def planted(tmp_path, words_are_said_at_the_end):
    """The turning model with random rows of 40 words: read at the last layer where they are said at the end, else at layer 1."""
    lm, both = turning()
    names, tokens = named(lm, 40)
    drawn = np.random.default_rng(2).standard_normal((len(names), WIDTH))
    drawn[:, 0] = 0
    rows = torch.from_numpy(np.random.default_rng(3).standard_normal(lm.parts.head.weight.shape)).float()
    rows[tokens] = torch.from_numpy(drawn @ both.T if words_are_said_at_the_end else drawn).float()
    lm.parts.head.weight.copy_(rows)
    lab = lab_of(lm, tmp_path, 4)
    stage.fit_jacobian(lab)
    return lm, names, drawn, both, stage.kept_jacobian(lab)


def test_words_that_later_blocks_turn_to_are_read_by_the_jacobian_lens_and_not_by_the_logit_lens(tmp_path):
    lm, names, vectors, both, transport = planted(tmp_path, True)
    np.testing.assert_allclose(transport.jacobian[1:, 1:], both[1:, 1:], atol=1e-3)
    logit, found = judged(lm, names, vectors, transport)
    assert logit.count <= 3 and found.count == found.of == 40
    assert found.p == 1 / 201 and found.dealt < 3 and found.random < 3 and found.static < 4
    low, high = found.interval
    assert low > 35 and high == pytest.approx(40)
    assert found.against_logit.jacobian_only == 40 - logit.count and found.against_logit.p < 1e-6
    assert found.against_static.vectors_only == 40 - found.static
    assert found.lowest_agreement > 0.999 and abs(found.kept) < 0.5
    assert all(row.best_rank == 1 and row.top[0] == f" {row.emotion}" for row in found.emotions)


def test_words_that_lie_at_the_analysis_layer_are_read_by_the_logit_lens_alone(tmp_path):
    lm, names, vectors, _, transport = planted(tmp_path, False)
    logit, found = judged(lm, names, vectors, transport)
    assert logit.count == 40 and found.count <= 3 and found.p > 0.05
    assert found.against_logit.logit_only >= 37 and found.against_logit.p < 1e-6


def test_through_an_identity_it_is_the_logit_lens():
    lm = tiny()
    names, tokens = named(lm, 30)
    vectors = lm.parts.head.weight[tokens].double().numpy() + np.random.default_rng(4).standard_normal((30, 32))
    same = lens.Transport(np.eye(32), np.stack([np.eye(32)] * 2), 2, 100, "0")
    logit, found = judged(lm, names, vectors, same)
    assert found.count == logit.count > 0 and found.other.count == logit.other.count
    assert [row.best_rank for row in found.emotions] == [row.best_rank for row in logit.emotions]
    controls = {row.what: row.count for row in logit.baselines}
    assert found.dealt == controls["words shuffled over the emotions' vectors"]
    assert found.random == controls["random directions"] and found.static == controls["token embeddings of the stories"]
    assert found.against_static == logit.against_static and found.against_logit.p == 1
    assert found.kept == pytest.approx(1)


def test_halves_that_say_the_opposite_do_not_agree():
    lm = tiny()
    names, tokens = named(lm, 12)
    vectors, eye = lm.parts.head.weight[tokens].double().numpy(), np.eye(32)
    # A mean of halves that cancel for one direction only.
    first = vectors[0] / np.linalg.norm(vectors[0])
    other = eye - 2 * np.outer(first, first)
    _, found = judged(lm, names, vectors, lens.Transport((eye + other) / 2, np.stack([eye, other]), 2, 100, "0"))
    assert found.emotions[0].agreement == pytest.approx(-1) == found.lowest_agreement and found.agreement > 0
    assert not found.emotions[0].hit  # J makes nothing of it
