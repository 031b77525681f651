"""The logit lens is the model's own norm and unembedding, in float32."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors.experiments.lens import measure as lens
from emotion_vectors.lm.architecture import find_parts


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox"])
def test_projection_equals_plain_torch(kind):
    lm = tiny(kind)
    rows = np.random.default_rng(0).standard_normal((3, 32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    head, norm = lm.model.get_output_embeddings().weight.double(), lm.parts.norm
    for through in (False, True):
        found = lens.project(lm, rows, through)
        for row, logits in zip(rows, found, strict=True):
            x = torch.tensor(row)
            if through and kind == "gpt_neox":
                x = (x - x.mean()) / (x.var(unbiased=False) + norm.eps).sqrt() * norm.weight + norm.bias
            elif through:
                gain = norm.weight.double() + (1 if kind == "gemma2" else 0)
                epsilon = getattr(norm, "variance_epsilon", None) or norm.eps
                x = x / ((x**2).mean() + epsilon).sqrt() * gain
            expected = torch.tensor([float((w * x).sum()) for w in head])
            np.testing.assert_allclose(logits.numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_the_lens_is_float32_whatever_the_dtype_of_the_model(kind):
    """The final norm of a bfloat16 model: its weights as they are, everything else in float32."""
    lm = tiny(kind)
    half = lm.model.__class__(lm.model.config).to(torch.bfloat16)
    half.load_state_dict(lm.model.state_dict())
    low = dataclasses.replace(lm, model=half, parts=find_parts(half), dtype=torch.bfloat16)
    rows = np.random.default_rng(0).standard_normal((3, 32))
    gain = low.parts.norm.weight.float().detach() + (1 if kind == "gemma2" else 0)
    for row, logits in zip(rows, lens.project(low, rows, True), strict=True):
        x = torch.tensor(row).float()
        epsilon = getattr(low.parts.norm, "variance_epsilon", None) or low.parts.norm.eps
        expected = low.parts.head.weight.float() @ (x / ((x**2).mean() + epsilon).sqrt() * gain)
        np.testing.assert_allclose(logits.numpy(), expected.detach(), rtol=1e-5, atol=1e-5)
    assert next(low.parts.norm.parameters()).dtype == torch.bfloat16, "the model itself stays as it is"
