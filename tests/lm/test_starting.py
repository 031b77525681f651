"""A pass that starts after a block gives the steered logits of the whole pass; test_families.py has every family's first block."""

import pytest
import torch
from tiny import ARCHITECTURES, tiny

from emotion_vectors.doctor.bench import plain_hooks
from emotion_vectors.lm import starting


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_pass_can_start_after_any_block(kind):
    lm = tiny(kind)
    assert [starting.begin_of(lm, layer) for layer in range(lm.n_layers)] == [*range(lm.n_layers)]


@pytest.mark.parametrize("begin", [-1, 0, 2])
@pytest.mark.parametrize("layers", [(2,), (2, 3)], ids=str)
def test_the_rest_of_a_pass_is_that_of_plain_hooks(begin, layers):
    lm, generator = tiny(), torch.Generator().manual_seed(0)
    ids = torch.randint(300, 900, (1, 9), generator=generator)
    vectors = {layer: torch.randn(1, lm.hidden_size, generator=generator) * 3 for layer in layers}
    touched = torch.tensor([False] * 4 + [True] * 3 + [False] * 2)
    with torch.no_grad(), plain_hooks(lm) as seen:
        plain = lm.model(ids, use_cache=False).logits
    residual = None if begin < 0 else seen[begin].clone()
    change = {layer: lambda x, v=vector: x + touched[None, :, None] * v for layer, vector in vectors.items()}
    with torch.no_grad(), plain_hooks(lm, change):
        expected = lm.model(ids, use_cache=False).logits
    with torch.no_grad(), starting.steered(lm, begin, residual, vectors, touched):
        found = lm.model(ids, use_cache=False).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert (expected - plain).abs().max() > 0.01
