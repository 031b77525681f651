"""Passes over the pieces of a packed tree, and whether a model can be read in that way: tried once per model.

A tree needs a model that obeys an attention mask given to it. Recurrent layers and convolutions hand on what is before them whatever
the mask says, and some attention counts distances by columns (ALiBi). Such a model reads every prompt in a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel

from emotion_vectors.lm import forward
from emotion_vectors.lm.architecture import mixes_beside_attention
from emotion_vectors.lm.memory import is_out_of_memory
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.packed import MOST_NOISE, NOISES, TOLERANCE
from emotion_vectors.lm.trees import Piece, Tree, pack

TRIAL = (12, 9, 15, 11, 8, 13)  # tokens of each branch of the tree that a model is tried on, after a prefix of PREFIX
PREFIX = 7
_obeying: WeakKeyDictionary[PreTrainedModel, bool] = WeakKeyDictionary()


def run_piece(
    lm: LanguageModel, tree: Tree, piece: Piece, count: int, cache: DynamicCache | None, masked: bool = True
) -> torch.Tensor:
    """Final-norm residuals (m, k, d) at the k answers of a piece that is run `count` = m times, as m * r rows.

    `masked`: with the piece's attention mask and positions; else its rows are whole prompts, filled up on the right.
    """
    rows, columns = piece.tokens.shape
    ids, positions = (indices(lm, values[piece.tokens]).repeat(count, 1) for values in (tree.ids, tree.positions))
    # Of a piece without answers only keys and values are wanted.
    read = piece.read if len(piece.read) else np.zeros(1, int)
    places = (indices(lm, read) + rows * columns * torch.arange(count, device=lm.device)[:, None]).flatten()
    with forward.last_block_at(lm, places):
        if masked:
            allowed = torch.from_numpy(piece.allowed).to(lm.device)
            hidden = forward.run_with_mask(lm, ids, positions, allowed, cache)
        else:
            hidden = forward.run_unmasked(lm, ids)
    return hidden.flatten(0, 1)[places].view(count, len(read), -1)


def indices(lm: LanguageModel, values: np.ndarray) -> torch.Tensor:
    """Whole numbers as an index on the model's device."""
    return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(lm.device)


def obeys_masks(lm: LanguageModel) -> bool:
    """Whether packed prompts give this model's own numbers, so that prompts may share a tree. Tried once per model."""
    if lm.model not in _obeying:
        _obeying[lm.model] = not mixes_beside_attention(lm.model, lm.parts.blocks) and _agrees(lm)
    return _obeying[lm.model]


@torch.inference_mode()
def _agrees(lm: LanguageModel) -> bool:
    """Whether some prompts of one tree are read as each alone, in one row and in rows that start from the prefix's cache."""
    drawn = np.random.default_rng(0).integers(lm.embedding_rows, size=PREFIX + sum(TRIAL)).tolist()
    ends = (PREFIX + np.cumsum(TRIAL)).tolist()
    prompts = [drawn[:PREFIX] + drawn[end - length : end] for end, length in zip(ends, TRIAL, strict=True)]
    tree = pack(prompts)
    alone = [forward.run(lm, forward.pad([prompt], lm.device, lm.pad_id))[0, -1] for prompt in prompts]
    batch = forward.pad(prompts, lm.device, lm.pad_id)
    padded = forward.run(lm, batch)[torch.arange(len(prompts), device=lm.device), batch.last]
    noise = _away(padded, alone)
    limit = max(TOLERANCE[lm.dtype], min(NOISES * noise, MOST_NOISE[lm.dtype]))
    for branches_per_row in (len(prompts), 2):
        try:
            found = _in_pieces(lm, tree, tree.pieces(0, branches_per_row))
        except (TypeError, ValueError, RuntimeError, AttributeError, LookupError) as error:
            if is_out_of_memory(error):
                raise
            return False  # the model takes no mask of its caller's, or not of this shape
        if not _away(found, alone) <= limit:
            return False
    return True


def _in_pieces(lm: LanguageModel, tree: Tree, pieces: Sequence[Piece]) -> torch.Tensor:
    """Final-norm residuals (k, d) at the answers of a tree."""
    cache, hidden = DynamicCache() if len(pieces) > 1 else None, torch.empty(0)
    for number, piece in enumerate(pieces):
        if number and cache is not None:
            cache.batch_repeat_interleave(len(piece.tokens))
        hidden = run_piece(lm, tree, piece, 1, cache)[0]
    return hidden


def _away(found: Sequence[torch.Tensor] | torch.Tensor, exact: Sequence[torch.Tensor]) -> float:
    """Mean over the prompts of a difference's length over the residual's."""
    shares = [(a.float() - b.float()).norm() / b.float().norm() for a, b in zip(found, exact, strict=True)]
    return float(torch.stack(shares).mean())
