"""Texts of the toy tokenizer's own words, and a tiny model in which one word carries a known direction."""

from __future__ import annotations

import copy

import numpy as np
import torch
from tiny import tiny
from vectors.worlds import make_vectors

from emotion_vectors.lm.messages import converse
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.neutral import Read, neutral_scores


def words(lm):
    """Words that are one token each."""
    pieces = sorted(
        piece for piece in lm.tokenizer.get_vocab() if piece.startswith("Ġ") and len(piece) > 4 and piece[1:].isalpha()
    )
    return [piece[1:] for piece in pieces]


def sentence(lm, seed, length, extra=""):
    """A text of so many words, with `extra` in its middle."""
    marked = planted_word(lm)
    chosen = list(np.random.default_rng(seed).choice([word for word in words(lm) if word != marked], length))
    return " ".join([*chosen[: length // 2], *([extra] if extra else []), *chosen[length // 2 :]])


def planted_word(lm):
    """The word that carries the direction."""
    return words(lm)[7]


def planted(emotion=0, size=20.0):
    """A model whose planted word has the direction of an emotion at the analysis layer in its embedding; and the vectors."""
    lm, vectors = copy.deepcopy(tiny()), make_vectors()
    token = lm.tokenizer.get_vocab()["Ġ" + planted_word(lm)]
    lm.model.get_input_embeddings().weight.data[token] += torch.from_numpy(vectors.unit()[emotion]) * size
    return lm, vectors


def calibrated(lm, vectors, count=24):
    """The calibration by neutral sentences, made as the stage makes it."""
    forms = []
    for chat in (False, True):
        reads = []
        for seed in range(count):
            text = sentence(lm, 1000 + seed, 40 + seed)
            made = converse(lm, [{"role": "user", "content": text}] if chat else text)
            span = made.messages[0]
            reads.append(Read(made.ids, (span.first, span.last), len(made.ids) - 1))
        units = np.stack([vectors.unit(layer) for layer in range(4)])
        forms.append(
            neutral_scores(
                lm, reads, range(count), units, np.broadcast_to(vectors.centre, (count, *vectors.centre.shape)).copy()
            )
        )
    return Calibration(np.sort(np.stack(forms), axis=-1), vectors.centre)
