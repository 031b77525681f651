"""The arithmetic limit of a job: its floating-point operations over the rate at which this machine multiplies matrices.

Operations are those that the job can't do without: 2 per weight and token for every matrix that is used, and
4 x heads x head size for every pair of a query and a key that it may see. Padding, masked pairs, norms and softmax count as
nothing. The rate is measured on the model's own matrices, in its own type, with as many rows as a batch has.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from emotion_vectors.lm import forward
from emotion_vectors.lm.model import LanguageModel

ROUNDS = 3
BLOCKS = 4  # blocks whose matrices are timed, one after the other, so that weights come from memory as in a pass
STREAMED = 1 << 26  # float32 numbers that are read to measure the memory: 256 MiB, more than any cache


class Work(NamedTuple):
    """What a job must compute.

    tokens run through `blocks` blocks with `pairs` query-key pairs in each; `last_tokens` of them go through the last
    block's feed-forward part, queries and attention output; `head_tokens` are read by the whole unembedding.
    """

    tokens: float
    pairs: float
    blocks: int
    last_tokens: float
    head_tokens: float

    def __add__(self, other: object) -> Work:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both pieces of work, through the same blocks."""
        if not isinstance(other, Work) or other.blocks != self.blocks:
            raise ValueError("only work through the same number of blocks adds up")
        return Work(
            self.tokens + other.tokens, self.pairs + other.pairs, self.blocks, self.last_tokens + other.last_tokens,
            self.head_tokens + other.head_tokens,
        )  # fmt: skip


def operations(lm: LanguageModel, work: Work) -> float:
    """Floating-point operations of `work`, a multiplication and an addition counted as two."""
    blocks = list(lm.parts.blocks)[lm.n_layers - work.blocks :]
    weights = sum(matrix_weights(block) for block in blocks)
    last = sum(map(matrix_weights, forward.parts_read_only(blocks[-1]))) if blocks else 0
    linear = (weights - last) * work.tokens + last * work.last_tokens + lm.parts.head.weight.numel() * work.head_tokens
    return 2.0 * linear + 4.0 * attention_width(lm) * work.blocks * work.pairs


def matrix_weights(part: nn.Module) -> int:
    """Weights of all linear maps inside `part`, biases left out."""
    return sum(one.weight.numel() for one in part.modules() if isinstance(one, nn.Linear))


def attention_width(lm: LanguageModel) -> int:
    """Query heads times head size."""
    config = lm.model.config.get_text_config()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(config.num_attention_heads * head)


def causal_pairs(length: int) -> float:
    """Query-key pairs of one text of `length` tokens."""
    return length * (length + 1) / 2


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@torch.inference_mode()
def matrix_rate(lm: LanguageModel, rows: int) -> float:
    """Operations per second of the linear maps of some blocks on `rows` rows each: the fastest of several rounds."""
    spread = range(0, lm.n_layers, max(1, lm.n_layers // BLOCKS))
    maps = [one for layer in spread for one in lm.parts.blocks[layer].modules() if isinstance(one, nn.Linear)]
    inputs = {one.in_features: torch.randn(rows, one.in_features).to(lm.device, lm.dtype) for one in maps}
    total = 2.0 * rows * sum(one.weight.numel() for one in maps)
    seconds = []
    for _ in range(ROUNDS + 1):
        synchronize(lm.device)
        begun = time.perf_counter()
        for one in maps:
            functional.linear(inputs[one.in_features], one.weight)
        synchronize(lm.device)
        seconds.append(time.perf_counter() - begun)
    return total / min(seconds[1:])  # the first round warms up


@torch.inference_mode()
def memory_rate(device: torch.device, numbers: int = STREAMED) -> float:
    """Bytes per second at which the device reads its memory: the sum of a long array, the fastest of several rounds."""
    array = torch.ones(numbers, dtype=torch.float32, device=device)
    seconds = []
    for _ in range(ROUNDS + 1):
        synchronize(device)
        begun = time.perf_counter()
        array.sum()
        synchronize(device)
        seconds.append(time.perf_counter() - begun)
    return 4.0 * numbers / min(seconds[1:])


class WritingLimit(NamedTuple):
    """Two limits of writing in tokens/s; the lower one binds."""

    streaming: float
    matrices: float

    @property
    def rate(self) -> float:
        """The lower of the two."""
        return min(self.streaming, self.matrices)

    @property
    def binds(self) -> str:
        """Which of the two is lower."""
        return "weight streaming" if self.streaming <= self.matrices else "matrix rate"


def writing_limit(lm: LanguageModel, together: int, context: float, bytes_per_weight: float) -> WritingLimit:
    """Most new tokens per second with `together` texts at once, each `context` tokens long on average.

    A step reads every used weight once for all texts; the reading of prompts and of keys and values is left out.
    """
    weights = sum(matrix_weights(block) for block in lm.parts.blocks) + lm.parts.head.weight.numel()
    streaming = together * memory_rate(lm.device) / (weights * bytes_per_weight)
    one = operations(lm, Work(1, context, lm.n_layers, 1, 1))
    return WritingLimit(streaming, matrix_rate(lm, together) / one)
