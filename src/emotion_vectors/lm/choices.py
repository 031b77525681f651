"""Read pairwise choices from a model: logit of A minus logit of B for every ordered pair, plain or steered.

In: n options and a question template with {activity_a} and {activity_b}. Out: an (n, n) matrix of differences in nats;
cell [i, j] is the prompt with option i as A and option j as B; the diagonal is NaN. Source: paper, preference
experiment; seed report section 3.4. The n - 1 prompts with the same first option share it as one packed tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm import forward
from emotion_vectors.lm.architecture import sliding_window
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import Prompt, chat_prompt, option_tokens
from emotion_vectors.lm.trees import Tree, pack

Where = Literal["steered", "both", "all"]


class Choices(NamedTuple):
    """All ordered prompts of n options: one tree per first option, its second options in `partners`."""

    prompts: dict[tuple[int, int], Prompt]
    trees: list[Tree]
    partners: list[list[int]]
    tokens: tuple[int, int]

    @property
    def n(self) -> int:
        """Number of options."""
        return len(self.trees)

    @property
    def packed_tokens(self) -> int:
        """Tokens of all trees together."""
        return sum(tree.size for tree in self.trees)


class Baseline(NamedTuple):
    """Unsteered choices: `logits` of A and B (n, n, 2) and `mass` (n, n), the probability on A and B together."""

    logits: np.ndarray
    mass: np.ndarray
    residuals: list[torch.Tensor]  # per tree: output (t, d) of the block where steered passes start, on the CPU

    @property
    def differences(self) -> np.ndarray:
        """Logit of A minus logit of B, (n, n), in nats."""
        return self.logits[..., 0] - self.logits[..., 1]


def prepare(lm: LanguageModel, template: str, prefill: str, options: Sequence[str]) -> Choices:
    """Render every ordered pair of options, check spans and answer tokens, and pack the prompts into trees."""
    prompts, trees, partners = {}, [], []
    for i, first in enumerate(options):
        others = [j for j in range(len(options)) if j != i]
        for j in others:
            values = {"activity_a": first, "activity_b": options[j]}
            prompts[i, j] = chat_prompt(lm, template, values, prefill)
        trees.append(pack([prompts[i, j].ids for j in others]))
        partners.append(others)
    longest = max(len(prompt.ids) for prompt in prompts.values())
    window = sliding_window(lm.model)
    if window is not None and longest > window:
        raise UserError(f"The longest preference prompt has {longest} tokens, the model's window {window}; shorten it.")
    tokens = {option_tokens(lm, prompt) for prompt in (prompts[0, 1], prompts[1, 0])}
    if len(tokens) != 1:
        raise UserError("The tokens of the answers A and B differ between prompts; change the prefill of the pack.")
    return Choices(prompts, trees, partners, tokens.pop())


def read_baseline(
    lm: LanguageModel, choices: Choices, keep_layer: int | None, advance: Callable[[float], None] = lambda _: None
) -> Baseline:
    """Unsteered differences and A+B mass of all prompts; keeps the residual after block `keep_layer` if given."""
    logits = np.full((choices.n, choices.n, 2), np.nan)
    mass = np.full((choices.n, choices.n), np.nan)
    residuals: list[torch.Tensor] = []

    def keep(_: int, residual: torch.Tensor) -> None:
        residuals.append(residual[0].cpu())

    layers = [] if keep_layer is None else [keep_layer]
    for i, (tree, partners) in enumerate(zip(choices.trees, choices.partners, strict=True)):
        with torch.inference_mode(), forward.watch_blocks(lm, layers, keep) as fired:
            ids, positions, allowed = _tensors(lm, tree)
            hidden = forward.run_with_mask(lm, ids[None], positions[None], allowed)[0, _index(lm, tree.read)]
            pair = forward.logits_of(lm, hidden, choices.tokens).double()
            total = forward.log_normaliser(lm, hidden).double()
        if any(fired[layer] != 1 for layer in layers):
            raise RuntimeError(f"capture hooks fired {fired} times in one pass, expected once on block {keep_layer}")
        logits[i, partners] = pair.cpu().numpy()
        mass[i, partners] = torch.exp(torch.logsumexp(pair, dim=1) - total).cpu().numpy()
        advance(len(partners))
    return Baseline(logits, mass, residuals)


def read_steered(
    lm: LanguageModel,
    choices: Choices,
    residuals: Sequence[torch.Tensor],
    additions: Mapping[int, torch.Tensor],
    steered: np.ndarray,
    where: Where = "steered",
    tokens_per_batch: int = 4096,
    advance: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Logits (m, n, n, 2) of A and B for the mixed pairs (one steered, one control option) under m steering vectors.

    `additions[layer]` (m, d) is added to the output of that block at the touched tokens; `residuals` are the outputs
    of the lowest of these blocks, from `read_baseline`. `steered` (n,) bool marks the steered options. `where`: the
    tokens of the steered option only (the paper), of both options (the seed's bug), or all tokens. Pairs within one
    half are not run and stay NaN. `advance` gets finished prompts times vectors.
    """
    start = min(additions)
    count = additions[start].shape[0]
    logits = np.full((count, choices.n, choices.n, 2), np.nan)
    for i, full in enumerate(choices.trees):
        keep = [k for k, j in enumerate(choices.partners[i]) if steered[i] != steered[j]]
        if not keep:
            continue
        tree, rows = full.select(keep)
        seconds = [choices.partners[i][k] for k in keep]
        touched = torch.from_numpy(_touched(choices, tree, i, seconds, steered, where)).to(lm.device)
        entering = residuals[i][torch.from_numpy(rows)].to(lm.device)
        step = max(1, tokens_per_batch // tree.size)
        for begin in range(0, count, step):
            chosen = {layer: vectors[begin : begin + step].to(lm.device) for layer, vectors in additions.items()}
            values = _steered_pass(lm, choices.tokens, tree, entering, chosen, touched)
            logits[begin : begin + step, i, seconds] = values
            advance(values.size / 2)
    return logits


def _steered_pass(
    lm: LanguageModel,
    tokens: tuple[int, int],
    tree: Tree,
    entering: torch.Tensor,
    additions: Mapping[int, torch.Tensor],
    touched: torch.Tensor,
) -> np.ndarray:
    """Logits (m, k, 2) of one tree of k prompts under m vectors in one batch that starts after the lowest layer."""
    start = min(additions)
    add = forward.add_at(additions, touched)
    above = [layer for layer in additions if layer > start]
    with torch.inference_mode():
        first = forward.added(additions[start], touched, entering[None].expand(len(additions[start]), -1, -1))
        ids, positions, allowed = _tensors(lm, tree)
        size = (len(first), -1)
        with forward.start_after(lm, start, first), forward.watch_blocks(lm, above, add) as fired:
            hidden = forward.run_with_mask(lm, ids.expand(size), positions.expand(size), allowed)
        if any(fired[layer] != 1 for layer in above):
            raise RuntimeError(f"steering hooks fired {[fired[layer] for layer in above]} times, expected once each")
        pair = forward.logits_of(lm, hidden[:, _index(lm, tree.read)], tokens).double()
    return pair.cpu().numpy()


def _touched(
    choices: Choices, tree: Tree, first: int, seconds: Sequence[int], steered: np.ndarray, where: Where
) -> np.ndarray:
    """(t,) bool: the packed tokens that get the vector."""
    if where == "all":
        return np.ones(tree.size, dtype=bool)
    mask = np.zeros(tree.size, dtype=bool)
    for name in ("activity_a", "activity_b"):
        spans = [
            choices.prompts[first, second].spans[name]
            if where == "both" or steered[first if name == "activity_a" else second]
            else None
            for second in seconds
        ]
        mask |= tree.touched(spans)
    return mask


def _tensors(lm: LanguageModel, tree: Tree) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _index(lm, tree.ids), _index(lm, tree.positions), torch.from_numpy(tree.allowed()).to(lm.device)


def _index(lm: LanguageModel, values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(lm.device)
