"""GGUF files for the tests of their readers."""

import torch

from emotion_vectors import load_model

TEXT = "The thing is that 12 or 345 others went in, and another hour there was nothing. "


def loaded(path, cache):
    return load_model(str(path), "cpu", "float32", cache)


def logits(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


def difference(path, model, cache, times=4):
    """Largest difference of the logits of the file, as loaded, and of the plain model that it was written from."""
    lm = loaded(path, cache)
    ids = lm.tokenizer(TEXT * times)["input_ids"]
    return float((logits(lm.model, ids) - logits(model, ids)).abs().max())


def frequencies(lm):
    rotation = lm.model.model.rotary_emb
    return rotation.inv_freq.double().numpy(), rotation.attention_scaling
