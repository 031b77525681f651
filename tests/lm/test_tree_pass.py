"""Prompts share a tree where the model can read one."""

import numpy as np
import pytest
import torch
from families import BY_NAME, FAMILIES, built

from emotion_vectors.lm import choices, forward, tree_pass
from emotion_vectors.lm.model import LanguageModel
from lm.readable import plain

pytestmark = pytest.mark.slow  # a thousand tests; seven of the architectures are in test_choices and test_decode too


WORKING = [family.name for family in FAMILIES if family.how != "refused"]


TOLERANCE = 1e-4


TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("


OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "help a gang"]


def test_prompts_share_a_tree_where_the_model_can_read_one(asked):
    family, _, lm, prepared = asked
    assert prepared.together == tree_pass.obeys_masks(lm) == (family.how == "packed")


def test_a_model_that_passes_over_the_mask_reads_prompts_row_by_row(monkeypatch):
    """The trial finds out what no list names: attention that passes over the mask it is given."""
    model, tokenizer = built(BY_NAME["Llama 2, 3"])
    lm = LanguageModel.of(model, tokenizer)
    real = forward.run_with_mask
    assert tree_pass.obeys_masks(lm)
    tree_pass._obeying.clear()
    monkeypatch.setattr(forward, "run_with_mask", lambda lm, ids, positions, allowed, cache=None: real(
        lm, ids, positions, torch.ones_like(allowed).tril(allowed.shape[-1] - allowed.shape[-2]), cache))  # fmt: skip
    assert not tree_pass.obeys_masks(lm)
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    baseline = choices.read_baseline(lm, prepared)
    logits = plain(model, lm.n_layers, prepared.prompts[2, 1].ids)[0]
    np.testing.assert_allclose(baseline.logits[2, 1], logits[list(prepared.tokens)], atol=TOLERANCE, rtol=TOLERANCE)
