"""A tiny model, random vectors that fit it, and steering it the plain way: a hook on each block, no code of ours."""

from contextlib import contextmanager

import numpy as np
import torch
from tiny import tiny

from emotion_vectors.vectors.file import EmotionVectors

EMOTIONS = ("calm", "on edge", "angry")


def some_vectors(n_layers=4, width=32, layer=2):
    generator = np.random.default_rng(0)
    raw = generator.normal(size=(n_layers, len(EMOTIONS), width)).astype(np.float32)
    norms = np.array([3.0, 5.0, 7.0, 11.0], dtype=np.float32)[:n_layers]
    header = {"model": "tiny", "model_sha256": "0" * 64, "stories": [2, 3, 4], "neutral_components": [1] * n_layers}
    return EmotionVectors(EMOTIONS, raw, raw * 0.5, raw[0], norms, layer, "raw", header)


def expected(vectors, mix, layer, share):
    """What strength 1 adds at a layer, by the definition and one emotion at a time."""
    total = np.zeros(vectors.raw.shape[2])
    for name, part in mix.items():
        row = vectors.raw[layer, EMOTIONS.index(name)].astype(float)
        total += part * row / np.sqrt((row**2).sum())
    return total * float(vectors.residual_norm[layer]) * share


@contextmanager
def added(model, layers):
    """The transformers model with `layers` (block -> vector) added to the output of its blocks at every position."""
    handles = []
    for layer, vector in layers.items():

        def hook(_, __, output, vector=torch.as_tensor(np.asarray(vector), dtype=torch.float32)):
            return (output[0] + vector, *output[1:]) if isinstance(output, tuple) else output + vector

        handles.append(model.get_decoder().layers[layer].register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def logits(layers=None):
    """Logits (t, v) of the tiny Llama for ten tokens, plain or with vectors added."""
    model = tiny("llama").model
    ids = torch.arange(2, 12)[None]
    with torch.inference_mode(), added(model, layers or {}):
        return model(input_ids=ids).logits[0].numpy()
