"""Plain passes over a whole text, for the tests of continuations and answers."""

import torch

LAYER = 2


def plain(lm, ids, vector, touched):
    """Log probabilities (t, v) after every token, with `vector` added to the output of block LAYER at some positions."""

    def hook(_, __, output):
        state = (output[0] if isinstance(output, tuple) else output).clone()
        state[0, touched] += torch.from_numpy(vector).to(state.dtype)
        return (state, *output[1:]) if isinstance(output, tuple) else state

    handle = lm.parts.blocks[LAYER].register_forward_hook(hook)
    try:
        with torch.no_grad():
            return torch.log_softmax(lm.model(input_ids=torch.tensor([ids])).logits[0].double(), dim=-1)
    finally:
        handle.remove()
