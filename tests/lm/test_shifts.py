"""Mass, entropy and divergence of whole answers: against scipy, one distribution at a time."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from tiny import tiny

from emotion_vectors.lm import shifts

TOKENS = (300, 301)


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
@pytest.mark.parametrize("at_once", [256, 2])
def test_they_are_those_of_the_plain_head(kind, at_once, monkeypatch):
    """gemma2 caps its logits."""
    monkeypatch.setattr(shifts, "ROWS_AT_ONCE", at_once)
    lm, generator = tiny(kind), torch.Generator().manual_seed(0)
    before, after = torch.randn(5, 32, generator=generator), torch.randn(3, 5, 32, generator=generator)
    collected = shifts.Shifts(lm, TOKENS)
    for some in (slice(0, 2), slice(2, 5)):
        collected.add(before[some], after[:, some])
    found = collected.fetch().numpy()

    def plain(residual):
        logits = lm.model.lm_head(residual).double()
        if kind == "gemma2":
            logits = 3.0 * torch.tanh(logits / 3.0)
        return logits.numpy(), torch.softmax(logits, -1).numpy()

    assert found.shape == (3, 5, 5)
    for row in range(3):
        for prompt in range(5):
            logits, q = plain(after[row, prompt])
            p = plain(before[prompt])[1]
            expected = [*logits[list(TOKENS)], q[list(TOKENS)].sum(), entropy(q), entropy(q, p)]
            np.testing.assert_allclose(found[row, prompt], expected, atol=2e-4, rtol=1e-4)


def test_an_answer_that_is_not_moved_has_no_divergence():
    lm, before = tiny(), torch.randn(4, 32, generator=torch.Generator().manual_seed(1))
    assert float(shifts.shifts(lm, before, before[None], TOKENS)[..., 2].abs().max()) < 1e-6
