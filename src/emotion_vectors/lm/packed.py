"""Many texts in one row without padding: each token sees only the earlier tokens of its own text.

All linear maps run on one row of tokens (1, t), so nothing is computed for padding and the batch has the size that suits
the machine whatever the lengths. Only attention has to know where a text ends. On a GPU in half precision it is PyTorch's
variable-length attention; elsewhere the model's own attention function, text by text. Whether a model gives the same
numbers in this way as text by text is tried once per model; one that does not is read from padded batches instead.

Texts that begin alike can share their beginning: its tokens are in the row once, and only attention lays the texts out in full.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from emotion_vectors.lm import forward
from emotion_vectors.lm.architecture import mixes_beside_attention, sliding_window
from emotion_vectors.lm.model import LanguageModel

NAME = "emotion_vectors_packed"
# Attention over the tokens of its own text: (module, query, key, value, packed, scale) -> (1, t, heads, head size).
Attention = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor, "Packed", Any], torch.Tensor]
TRIAL = (7, 12, 1, 9)  # lengths of the texts that a model is tried on
# Mean over a text's tokens of a residual's difference over its length. In half precision rounding grows from block to
# block, so that in 32 of them it passes any limit that fits 4: there it may be a few times what mere padding makes of it.
# A text of one token that sees another text's differs by order 1.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.03, torch.float16: 0.005}
NOISES = 3
MOST_NOISE = {torch.float32: 0.0, torch.bfloat16: 0.25, torch.float16: 0.25}
# By model and by the precision of the pass, which need not be that of the weights.
_chosen: WeakKeyDictionary[PreTrainedModel, dict[torch.dtype, Attention | None]] = WeakKeyDictionary()


class Shared(NamedTuple):
    """How the t tokens of texts laid end to end are found among the u tokens of a row that holds a common beginning once."""

    spread: torch.Tensor  # (t,) index of the row's token
    first: torch.Tensor  # (u,) the first of the t tokens that each of the row's tokens stands for


class Packed(NamedTuple):
    """k texts in one row: `ids` and `positions` (1, u), and where each text begins and the last one ends (k + 1) of t tokens.

    Without `shared` the texts lie end to end in the row, and u is t.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    borders: list[int]
    borders_on_device: torch.Tensor  # (k + 1,) int32
    longest: int
    shared: Shared | None = None


def pack(rows: Sequence[Sequence[int]], device: torch.device, share: bool = False) -> Packed:
    """Rows of token ids, one after the other; positions begin at 0 in each. `share`: what rows have in common at their beginning once."""
    borders = [0]
    for row in rows:
        borders.append(borders[-1] + len(row))
    tokens = [token for row in rows for token in row]
    positions = [position for row in rows for position in range(len(row))]
    shared = None
    if share:
        spread, first = _spread(rows)
        tokens, positions = ([values[place] for place in first] for values in (tokens, positions))
        shared = Shared(*(forward.to_device(torch.tensor(places), device) for places in (spread, first)))
    ids, places, ends = torch.tensor(tokens), torch.tensor(positions), torch.tensor(borders, dtype=torch.int32)
    return Packed(
        forward.to_device(ids, device)[None], forward.to_device(places, device)[None], borders,
        forward.to_device(ends, device), max(map(len, rows)), shared,
    )  # fmt: skip


def _spread(rows: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """For each token of `rows` the number of its beginning, up to and with itself; for each number the first token that has it."""
    numbers: dict[tuple[int, int], int] = {}
    spread, first = [], []
    for row in rows:
        number = -1
        for token in row:
            number = numbers.setdefault((number, token), len(numbers))
            if number == len(first):
                first.append(len(spread))
            spread.append(number)
    return spread, first


def can_pack(lm: LanguageModel, longest: int) -> bool:
    """Whether texts of up to `longest` tokens may be packed: longer ones than a sliding window may not."""
    window = sliding_window(lm.model)
    return (window is None or longest <= window) and _attention_for(lm) is not None


def run(lm: LanguageModel, packed: Packed) -> torch.Tensor:
    """Residual stream after the final norm, (1, u, d). Call it only where `can_pack` says so."""
    attention = _attention_for(lm)
    if attention is None:
        raise ValueError(f"{lm.name} can't read packed texts")
    return _run(lm, packed, attention)


def _run(lm: LanguageModel, packed: Packed, attention: Attention) -> torch.Tensor:
    with _attending(lm, packed, attention):
        return lm.parts.body(input_ids=packed.ids, position_ids=packed.positions, use_cache=False).last_hidden_state


@contextmanager
def _attending(lm: LanguageModel, packed: Packed, attention: Attention) -> Iterator[None]:
    """Let the model's attention layers call `attention`."""

    def attend(
        module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, _: object, **options: Any
    ) -> tuple[torch.Tensor, None]:
        if options.get("softcap") is not None or options.get("s_aux") is not None:
            raise TypeError("attention with a soft cap or with sinks")
        if packed.shared is None:
            return attention(module, query, key, value, packed, options.get("scaling")), None
        spread, first = (places.to(query.device) for places in packed.shared)
        query, key, value = (part.index_select(2, spread) for part in (query, key, value))
        return attention(module, query, key, value, packed, options.get("scaling")).index_select(1, first), None

    config: Any = lm.parts.body.config
    before = config._attn_implementation
    AttentionInterface.register(NAME, attend)
    try:
        # A name without a mask function of its own: transformers makes no mask then, which for a long row would be huge.
        config._attn_implementation = NAME
        yield
    finally:
        config._attn_implementation = before


def text_by_text(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packed: Packed, scale: float | None
) -> torch.Tensor:
    """The attention function that transformers uses on this device, for one text at a time."""
    sdpa = ALL_ATTENTION_FUNCTIONS["sdpa"]
    parts = [
        sdpa(module, query[:, :, a:b], key[:, :, a:b], value[:, :, a:b], None, scaling=scale, is_causal=True)[0]
        for a, b in pairwise(packed.borders)
    ]
    return torch.cat(parts, dim=1)


def variable_length(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packed: Packed, scale: float | None
) -> torch.Tensor:
    """PyTorch's variable-length flash attention: all texts in one call. It exists on CUDA, in half precision only."""
    from torch.nn.attention import varlen  # newer than the oldest PyTorch that is supported

    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    borders, longest = packed.borders_on_device.to(q.device), packed.longest
    options: dict[str, Any] = {}
    if k.shape[1] != q.shape[1]:
        # Older versions have no word for keys that several query heads share.
        if "enable_gqa" in inspect.signature(varlen.varlen_attn).parameters:
            options = {"enable_gqa": True}
        else:
            k, v = (part.repeat_interleave(q.shape[1] // part.shape[1], dim=1) for part in (k, v))
    found = varlen.varlen_attn(q, k, v, borders, borders, longest, longest, scale=scale, window_size=(-1, 0), **options)
    if not isinstance(found, torch.Tensor):
        raise TypeError("variable-length attention returned more than its output")
    return found[None]


def _attention_for(lm: LanguageModel) -> Attention | None:
    """The fastest way of attention that gives this model's own numbers; None where there is none. Tried once per model and precision."""
    chosen = _chosen.setdefault(lm.model, {})
    if lm.dtype not in chosen:
        chosen[lm.dtype] = next((way for way in _ways(lm) if _agrees(lm, way)), None)
    return chosen[lm.dtype]


def _ways(lm: LanguageModel) -> list[Attention]:
    config: Any = lm.parts.body.config
    kinds = set(getattr(config, "layer_types", None) or ())
    if config._attn_implementation != "sdpa" or not kinds <= {"full_attention", "sliding_attention"}:
        return []
    if mixes_beside_attention(lm.model, lm.parts.blocks):
        return []
    half = lm.dtype in (torch.bfloat16, torch.float16)
    return [variable_length, text_by_text] if lm.device.type == "cuda" and half else [text_by_text]


@torch.inference_mode()
def _agrees(lm: LanguageModel, attention: Attention) -> bool:
    """Whether some texts give the same residuals packed as alone, at every block."""
    vocabulary = lm.parts.head.weight.shape[0]
    drawn = torch.randint(vocabulary, (sum(TRIAL),), generator=torch.Generator().manual_seed(0)).tolist()
    rows = [drawn[sum(TRIAL[:i]) : sum(TRIAL[: i + 1])] for i in range(len(TRIAL))]
    try:
        together = _residuals(lm, lambda: _run(lm, pack(rows, lm.device), attention))
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError, ImportError):
        return False  # another signature, or a kernel that this device lacks: the next way is tried
    if len(together) != lm.n_layers:
        return False
    alone = [_residuals(lm, lambda row=row: forward.run(lm, forward.pad([row], lm.device, lm.pad_id))) for row in rows]
    packed = [layer[0].split(list(TRIAL)) for layer in together]
    batch = forward.pad(rows, lm.device, lm.pad_id)
    padded = [
        [row[real] for row, real in zip(layer, batch.mask.bool(), strict=True)]
        for layer in _residuals(lm, lambda: forward.run(lm, batch))
    ]
    exact = [[text[layer][0] for text in alone] for layer in range(lm.n_layers)]
    noise, away = _away(padded, exact), _away(packed, exact)
    return all(
        one <= max(TOLERANCE[lm.dtype], min(NOISES * usual, MOST_NOISE[lm.dtype]))
        for one, usual in zip(away, noise, strict=True)
    )


def _away(found: Sequence[Sequence[torch.Tensor]], exact: Sequence[Sequence[torch.Tensor]]) -> list[float]:
    """For each block the text that differs most: the mean over its tokens of a difference's length over its residual's."""
    return [
        max(float(((a - b).norm(dim=-1) / b.norm(dim=-1)).mean()) for a, b in zip(some, others, strict=True))
        for some, others in zip(found, exact, strict=True)
    ]


def _residuals(lm: LanguageModel, call: Callable[[], object]) -> list[torch.Tensor]:
    """Output of every block, (b, t, d) float32."""
    found: list[torch.Tensor] = []
    with forward.watch_blocks(lm, range(lm.n_layers), lambda _, residual: found.append(residual.float())):
        call()
    return found
