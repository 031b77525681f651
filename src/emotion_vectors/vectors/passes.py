"""One batch of texts through all layers: how it is laid out, how many texts fit, and where each token of a text is.

Texts are packed into one row without padding where the model allows it, with common beginnings computed once where that saves
much, else padded. Whoever reads gets the residual stream of a layer as one list of tokens (s, d), and `starts` says where each text
begins in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple, TypeVar

import torch

from emotion_vectors.lm import forward, packed
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel

Text = tuple[Sequence[int], tuple[int, int]]
"""Token ids of a text and the half-open token range to read."""

Layout = Literal["shared", "packed", "right", "left"]
"""Packed with common beginnings once, packed, or padded on one side."""
Found = TypeVar("Found")
# A CPU is fastest while the activations of a block stay in its caches: measured on two cores, 512 to 4096 tokens.
BEST_ON_CPU = 1024
USUAL = 4096
# Common beginnings are computed once where at most this share of the tokens is left: laying texts out in attention costs a little.
WORTH_SHARING = 0.8


class Laid(NamedTuple):
    """A batch of k texts on the device: `run` does the pass; token j of text i is number `starts[i] + j` of `size`.

    `spread` (size,) says which computed token each of them is, where common beginnings are computed once; else None.
    """

    run: Callable[[], object]
    starts: list[int]
    size: int
    spread: torch.Tensor | None = None


def room_for(lm: LanguageModel, most: int = USUAL, say: Callable[[str], None] = lambda _: None) -> Room:
    """How many tokens are read at once: `most`, or fewer where the device is faster with fewer."""
    size = min(most, BEST_ON_CPU) if lm.device.type == "cpu" else most
    return room_of(lm, size, say)


def room_of(lm: LanguageModel, tokens: int, say: Callable[[str], None] = lambda _: None) -> Room:
    """Exactly `tokens` at once, until they don't fit in memory."""
    return Room(tokens, "tokens", "reading", lm.device, say)


def layout_of(lm: LanguageModel, texts: Sequence[Text]) -> Layout:
    """`packed` where the model can read these texts packed, `shared` if many begin alike, else padding on the right."""
    if not packed.can_pack(lm, max(len(ids) for ids, _ in texts)):
        return "right"
    every = sorted(list(ids) for ids, _ in texts)
    return "shared" if sum(_costs(every, "shared")) <= WORTH_SHARING * sum(map(len, every)) else "packed"


def in_batches(
    texts: Sequence[Text],
    room: Room,
    layout: Layout,
    work: Callable[[list[int]], Found],
    advance: Callable[[float], None] = lambda _: None,
    border: int | None = None,
) -> Iterator[tuple[list[int], Found]]:
    """`work(rows)` on batch after batch of `texts`, the longest first; a batch that does not fit is halved.

    Texts that share a beginning come in the order of their tokens instead, so that they meet in a batch. Yields the rows of each batch
    and what `work` gave; `advance` gets the number of tokens of their texts. `border`: see `limits.rotation_border`; no batch has texts
    on both of its sides.
    """
    every = [ids for ids, _ in texts]
    left = sorted(range(len(texts)), key=lambda row: len(every[row]), reverse=True)
    if layout == "shared":
        left = sorted(range(len(texts)), key=lambda row: list(every[row]))
    while left:
        rows = left[: _fitting([every[row] for row in left], room.size, layout, border)]
        found = room.attempt(lambda rows=rows: work(rows), _size([every[row] for row in rows], layout), len(rows) == 1)
        if found is None:
            continue
        left = left[len(rows) :]
        yield rows, found
        advance(sum(len(every[row]) for row in rows))


def batches(
    lengths: Sequence[int], tokens_per_batch: int, layout: Layout = "right", border: int | None = None
) -> list[list[int]]:
    """Rows by batch, longest first: at most `tokens_per_batch` tokens with padding, or one row. No beginning is shared; `border` as in `in_batches`."""
    left = sorted(range(len(lengths)), key=lambda row: lengths[row], reverse=True)
    apart: Layout = "packed" if layout == "shared" else layout
    groups: list[list[int]] = []
    while left:
        count = _fitting([range(lengths[row]) for row in left], tokens_per_batch, apart, border)
        groups.append(left[:count])
        left = left[count:]
    return groups


def _costs(texts: Sequence[Sequence[int]], layout: Layout) -> Iterator[int]:
    """Tokens that each text adds to a batch which has the one before it; texts that share a beginning come in order."""
    before: Sequence[int] = ()
    for ids in texts:
        alike = 0
        if layout == "shared":
            alike = next(
                (i for i, (a, b) in enumerate(zip(before, ids, strict=False)) if a != b), min(len(before), len(ids))
            )
        yield len(ids) - alike
        before = ids


def _fitting(texts: Sequence[Sequence[int]], most: int, layout: Layout, border: int | None) -> int:
    """How many of the first texts fit in a batch; one does in any case. Those to be padded come longest first."""
    if border is not None:
        beyond = len(texts[0]) > border
        texts = list(takewhile(lambda ids: (len(ids) > border) == beyond, texts))
    if layout in ("right", "left"):
        return min(max(1, most // len(texts[0])), len(texts))
    total = 0
    for count, cost in enumerate(_costs(texts, layout)):
        total += cost
        if total > most:
            return max(1, count)
    return len(texts)


def _size(texts: Sequence[Sequence[int]], layout: Layout) -> int:
    return sum(_costs(texts, layout)) if layout in ("shared", "packed") else max(map(len, texts)) * len(texts)


def lay(lm: LanguageModel, rows: Sequence[Sequence[int]], layout: Layout) -> Laid:
    """Rows of token ids as one batch on the model's device; `ValueError` where `packed` is asked of a model that can't."""
    if layout in ("shared", "packed"):
        # Asked before any hook is set: a model that was not tried yet is tried now, with hooks of its own.
        if not packed.can_pack(lm, max(map(len, rows))):
            raise ValueError(f"{lm.name} can't read these texts packed")
        row = packed.pack(rows, lm.device, share=layout == "shared")
        spread = None if row.shared is None else row.shared.spread
        return Laid(lambda: packed.run(lm, row), row.borders[:-1], row.borders[-1], spread)
    batch = forward.pad(rows, lm.device, lm.pad_id, layout)
    width = batch.ids.shape[1]
    starts = padded_starts([len(row) for row in rows], width, layout)
    run = (lambda: forward.run_unmasked(lm, batch.ids)) if layout == "right" else (lambda: forward.run(lm, batch))
    return Laid(run, starts, width * len(rows))


def padded_starts(lengths: Sequence[int], width: int, side: str) -> list[int]:
    """Where each row's text begins when rows of `width` are laid end to end."""
    return [i * width + (0 if side == "right" else width - length) for i, length in enumerate(lengths)]


@torch.inference_mode()
def read(lm: LanguageModel, laid: Laid, take: Callable[[int, torch.Tensor], None]) -> None:
    """One pass that shows `take` the embedding (layer -1) and the output of every block, each (s, d)."""

    def show(layer: int, residual: torch.Tensor) -> None:
        tokens = residual.flatten(0, 1)
        take(layer, tokens if laid.spread is None else tokens.index_select(0, laid.spread.to(tokens.device)))

    with (
        forward.watch_embedding(lm, lambda residual: show(-1, residual)),
        forward.watch_blocks(lm, range(lm.n_layers), show),
        forward.stop_after(lm, lm.n_layers - 1),
    ):  # fmt: skip
        laid.run()


def inside(laid: Laid, ranges: Sequence[tuple[int, int]], device: torch.device) -> torch.Tensor:
    """(k, s) bool: which of a batch's tokens lie in each text's range."""
    borders = [(start + first, start + last) for start, (first, last) in zip(laid.starts, ranges, strict=True)]
    places = forward.to_device(torch.tensor(borders), device)
    tokens = torch.arange(laid.size, device=device)
    return (tokens >= places[:, :1]) & (tokens < places[:, 1:])
