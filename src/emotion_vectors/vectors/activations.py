"""Mean residual-stream activations of texts, all layers in one pass.

In: tokenised texts with the token range to average over. Out: (texts, n + 1, d) float32 means, where entry 0 of the
layer axis is the embedding and entry l + 1 the output of block l. Source: paper, emotion vectors: mean over the story's
tokens from the 50th on. Shards of texts are pure functions, so they may run anywhere and be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from emotion_vectors.lm import forward
from emotion_vectors.lm.model import LanguageModel

Text = tuple[Sequence[int], tuple[int, int]]
"""Token ids of a text and the half-open token range to read."""

STORIES_PER_SHARD = 256  # fixed: a shard is a unit of resuming and must not depend on the machine
TOKENS_PER_TEXT = 32  # of each neutral text for per-token components


class Means(NamedTuple):
    """Pooled activations of some texts."""

    means: np.ndarray  # (texts, n + 1, d) float32
    norms: np.ndarray  # (texts, n + 1) float32: mean residual norm over the same tokens
    tokens: np.ndarray  # (texts,) tokens averaged


class GroupSums(NamedTuple):
    """Streaming sums over texts: memory grows with groups, not with texts."""

    sums: np.ndarray  # (groups, n + 1, d) float64: sum over texts of their means
    counts: np.ndarray  # (groups,) texts
    norm_sums: np.ndarray  # (n + 1,) float64: residual norm summed over tokens
    tokens: int

    def add(self, other: GroupSums) -> GroupSums:
        """Sums of both sets of texts."""
        return GroupSums(
            self.sums + other.sums,
            self.counts + other.counts,
            self.norm_sums + other.norm_sums,
            self.tokens + other.tokens,
        )


def pool(
    lm: LanguageModel,
    texts: Sequence[Text],
    tokens_per_batch: int = 4096,
    advance: Callable[[float], None] = lambda _: None,
    side: str = "right",
) -> Means:
    """Average the residual stream of each text (ids, half-open token range) over its range, at every layer.

    Texts of similar length share a batch of at most `tokens_per_batch` padded tokens; the order of the result is that
    of `texts`. `advance` gets the number of tokens read.
    """
    depth, width = lm.n_layers + 1, lm.hidden_size
    means = np.empty((len(texts), depth, width), dtype=np.float32)
    norms = np.empty((len(texts), depth), dtype=np.float32)
    for rows in batches([len(ids) for ids, _ in texts], tokens_per_batch):
        batch = forward.pad([texts[row][0] for row in rows], lm.device, lm.pad_id, side)
        weights = _weights(batch, [texts[row][1] for row in rows])
        sums = torch.empty((len(rows), depth, width), device=lm.device)
        lengths = torch.empty((len(rows), depth), device=lm.device)

        def take(
            layer: int,
            residual: torch.Tensor,
            sums: torch.Tensor = sums,
            lengths: torch.Tensor = lengths,
            weights: torch.Tensor = weights,
        ) -> None:
            exact = residual.float()
            sums[:, layer + 1] = torch.bmm(weights[:, None], exact)[:, 0]
            lengths[:, layer + 1] = (torch.linalg.vector_norm(exact, dim=-1) * weights).sum(dim=1)

        _read_all_layers(lm, batch, take)
        means[rows], norms[rows] = sums.cpu().numpy(), lengths.cpu().numpy()
        advance(sum(len(texts[row][0]) for row in rows))
    return Means(means, norms, np.array([last - first for _, (first, last) in texts]))


def token_rows(
    lm: LanguageModel,
    texts: Sequence[Text],
    per_text: int = TOKENS_PER_TEXT,
    tokens_per_batch: int = 4096,
    advance: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Residuals (rows, n + 1, d) float32 of up to `per_text` evenly spaced tokens of each text's range, unaveraged."""
    collected: list[np.ndarray | None] = [None] * len(texts)
    for rows in batches([len(ids) for ids, _ in texts], tokens_per_batch):
        batch = forward.pad([texts[row][0] for row in rows], lm.device, lm.pad_id)
        chosen = [
            np.unique(np.linspace(a, b - 1, min(per_text, b - a)).astype(int)) for a, b in (texts[r][1] for r in rows)
        ]
        layers: list[list[np.ndarray]] = [[] for _ in rows]

        def take(
            _: int, residual: torch.Tensor, chosen: list[np.ndarray] = chosen, layers: list[list[np.ndarray]] = layers
        ) -> None:
            for row, tokens in enumerate(chosen):
                layers[row].append(residual[row, tokens].float().cpu().numpy())

        _read_all_layers(lm, batch, take)
        for row, parts in zip(rows, layers, strict=True):
            collected[row] = np.stack(parts, axis=1)
        advance(sum(len(texts[row][0]) for row in rows))
    return np.concatenate([part for part in collected if part is not None])


def _read_all_layers(lm: LanguageModel, batch: forward.Batch, take: Callable[[int, torch.Tensor], None]) -> None:
    """One forward pass that shows `take` the embedding (layer -1) and the output of every block."""
    with (
        torch.inference_mode(),
        forward.watch_embedding(lm, lambda residual: take(-1, residual)),
        forward.watch_blocks(lm, range(lm.n_layers), take) as fired,
        forward.stop_after(lm, lm.n_layers - 1),
    ):
        forward.run(lm, batch)
    if fired != [1] * lm.n_layers:
        raise RuntimeError(f"capture hooks fired {fired} times in one pass, expected once per block")


def group_sums(pooled: Means, groups: Sequence[int], n_groups: int) -> GroupSums:
    """Sum the texts' means by group (emotion index)."""
    _, depth, width = pooled.means.shape
    sums, index = np.zeros((n_groups, depth, width)), np.asarray(groups)
    np.add.at(sums, index, pooled.means.astype(np.float64))
    norm_sums = (pooled.norms.astype(np.float64) * pooled.tokens[:, None]).sum(axis=0)
    return GroupSums(sums, np.bincount(index, minlength=n_groups), norm_sums, int(pooled.tokens.sum()))


def batches(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Rows grouped by similar length so that a padded batch has at most `tokens_per_batch` tokens (or one row)."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row], reverse=True)
    groups: list[list[int]] = []
    for row in order:
        # Rows come longest first, so the first row of a group gives its padded width.
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= tokens_per_batch:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _weights(batch: forward.Batch, ranges: Sequence[tuple[int, int]]) -> torch.Tensor:
    """(b, t) weights that average over each row's token range; ranges count real tokens, whatever the padding side."""
    first = torch.tensor([a for a, _ in ranges], device=batch.ids.device)[:, None]
    last = torch.tensor([b for _, b in ranges], device=batch.ids.device)[:, None]
    inside = (batch.positions >= first) & (batch.positions < last) & batch.mask.bool()
    return inside.float() / inside.sum(dim=1, keepdim=True)
