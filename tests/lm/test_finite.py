"""What is not finite is no result."""

import pytest
import torch
from tiny import tiny

from emotion_vectors.lm.finite import NotFiniteError
from lm.fitted import fitted

IDS = torch.randint(2, 500, (31,), generator=torch.Generator().manual_seed(3)).tolist()


def test_what_is_not_finite_is_no_result():
    lm = tiny.__wrapped__("llama")
    lm.parts.blocks[3].mlp.down_proj.weight.data[0, 0] = float("inf")
    with pytest.raises(NotFiniteError, match="The derivatives"):
        fitted(lm, 1)
