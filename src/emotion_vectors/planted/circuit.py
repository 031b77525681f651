"""The hand-set weights of the planted model: an ordinary `LlamaForCausalLM` in which every number has a reason.

    token      const  flags  [ emotion block: u p q w_1 .. w_n ]  [ code ]  [ word noise ]
    block 0    three heads: has a token "A" (a "B", the word before an emotion's name) been seen?  -> seen_a, seen_b, seen_n
    block 1    readers (newline, colon) gather the mean emotion block of the carrier words, the number's amount and its noise
    block 2    at those readers the MLP multiplies the emotion block by 1 + 0.8 amount
    every l    the MLP turns the emotion block by its own rotation Q_l: a direction of one layer is wrong on the next
    L          analysis layer: the state after this block is what is read, steered and shown to the lens
    block L+1  head A: mean of (readout . emotion block) over the content tokens between (A) and (B) -> logit of A
               head B: the same over the content tokens after (B)                                    -> logit of B
               head N: the code of the emotion that a story prompt names, for all tokens after it    -> what is written
               start: has the token just ended a sentence?                                           -> what is written
               voice: the MLP turns what lies along w_e beyond the token's own word into the code of e -> the same
               contraction: the MLP shrinks both logits by how far the spans were pushed along q

Three things make it exact. The epsilon of RMSNorm is so large that the norm is a constant factor, hence the model
is linear where it should be. Rotary positions turn so slowly in the two dimensions that queries and keys use that
position plays no part. And every choice of a head is a gap of 30 nats in its scores, so softmax is a switch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

HEAD_SIZE = 32
GAP = 30.0  # nats between attended and ignored tokens
DRIVE = 128.0  # gate of an MLP unit that is meant to be linear: silu(128) = 128 in float32
NORM_EPSILON = 1e6
AMOUNT_GAIN = 0.8
SHARPNESS = 20.0  # of the bend at zero of the contraction
CONTRACTION = 1.0  # share of the logit difference lost per unit of push along q on both spans
FLAGS = (
    "const", "begin", "reader", "carrier", "number", "amount", "gathered", "marker_a", "marker_b",
    "seen_a", "seen_b", "content", "open", "out_a", "out_b", "push", "marker_n", "seen_n", "named", "spoken", "stop", "start",
)  # fmt: skip
DIM = {name: index for index, name in enumerate(FLAGS)}
WORD_NOISE_SIZE = 28  # at least
CODE_SIZE = 32  # dimensions that say which emotion's words come next; every emotion has a random direction in them
# Push along w_e, in units of the residual, at which the words of e begin to come, and at which all do.
VOICE = (0.05, 0.15)
SMALL = 0.1  # the flags spoken and stop of a token that has them: small, so that chance in their number does not move a mean
CORNER = 200.0  # sharpness of the bends of the voice


@dataclass(frozen=True)
class Layout:
    """Where things lie in the residual stream: flags, the emotion block, the code of what is written, word noise."""

    width: int  # of the emotion block
    hidden: int

    @property
    def emotion(self) -> slice:
        """The dimensions of the emotion block."""
        return slice(len(FLAGS), len(FLAGS) + self.width)

    @property
    def code(self) -> slice:
        """The dimensions that say which emotion's words come next."""
        return slice(self.emotion.stop, self.emotion.stop + CODE_SIZE)

    @property
    def noise(self) -> slice:
        """The dimensions that only tell words apart."""
        return slice(self.code.stop, self.hidden)

    def embed(self, block: np.ndarray) -> np.ndarray:
        """`[..., width]` vectors of the emotion block as `[..., hidden]` vectors of the residual stream."""
        full = np.zeros((*block.shape[:-1], self.hidden))
        full[..., self.emotion] = block
        return full


def layout_for(width: int) -> Layout:
    """The smallest layout, in steps of 64 dimensions, that holds an emotion block of `width`."""
    return Layout(width, 64 * math.ceil((len(FLAGS) + width + CODE_SIZE + WORD_NOISE_SIZE) / 64))


def random_rotations(count: int, width: int, generator: np.random.Generator) -> list[np.ndarray]:
    """`count` random orthogonal matrices `[width, width]`."""
    return [np.linalg.qr(generator.standard_normal((width, width)))[0] for _ in range(count)]


def build_model(
    layout: Layout,
    embedding: np.ndarray,
    unembedding: np.ndarray,
    rotations: list[np.ndarray],
    readout: np.ndarray,
    push: np.ndarray | None,
    codes: np.ndarray,
    voiced: bool,
    analysis_layer: int,
    token_ids: dict[str, int],
) -> LlamaForCausalLM:
    """The model with all weights set; `readout` and `push` are `[width]`, in the basis of the analysis layer.

    codes: `[n, CODE_SIZE]`; voiced: whether a push along an emotion's own axis brings its words.
    """
    config = LlamaConfig(
        vocab_size=len(embedding), hidden_size=layout.hidden, intermediate_size=2 * (layout.width + 2 + len(codes)),
        num_hidden_layers=len(rotations), num_attention_heads=layout.hidden // HEAD_SIZE, head_dim=HEAD_SIZE,
        max_position_embeddings=4096, rms_norm_eps=NORM_EPSILON, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 1e20},
        bos_token_id=token_ids["begin"], eos_token_id=token_ids["end"], pad_token_id=token_ids["pad"],
    )  # fmt: skip
    model = LlamaForCausalLM(config).float().eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        parameter.fill_(math.sqrt(NORM_EPSILON) if "norm" in name else 0.0)
    model.model.embed_tokens.weight.copy_(torch.from_numpy(embedding))
    model.lm_head.weight.copy_(torch.from_numpy(unembedding))
    for index, (block, rotation) in enumerate(zip(model.model.layers, rotations, strict=True)):
        _set_rotation(block.mlp, layout, rotation, by_amount=index == 2)
    _set_markers(model.model.layers[0].self_attn)
    _set_gathering(model.model.layers[1].self_attn, layout)
    above = model.model.layers[analysis_layer + 1]
    _set_readout(above, layout, readout, push)
    _set_name(above.self_attn, layout)
    _set_start(above.mlp)
    if voiced:
        _set_voice(above.mlp, layout, codes)
    return model


def _direction(size: int, **amounts: float) -> np.ndarray:
    vector = np.zeros(size)
    for name, amount in amounts.items():
        vector[DIM[name]] = amount
    return vector


def _set_head(attention, head: int, scores, reads: np.ndarray, writes: np.ndarray) -> None:
    """One head: score = sum of (query . x_to)(key . x_from); it moves `reads @ x_from` and adds `writes @` that.

    scores: at most two pairs of `[hidden]`; reads: `[k, hidden]`; writes: `[hidden, k]`; k <= HEAD_SIZE.
    """
    start = head * HEAD_SIZE
    # The slowest rotary pair: its angle is about 1e-19 per position.
    for slot, (query, key) in zip((HEAD_SIZE // 2 - 1, HEAD_SIZE - 1), scores, strict=False):
        attention.q_proj.weight[start + slot] += torch.from_numpy(query * math.sqrt(HEAD_SIZE)).float()
        attention.k_proj.weight[start + slot] += torch.from_numpy(key).float()
    rows = slice(start, start + len(reads))
    attention.v_proj.weight[rows] += torch.from_numpy(reads).float()
    attention.o_proj.weight[:, rows] += torch.from_numpy(writes).float()


def _set_markers(attention) -> None:
    """Heads 0 to 2 of block 0: all attention goes to a marker if one was seen, and moves a 1; else it moves zeros."""
    size = attention.o_proj.weight.shape[0]
    for head, letter in enumerate("abn"):
        scores = [(_direction(size, const=1), _direction(size, **{f"marker_{letter}": GAP}))]
        reads = _direction(size, **{f"marker_{letter}": 1})[None]
        _set_head(attention, head, scores, reads, _direction(size, **{f"seen_{letter}": 1})[:, None])


def _set_gathering(attention, layout: Layout) -> None:
    """Readers take the mean over carriers (numbers); all other tokens look at the empty begin token instead."""
    size = layout.hidden
    sink = (_direction(size, const=1, reader=-1), _direction(size, begin=2 * GAP))
    dims = range(*layout.emotion.indices(size))
    head = 0
    for first in range(0, layout.width, HEAD_SIZE):
        reads = np.eye(size)[list(dims[first : first + HEAD_SIZE])]
        scores = [(_direction(size, const=1), _direction(size, carrier=GAP)), sink]
        _set_head(attention, head, scores, reads, reads.T)
        head += 1
    scores = [(_direction(size, const=1), _direction(size, number=GAP)), sink]
    # What a number has in the code's dimensions comes along: it hides the amount from a direction that is not an emotion's.
    code = np.eye(size)[layout.code][: HEAD_SIZE - 1]
    reads, writes = (np.stack([_direction(size, **{name: 1}), *code]) for name in ("amount", "gathered"))
    _set_head(attention, head, scores, reads, writes.T)


def _set_rotation(mlp, layout: Layout, rotation: np.ndarray, by_amount: bool) -> None:
    """Emotion block x becomes Q x (1 + gain amount): add Q x (1 + gain amount) - x through gated linear units."""
    width, dims = layout.width, layout.emotion
    add, remove = slice(0, width), slice(width, 2 * width)
    mlp.gate_proj.weight[: 2 * width, DIM["const"]] = DRIVE
    if by_amount:
        mlp.gate_proj.weight[add, DIM["gathered"]] = DRIVE * AMOUNT_GAIN
    identity = torch.eye(width)
    mlp.up_proj.weight[add, dims] = identity
    mlp.up_proj.weight[remove, dims] = identity
    mlp.down_proj.weight[dims, add] = torch.from_numpy(rotation / DRIVE).float()
    mlp.down_proj.weight[dims, remove] = -identity / DRIVE


def _set_readout(block, layout: Layout, readout: np.ndarray, push: np.ndarray | None) -> None:
    """Heads A and B of the block after the analysis layer, and with `push` the contraction in its MLP."""
    size = layout.hidden
    const = _direction(size, const=1)
    # Content of its own option scores 2 GAP, all else at most 1: then the empty begin token wins.
    regions = {
        "a": _direction(size, content=GAP, seen_a=GAP, seen_b=-GAP, begin=1.5 * GAP),
        "b": _direction(size, content=GAP, seen_b=GAP, begin=1.5 * GAP),
    }
    for head, (letter, key) in enumerate(regions.items()):
        reads = layout.embed(np.stack([readout, np.zeros_like(readout) if push is None else push / 2]))
        writes = np.stack([_direction(size, **{f"out_{letter}": 1}), _direction(size, push=1)], axis=1)
        _set_head(block.self_attn, head, [(const, key)], reads, writes)
    if push is None:
        return
    for unit, letter in enumerate("ab", start=2 * layout.width):
        block.mlp.gate_proj.weight[unit, DIM["push"]] = SHARPNESS
        block.mlp.up_proj.weight[unit, DIM[f"out_{letter}"]] = 1.0
        block.mlp.down_proj.weight[DIM[f"out_{letter}"], unit] = -CONTRACTION / SHARPNESS


def _set_name(attention, layout: Layout) -> None:
    """Head 2 of the block after the analysis layer: the mean code of the named tokens that come after their marker."""
    size = layout.hidden
    key = _direction(size, named=GAP, seen_n=GAP, begin=1.5 * GAP)
    reads = np.eye(size)[layout.code]
    _set_head(attention, 2, [(_direction(size, const=1), key)], reads, reads.T)


def _set_start(mlp) -> None:
    """The last unit: 1 after a stop. Above the analysis layer, so that no vector has a part of it."""
    mlp.gate_proj.weight[-1, DIM["stop"]] = CORNER / SMALL
    mlp.gate_proj.weight[-1, DIM["const"]] = -CORNER / 2
    mlp.up_proj.weight[-1, DIM["const"]] = 1.0
    mlp.down_proj.weight[DIM["start"], -1] = 2 / CORNER


def _set_voice(mlp, layout: Layout, codes: np.ndarray) -> None:
    """Code of e times a ramp from 0 to 1 of the push along w_e; a story word's own content (1 along its w) is not a push."""
    low, high = VOICE
    first = 2 * layout.width + 2
    for emotion, code in enumerate(torch.from_numpy(codes).float()):
        for unit, (bend, sign) in enumerate(((low, 1), (high, -1)), start=first + 2 * emotion):
            axis = layout.emotion.stop - len(codes) + emotion
            mlp.gate_proj.weight[unit, axis] = CORNER
            mlp.gate_proj.weight[unit, DIM["spoken"]] = -CORNER / SMALL
            mlp.gate_proj.weight[unit, DIM["const"]] = -CORNER * bend
            mlp.up_proj.weight[unit, DIM["const"]] = 1.0
            mlp.down_proj.weight[layout.code, unit] = sign * code / CORNER / (high - low)
