"""Every family loads with all its weights, or is refused with the reason."""

import pytest
import torch
from families import BY_NAME, FAMILIES, tiny_model

from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import LanguageModel
from lm.readable import rows_of

pytestmark = pytest.mark.slow  # a thousand tests; seven of the architectures are in test_choices and test_decode too


WORKING = [family.name for family in FAMILIES if family.how != "refused"]


REFUSED = [family.name for family in FAMILIES if family.how == "refused"]


def test_it_loads_with_all_its_weights(loaded):
    _, model, lm = loaded
    ids = torch.tensor([rows_of(lm)[1][0]])
    with torch.no_grad():
        torch.testing.assert_close(lm.model(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_why(name):
    model, tokenizer = tiny_model(name)
    with pytest.raises(UserError, match=BY_NAME[name].reason) as caught:
        LanguageModel.of(model, tokenizer)
    assert "\n" not in str(caught.value)
