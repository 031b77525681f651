"""Vectors for the tiny models, and plain code that steers and reads them slowly: one row, no cache, its own hooks."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.reliability import Reliability

EMOTIONS = ("calm", "angry", "on edge")


def make_vectors(layers=4, width=32, centre=True, seed=0):
    """Random vectors that fit the tiny models; every layer and emotion has its own length."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(size=(layers, len(EMOTIONS), width)).astype(np.float32) * 3
    projected = (raw + generator.normal(size=raw.shape)).astype(np.float32)
    norms = np.linspace(4, 9, layers).astype(np.float32)
    middle = generator.normal(size=(layers, width)).astype(np.float32) if centre else None
    header = {"model": "tiny", "model_sha256": "0"}
    return EmotionVectors(EMOTIONS, raw, projected, raw[0], norms, 2, "projected", header, middle)


def plain_pass(lm, ids, added=()):
    """Logits (t, v) and block outputs {layer: (t, d)} of one row without a cache.

    `added`: (layer, vector (d,), columns) to add to the residual stream.
    """
    seen, handles = {}, []
    for layer, block in enumerate(lm.parts.blocks):

        def hook(module, arguments, output, layer=layer):
            state = (output[0] if isinstance(output, tuple) else output).clone()
            for where, vector, columns in added:
                if where == layer:
                    for column in columns:
                        state[0, column] += torch.from_numpy(np.asarray(vector, dtype=np.float32))
            seen[layer] = state[0].numpy().copy()
            return (state, *output[1:]) if isinstance(output, tuple) else state

        handles.append(block.register_forward_hook(hook))
    try:
        with torch.no_grad():
            logits = lm.model(torch.tensor([list(ids)]), use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return logits.numpy(), seen


def plain_greedy(lm, ids, steps, vectors_at, columns_of):
    """Greedy answer that reads everything again for every token: generated ids and the logits of each step (steps, v).

    `vectors_at`: (layer, vector) pairs; `columns_of(width)` gives the steered columns of a sequence of that width.
    """
    ids, rows = list(ids), []
    for _ in range(steps):
        columns = columns_of(len(ids))
        logits, _ = plain_pass(lm, ids, [(layer, vector, columns) for layer, vector in vectors_at])
        rows.append(logits[-1])
        ids.append(int(logits[-1].argmax()))
    return ids[-steps:], np.stack(rows)


def agreeing(vectors, r=0.6):
    """The same vectors, of a file that says that both halves of their texts gave directions with this r for every emotion."""
    found = Reliability(r, 2 * r / (1 + r), 0.001, 0.0, 0.1, "of the topics", 6, 60, (r,) * len(vectors.emotions))
    return dataclasses.replace(vectors, header=vectors.header | {"reliability": found.header(vectors.emotions)})
