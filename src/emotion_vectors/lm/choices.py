"""Read pairwise choices from a model: logit of A minus logit of B for every ordered pair, plain or steered.

In: n options and a question template with {activity_a} and {activity_b}. Out: an (n, n) matrix of differences in nats;
cell [i, j] is the prompt with option i as A and option j as B; what was not asked is NaN. Source: paper, preference
experiment; seed report section 3.4. The prompts with the same first option share it as one packed tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from transformers import DynamicCache

from emotion_vectors.errors import UserError
from emotion_vectors.lm import forward
from emotion_vectors.lm.architecture import sliding_window
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import Prompt, chat_prompt, option_tokens
from emotion_vectors.lm.trees import Tree, pack

ANSWERS_AT_ONCE = 128  # rows of the whole vocabulary held at a time; bounds the memory, changes no result

Touch = Literal["first", "second", "both", "all"]
"""Which tokens of a prompt get the vector: those of option A, of option B, of both, or every token."""


class Choices(NamedTuple):
    """The ordered prompts of n options that are asked: one tree per first option, its second options in `partners`."""

    prompts: dict[tuple[int, int], Prompt]
    trees: list[Tree]
    partners: list[list[int]]
    tokens: tuple[int, int]

    @property
    def n(self) -> int:
        """Number of options."""
        return len(self.trees)


class Kept(NamedTuple):
    """What steered passes of one tree start from, on the CPU."""

    residual: torch.Tensor  # (t, d) output of the block where they start
    prefix: list[forward.KeysValues]  # of the shared prefix, for the blocks above it
    answers: torch.Tensor  # (k, d) final-norm residuals that the unsteered answers are read from


class Baseline(NamedTuple):
    """Unsteered choices: `logits` of A and B (n, n, 2) and `mass` (n, n), the probability on A and B together.

    `kept` is one entry per tree where a layer was to be kept, else empty.
    """

    logits: np.ndarray
    mass: np.ndarray
    kept: list[Kept]

    @property
    def differences(self) -> np.ndarray:
        """Logit of A minus logit of B, (n, n), in nats."""
        return self.logits[..., 0] - self.logits[..., 1]


class Steered(NamedTuple):
    """Choices under m vectors: `logits` of A and B (m, n, n, 2); mass on A and B, entropy and KL, each (m, n, n)."""

    logits: np.ndarray
    mass: np.ndarray
    entropy: np.ndarray  # nats, of the whole distribution of the answer
    divergence: np.ndarray  # nats, Kullback-Leibler from the unsteered answer: sum q log(q / p), q steered, p not

    @property
    def differences(self) -> np.ndarray:
        """Logit of A minus logit of B, (m, n, n), in nats."""
        return self.logits[..., 0] - self.logits[..., 1]


def prepare(
    lm: LanguageModel, template: str, prefill: str, options: Sequence[str], asked: np.ndarray | None = None
) -> Choices:
    """Render the ordered pairs of options, check spans and answer tokens, and pack the prompts into trees.

    `asked` (n, n) bool says which pairs, at least one with each first option; None asks all.
    """
    prompts, trees, partners = {}, [], []
    for i, first in enumerate(options):
        others = [j for j in range(len(options)) if j != i and (asked is None or asked[i, j])]
        for j in others:
            values = {"activity_a": first, "activity_b": options[j]}
            prompts[i, j] = chat_prompt(lm, template, values, prefill)
        trees.append(pack([prompts[i, j].ids for j in others]))
        partners.append(others)
    longest = max(len(prompt.ids) for prompt in prompts.values())
    window = sliding_window(lm.model)
    if window is not None and longest > window:
        raise UserError(f"The longest preference prompt has {longest} tokens, the model's window {window}; shorten it.")
    tokens = {option_tokens(lm, prompts[0, partners[0][0]]), option_tokens(lm, prompts[1, partners[1][0]])}
    if len(tokens) != 1:
        raise UserError("The tokens of the answers A and B differ between prompts; change the prefill of the pack.")
    return Choices(prompts, trees, partners, tokens.pop())


def read_baseline(
    lm: LanguageModel,
    choices: Choices,
    keep_layer: int | None = None,
    advance: Callable[[float], None] = lambda _: None,
) -> Baseline:
    """Unsteered logits and A+B mass of all prompts; keeps what passes steered from `keep_layer` on start from."""
    logits = np.full((choices.n, choices.n, 2), np.nan)
    mass = np.full((choices.n, choices.n), np.nan)
    kept, residuals = [], []
    layers = [] if keep_layer is None else [keep_layer]
    for i, (tree, partners) in enumerate(zip(choices.trees, choices.partners, strict=True)):
        cache = None if keep_layer is None else DynamicCache()
        with (
            torch.inference_mode(),
            forward.watch_blocks(lm, layers, lambda _, residual: residuals.append(residual[0].cpu())) as fired,
            forward.last_block_at(lm, _index(lm, tree.read)),
        ):
            ids, positions, allowed = _tensors(lm, tree)
            hidden = forward.run_with_mask(lm, ids[None], positions[None], allowed, cache)[0, _index(lm, tree.read)]
            pair = forward.logits_of(lm, hidden, choices.tokens).double()
            total = forward.log_normaliser(lm, hidden).double()
        if any(fired[layer] != 1 for layer in layers):
            raise RuntimeError(f"capture hooks fired {fired} times in one pass, expected once on block {keep_layer}")
        if keep_layer is not None and cache is not None:
            prefix = forward.keys_values(cache, keep_layer + 1, tree.prefix)
            kept.append(Kept(residuals.pop(), [forward.KeysValues(k.cpu(), v.cpu()) for k, v in prefix], hidden.cpu()))
        logits[i, partners] = pair.cpu().numpy()
        mass[i, partners] = torch.exp(torch.logsumexp(pair, dim=1) - total).cpu().numpy()
        advance(len(partners))
    return Baseline(logits, mass, kept)


def read_steered(
    lm: LanguageModel,
    choices: Choices,
    baseline: Baseline,
    additions: Mapping[int, torch.Tensor],
    touch: Touch,
    tokens_per_batch: int = 4096,
    advance: Callable[[float], None] = lambda _: None,
) -> Steered:
    """Choices of all prompts under m steering vectors.

    `additions[layer]` (m, d) is added to the output of that block at the tokens that `touch` names. `baseline` must
    have kept the lowest of these layers; the pass starts there, and at the first touched token: what lies before it is
    the same for all vectors. `advance` gets finished prompts times vectors.
    """
    count = additions[min(additions)].shape[0]
    found = Steered(
        np.full((count, choices.n, choices.n, 2), np.nan), *(np.full((count, choices.n, choices.n), np.nan) for _ in range(3))
    )  # fmt: skip
    for i, (tree, partners) in enumerate(zip(choices.trees, choices.partners, strict=True)):
        touched, kept = _touched(choices, tree, i, touch), baseline.kept[i]
        shared = min(int(touched.argmax()), tree.prefix)
        with torch.inference_mode():
            before = forward.log_probabilities(lm, kept.answers.to(lm.device))
        step = max(1, tokens_per_batch // (tree.size - shared))
        for begin in range(0, count, step):
            rows = slice(begin, begin + step)
            chosen = {layer: vectors[rows].to(lm.device) for layer, vectors in additions.items()}
            hidden = _steered_pass(lm, tree, kept, chosen, touched, shared)
            with torch.inference_mode():
                found.logits[rows, i, partners] = forward.logits_of(lm, hidden, choices.tokens).double().cpu().numpy()
                shifts = _answer_shifts(lm, hidden, before, choices.tokens)
            for table, values in zip(found[1:], shifts, strict=True):
                table[rows, i, partners] = values.cpu().numpy()
            advance(hidden.shape[0] * hidden.shape[1])
    return found


def _steered_pass(
    lm: LanguageModel,
    tree: Tree,
    kept: Kept,
    additions: Mapping[int, torch.Tensor],
    touched: np.ndarray,
    shared: int,
) -> torch.Tensor:
    """Final-norm residuals (m, k, d) at the answers of one tree of k prompts under m vectors, in one batch.

    The first `shared` tokens are not run: no vector touches them or anything before them.
    """
    start = min(additions)
    count, above = len(additions[start]), [layer for layer in additions if layer > start]
    ids, positions, allowed = (tensor[shared:].to(lm.device) for tensor in _tensors(lm, tree))
    mask, read = torch.from_numpy(touched[shared:]).to(lm.device), _index(lm, tree.read - shared)
    with torch.inference_mode():
        entering = kept.residual[shared:].to(lm.device).expand(count, -1, -1)
        prefix = [forward.KeysValues(k.to(lm.device), v.to(lm.device)) for k, v in kept.prefix]
        cache = forward.filled_cache(prefix, start + 1, count, shared) if shared else None
        with (
            forward.start_after(lm, start, forward.added(additions[start], mask, entering)),
            forward.watch_blocks(lm, above, forward.add_at(additions, mask)) as fired,
            forward.last_block_at(lm, read),
        ):
            hidden = forward.run_with_mask(lm, ids.expand(count, -1), positions.expand(count, -1), allowed, cache)
        if any(fired[layer] != 1 for layer in above):
            raise RuntimeError(f"steering hooks fired {[fired[layer] for layer in above]} times, expected once each")
        return hidden[:, read]


def _answer_shifts(
    lm: LanguageModel, hidden: torch.Tensor, before: torch.Tensor, tokens: tuple[int, int]
) -> tuple[torch.Tensor, ...]:
    """Mass on A and B, entropy, and divergence from the unsteered answer, each (m, k).

    `hidden` (m, k, d) are final-norm residuals, `before` (k, v) the unsteered log probabilities.
    """
    found = []
    for rows in hidden.split(max(1, ANSWERS_AT_ONCE // hidden.shape[1])):
        after = forward.log_probabilities(lm, rows)
        q = after.exp()
        mass = q[..., list(tokens)].sum(dim=-1)
        # 0 log 0 is 0; a log probability is -inf only where the model masks a token.
        entropy = -torch.nan_to_num(q * after).sum(dim=-1)
        divergence = torch.nan_to_num(q * (after - before)).sum(dim=-1).clamp(min=0)
        found.append(torch.stack([mass, entropy, divergence]).double())
    return tuple(torch.cat(found, dim=1))


def _touched(choices: Choices, tree: Tree, first: int, touch: Touch) -> np.ndarray:
    """(t,) bool: the packed tokens that get the vector."""
    if touch == "all":
        return np.ones(tree.size, dtype=bool)
    mask = np.zeros(tree.size, dtype=bool)
    for name, role in (("activity_a", "first"), ("activity_b", "second")):
        if touch in (role, "both"):
            mask |= tree.touched([choices.prompts[first, second].spans[name] for second in choices.partners[first]])
    return mask


def _tensors(lm: LanguageModel, tree: Tree) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _index(lm, tree.ids), _index(lm, tree.positions), torch.from_numpy(tree.allowed()).to(lm.device)


def _index(lm: LanguageModel, values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(lm.device)
