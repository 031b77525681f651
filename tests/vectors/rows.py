"""Texts to be read."""

import numpy as np
import torch


def texts(lm, count=40, seed=0):
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        length = int(generator.integers(3, 60))
        ids = generator.integers(5, len(lm.tokenizer), length).tolist()
        first = int(generator.integers(0, length - 1))
        rows.append((ids, (first, int(generator.integers(first + 1, length + 1)))))
    return rows


def slow_means(lm, text):
    """(n + 1, d): embedding and block outputs by `output_hidden_states`, except the last block, which a hook reads.

    The last entry of `hidden_states` is after the final norm, so it can't serve as the output of the last block.
    """
    ids, (first, last) = text
    kept = {}
    handle = lm.parts.blocks[-1].register_forward_hook(
        lambda m, a, output: kept.update(last=output[0] if isinstance(output, tuple) else output)
    )
    with torch.no_grad():
        states = list(lm.model(torch.tensor([ids]), output_hidden_states=True).hidden_states)
    handle.remove()
    states[-1] = kept["last"].reshape(1, len(ids), -1)
    return torch.stack([state[0, first:last].mean(0) for state in states]).numpy()
