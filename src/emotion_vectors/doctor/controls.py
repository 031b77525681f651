"""Whether a random direction is as hard a push as an emotion vector of the same length.

Norms weigh the coordinates of the residual stream, so equal lengths there need not be equal for what reads it. Then steering with
random directions says little about steering with emotion vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from emotion_vectors.doctor.bench import STRENGTH
from emotion_vectors.doctor.check import Check, Finding, make_check
from emotion_vectors.lm import forward
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.uncompiled import uncompiled
from emotion_vectors.stats.nulls import random_directions
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors

TEXT = "The bus leaves at ten past four. The shop on the corner sells bread, tea and batteries."
MOST = 32  # directions of each kind
LIMIT = 2.0  # times as hard, in either direction


def check_controls(lm: LanguageModel, vectors: EmotionVectors) -> Check:
    """Random directions against emotion vectors of the same length, in what the next block reads."""
    layer = vectors.layer
    emotions = unit(vectors.at().astype(np.float64))[:MOST]
    drawn = random_directions(len(emotions), emotions.shape[1], seed=0)
    size = STRENGTH * float(vectors.residual_norm[layer])
    reach = heard(lm, layer, torch.from_numpy(np.concatenate([emotions, drawn]) * size).float())
    own, random = (float(np.median(part)) for part in np.split(reach, 2))
    times = random / own if own > 0 else float("inf")
    where = f"what layer {layer + 1} reads" if layer + 1 < lm.n_layers else "what the unembedding reads"
    detail = f"Random directions change {where} {times:.3g} times as much as emotion vectors of the same length"
    good = 1 / LIMIT <= times <= LIMIT
    advice = (
        "."
        if good
        else "; compare steering with shuffled-label directions, because random ones do not push equally hard in this model."
    )
    finding = Finding(times, LIMIT, good, detail + advice)
    return make_check("control_reach", "Random directions push as hard as emotion vectors", "warn", finding)


@torch.inference_mode()
def heard(lm: LanguageModel, layer: int, vectors: torch.Tensor) -> np.ndarray:
    """(n,): how far each of `vectors` (n, d), added at every token of the output of block `layer`, moves what is read next.

    That is the input of the first linear map after the block; the mean length of its change over the tokens.
    """
    ids = torch.tensor([lm.tokenizer(TEXT)["input_ids"]], device=lm.device)
    added = torch.cat([torch.zeros_like(vectors[:1]), vectors]).to(lm.device, lm.dtype)[:, None]
    reader = lm.parts.blocks[layer + 1] if layer + 1 < lm.n_layers else lm.parts.head
    with forward.watch_blocks(lm, [layer], lambda _, residual: residual + added), _first_input(reader) as inputs:
        lm.model(ids.expand(len(added), -1), use_cache=False)
    (read,) = inputs
    return (read[1:] - read[:1]).norm(dim=-1).mean(dim=-1).cpu().numpy()


@contextmanager
def _first_input(reader: nn.Module) -> Iterator[list[torch.Tensor]]:
    """The input (b, t, d), in float32, of the first linear map in `reader` that is called."""
    inputs: list[torch.Tensor] = []

    def look(_: nn.Module, given: tuple[Any, ...]) -> None:
        if not inputs:
            inputs.append(given[0].float())

    handles = [part.register_forward_pre_hook(look) for part in reader.modules() if isinstance(part, nn.Linear)]
    try:
        with uncompiled():
            yield inputs
    finally:
        for handle in handles:
            handle.remove()
