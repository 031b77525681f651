"""Log probabilities are the model's own and add up to one."""

import pytest
import torch

from emotion_vectors import load_model
from emotion_vectors.lm import readout
from lm.saved import SCALED, saved


@pytest.mark.parametrize("kind", SCALED)
def test_log_probabilities_are_the_models_own_where_it_scales_its_logits(tmp_path, kind):
    model = saved(tmp_path, kind)
    lm = load_model(str(tmp_path), "cpu", "float32")
    ids = torch.tensor([lm.tokenizer("The letter has come at last.")["input_ids"]])
    with torch.inference_mode():
        own = torch.log_softmax(model(ids).logits.float(), dim=-1)[0]
        hidden = lm.parts.body(input_ids=ids, use_cache=False).last_hidden_state[0]
    torch.testing.assert_close(readout.log_probabilities(lm, hidden), own, atol=1e-4, rtol=0)
    two = readout.logits_of(lm, hidden, [3, 5]) - readout.log_normaliser(lm, hidden)[:, None]
    torch.testing.assert_close(two, own[:, [3, 5]], atol=1e-4, rtol=0)


def test_probabilities_add_up_to_one_in_half_precision_as_well(tmp_path):
    """The normaliser is not rounded to the model's precision while the logits of A and B are not."""
    saved(tmp_path)
    lm = load_model(str(tmp_path), "cpu", "bfloat16")
    hidden = torch.randn(50, lm.hidden_size, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    every = readout.logits_of(lm, hidden, range(lm.parts.head.weight.shape[0]))
    own = torch.logsumexp(every.double(), dim=-1)
    torch.testing.assert_close(readout.log_normaliser(lm, hidden, words_at_once=100).double(), own, atol=1e-5, rtol=0)
