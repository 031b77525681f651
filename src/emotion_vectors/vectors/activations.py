"""Mean residual-stream activations of texts, all layers in one pass.

In: tokenised texts with the token range to average over. Out: (texts, n + 1, d) float32 means, where entry 0 of the
layer axis is the embedding and entry l + 1 the output of block l. Source: paper, emotion vectors: mean over the story's
tokens from the 50th on. Shards of texts are pure functions, so they may run anywhere and be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from emotion_vectors.lm import forward
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.limits import rotation_border
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.store.stage_table import STORIES_PER_SHARD
from emotion_vectors.vectors import passes
from emotion_vectors.vectors.passes import Layout, Text, batches

__all__ = ["GroupSums", "Means", "Text", "batches", "no_sums", "pool", "pool_groups", "pool_ranges", "token_rows"]

TOKENS_PER_TEXT = 32  # of each neutral text for per-token components


class Means(NamedTuple):
    """Pooled activations of some texts."""

    means: np.ndarray  # (texts, n + 1, d) float32
    norms: np.ndarray  # (texts, n + 1) float32: mean residual norm over the same tokens
    tokens: np.ndarray  # (texts,) tokens averaged
    cosines: np.ndarray | None = None  # as `means`, of residuals at length 1; None where not asked for


class GroupSums(NamedTuple):
    """Streaming sums over texts: memory grows with groups, not with texts."""

    groups: np.ndarray  # (g,) which groups
    sums: np.ndarray  # (g, n + 1, d) float64: sum over a group's texts of their means
    counts: np.ndarray  # (g,) texts
    norm_sums: np.ndarray  # (n + 1,) float64: residual norm summed over tokens
    tokens: int

    def add(self, other: GroupSums) -> GroupSums:
        """Add the sums of other texts to these, in place; `self` has all groups, from 0 on. Returns what `self` is now."""
        self.sums[other.groups] += other.sums
        self.counts[other.groups] += other.counts
        self.norm_sums[:] += other.norm_sums
        return self._replace(tokens=self.tokens + other.tokens)


def no_sums(n_groups: int, depth: int, width: int) -> GroupSums:
    """The sums over no text, for `n_groups` groups and `depth` = n + 1 layers of `width` d."""
    counts = np.zeros(n_groups, dtype=np.int64)
    return GroupSums(np.arange(n_groups), np.zeros((n_groups, depth, width)), counts, np.zeros(depth), 0)


def pool(
    lm: LanguageModel,
    texts: Sequence[Text],
    tokens_per_batch: int | Room | None = None,
    advance: Callable[[float], None] = lambda _: None,
    layout: Layout | None = None,
    cosines: bool = False,
) -> Means:
    """Average the residual stream of each text (ids, half-open token range) over its range, at every layer.

    With `cosines` also the average of each token's residual at length 1: its dot product with a unit vector is the mean over the
    tokens of their cosines with it. Batches hold at most `tokens_per_batch` tokens (None: what is usual on the device; a `Room` remembers what fitted).
    `layout` None packs texts where the model allows it. The order of the result is that of `texts`. `advance` gets the
    number of tokens read.
    """
    depth, width = lm.n_layers + 1, lm.hidden_size
    means = np.empty((len(texts), depth, width), dtype=np.float32)
    norms = np.empty((len(texts), depth), dtype=np.float32)
    directions = np.empty_like(means) if cosines else None
    waiting: list[tuple[list[int], _Pooled]] = []

    def fetch() -> None:
        for rows, found in waiting:
            means[rows], norms[rows] = found.means.cpu().numpy(), found.norms.cpu().numpy()
            if directions is not None and found.cosines is not None:
                directions[rows] = found.cosines.cpu().numpy()
        waiting.clear()

    for rows, found in _pooled(lm, texts, tokens_per_batch, advance, layout, cosines):
        waiting.append((rows, found))
        # A GPU is asked for results now and then only, because it stands still meanwhile.
        if sum(len(some) for some, _ in waiting) >= STORIES_PER_SHARD:
            fetch()
    fetch()
    require_finite(lm, "The activations", means, norms)
    return Means(means, norms, np.array([last - first for _, (first, last) in texts]), directions)


def pool_groups(
    lm: LanguageModel,
    texts: Sequence[Text],
    groups: Sequence[int],
    layer: int,
    tokens_per_batch: int | Room | None = None,
    advance: Callable[[float], None] = lambda _: None,
) -> tuple[GroupSums, np.ndarray]:
    """The sums of `texts` by group (emotion index), and each text's mean (texts, d) float32 after block `layer`.

    As `pool`, but the means of all layers are summed on the device, in float32, and never kept for single texts. Only
    groups that have a text are in the sums.
    """
    depth, width = lm.n_layers + 1, lm.hidden_size
    present, counts = np.unique(np.asarray(groups, dtype=np.int64), return_counts=True)
    place = {int(group): row for row, group in enumerate(present)}
    sums = torch.zeros((len(present), depth, width), device=lm.device)
    norm_sums = torch.zeros(depth, device=lm.device)
    kept: list[tuple[list[int], torch.Tensor]] = []
    for rows, found in _pooled(lm, texts, tokens_per_batch, advance, None):
        where = forward.to_device(torch.tensor([place[groups[row]] for row in rows]), lm.device)
        sums.index_add_(0, where, found.means)
        norm_sums += found.norm_sums
        kept.append((rows, found.means[:, layer + 1].clone()))
    vectors = np.empty((len(texts), width), dtype=np.float32)
    for rows, some in kept:
        vectors[rows] = some.cpu().numpy()
    tokens = sum(last - first for _, (first, last) in texts)
    exact = sums.cpu().numpy().astype(np.float64)
    require_finite(lm, "The activations", exact, vectors)
    return GroupSums(present, exact, counts, norm_sums.cpu().numpy().astype(np.float64), tokens), vectors


class _Pooled(NamedTuple):
    """One batch on the device, float32: (k, n + 1, d), (k, n + 1), the norms summed over all its tokens (n + 1), and as `Means.cosines`."""

    means: torch.Tensor
    norms: torch.Tensor
    norm_sums: torch.Tensor
    cosines: torch.Tensor | None


def _pooled(
    lm: LanguageModel,
    texts: Sequence[Text],
    tokens_per_batch: int | Room | None,
    advance: Callable[[float], None],
    layout: Layout | None,
    cosines: bool = False,
) -> Iterator[tuple[list[int], _Pooled]]:
    if not texts:
        return
    room = _room(lm, tokens_per_batch)
    laid_out = layout or passes.layout_of(lm, texts)
    yield from passes.in_batches(
        texts,
        room,
        laid_out,
        lambda rows: _pool_batch(lm, [texts[row] for row in rows], laid_out, cosines),
        advance,
        rotation_border(lm),
    )


def _room(lm: LanguageModel, tokens_per_batch: int | Room | None) -> Room:
    if isinstance(tokens_per_batch, Room):
        return tokens_per_batch
    return passes.room_for(lm) if tokens_per_batch is None else passes.room_of(lm, tokens_per_batch)


@torch.inference_mode()
def _pool_batch(lm: LanguageModel, texts: Sequence[Text], layout: Layout, cosines: bool) -> _Pooled:
    laid = passes.lay(lm, [ids for ids, _ in texts], layout)
    inside = passes.inside(laid, [span for _, span in texts], lm.device)
    ones, counts = inside.float(), inside.sum(dim=1).float()
    sums = torch.empty((len(texts), lm.n_layers + 1, lm.hidden_size), device=lm.device)
    norms = torch.empty((len(texts), lm.n_layers + 1), device=lm.device)
    directions = torch.empty_like(sums) if cosines else None

    def take(layer: int, residual: torch.Tensor) -> None:
        sums[:, layer + 1] = ones @ residual.float()
        if directions is not None:
            directions[:, layer + 1] = ones @ torch.nn.functional.normalize(residual.float(), dim=-1)
        norms[:, layer + 1] = ones @ torch.linalg.vector_norm(residual, dim=-1, dtype=torch.float32)

    passes.read(lm, laid, take)
    shares = counts[:, None, None]
    means_of = None if directions is None else directions / shares
    return _Pooled(sums / shares, norms / counts[:, None], norms.sum(dim=0), means_of)


def pool_ranges(
    lm: LanguageModel,
    texts: Sequence[tuple[Sequence[int], Sequence[tuple[int, int]]]],
    tokens_per_batch: int | Room | None = None,
    advance: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """As `pool`, over several ranges of each text, as many of all, read once: (texts, ranges, n + 1, d) float32; zeros over an empty range."""
    ranges = len(texts[0][1]) if texts else 0
    found = np.zeros((len(texts), ranges, lm.n_layers + 1, lm.hidden_size), dtype=np.float32)
    if not texts:
        return found
    whole: list[Text] = [(ids, (0, len(ids))) for ids, _ in texts]
    layout = passes.layout_of(lm, whole)

    def work(rows: list[int]) -> torch.Tensor:
        laid = passes.lay(lm, [texts[row][0] for row in rows], layout)
        masks = torch.stack(
            [passes.inside(laid, [texts[row][1][i] for row in rows], lm.device) for i in range(ranges)], dim=1
        )
        counts = masks.sum(dim=-1).clamp(min=1)[..., None]
        layers: list[torch.Tensor] = []
        passes.read(lm, laid, lambda _, residual: layers.append(masks.float() @ residual.float() / counts))
        return torch.stack(layers, dim=2)

    for rows, means in passes.in_batches(
        whole, _room(lm, tokens_per_batch), layout, work, advance, rotation_border(lm)
    ):
        found[rows] = means.cpu().numpy()
    require_finite(lm, "The activations", found)
    return found


def token_rows(
    lm: LanguageModel,
    texts: Sequence[Text],
    per_text: int = TOKENS_PER_TEXT,
    tokens_per_batch: int | Room | None = None,
    advance: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Residuals (rows, n + 1, d) float32 of up to `per_text` evenly spaced tokens of each text's range, unaveraged."""
    room = _room(lm, tokens_per_batch)
    layout = passes.layout_of(lm, texts)
    chosen = [np.unique(np.linspace(a, b - 1, min(per_text, b - a)).astype(int)) for _, (a, b) in texts]
    collected: list[np.ndarray | None] = [None] * len(texts)

    def work(rows: list[int]) -> np.ndarray:
        laid = passes.lay(lm, [texts[row][0] for row in rows], layout)
        places = np.concatenate([start + chosen[row] for start, row in zip(laid.starts, rows, strict=True)])
        index = forward.to_device(torch.from_numpy(places), lm.device)
        layers: list[torch.Tensor] = []
        passes.read(lm, laid, lambda _, residual: layers.append(residual[index].float()))
        return torch.stack(layers, dim=1).cpu().numpy()

    for several, found in passes.in_batches(texts, room, layout, work, advance, rotation_border(lm)):
        borders = np.cumsum([len(chosen[row]) for row in several])[:-1]
        for row, part in zip(several, np.split(found, borders), strict=True):
            collected[row] = part
    rows = np.concatenate([part for part in collected if part is not None])
    require_finite(lm, "The activations", rows)
    return rows
