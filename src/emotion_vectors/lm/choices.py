"""Read pairwise choices from a model: logit of A minus logit of B for every ordered pair, plain or steered.

In: n options and a question template with {activity_a} and {activity_b}. Out: an (n, n) matrix of differences in nats;
cell [i, j] is the prompt with option i as A and option j as B; what was not asked is NaN. Source: paper, preference
experiment; Hong (2026), section 3.4. The prompts with the same first option share it as one packed tree, where the model reads trees
as it reads each prompt alone (`tree_pass`); else each prompt is a row of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from transformers import DynamicCache

from emotion_vectors.errors import UserError
from emotion_vectors.lm import forward, kept_keys, readout
from emotion_vectors.lm.architecture import sliding_window
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.keeping import Keep, in_memory
from emotion_vectors.lm.limits import rotation_border
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import Prompt, chat_prompt, option_tokens
from emotion_vectors.lm.shifts import Shifts
from emotion_vectors.lm.starting import begin_of, steered
from emotion_vectors.lm.tree_pass import indices, obeys_masks, run_piece
from emotion_vectors.lm.trees import Piece, Tree, pack

BRANCHES_PER_ROW = 8  # of a tree; more cost attention, fewer copies of the prefix's keys and values. Changes no result
PROMPTS_PER_PIECE = 16  # of a model that reads every prompt in a row of its own. Changes no result

Touch = Literal["first", "second", "both", "all"]
"""Which tokens of a prompt get the vector: those of option A, of option B, of both, or every token."""


class Choices(NamedTuple):
    """The ordered prompts of n options that are asked: one tree per first option, its second options in `partners`."""

    prompts: dict[tuple[int, int], Prompt]
    trees: list[Tree]
    partners: list[list[int]]
    tokens: tuple[int, int]
    together: bool = True  # whether the model reads a tree at once; False: one prompt per row
    border: int | None = None  # no row of a piece lies beyond this length in tokens where others don't

    @property
    def n(self) -> int:
        """Number of options."""
        return len(self.trees)


class Kept(NamedTuple):
    """What steered passes of one tree start from, on the CPU or in mapped files."""

    begin: int  # the block that they start after, -1: whole passes
    residual: torch.Tensor  # (t, d) output of that block; empty for whole passes
    prefix: list[kept_keys.KeysValues]  # of the shared prefix, for the blocks above it; empty where a prompt is a row
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

    `asked` (n, n) bool says which pairs, at least one with each first option; None asks all. Where prompts lie beyond the model's
    `rotation_border`, each is a row: a beginning that they share would be rotated by its own length, or by that of another prompt.
    """
    prompts, partners = {}, []
    for i, first in enumerate(options):
        others = [j for j in range(len(options)) if j != i and (asked is None or asked[i, j])]
        for j in others:
            values = {"activity_a": first, "activity_b": options[j]}
            prompts[i, j] = chat_prompt(lm, template, values, prefill)
        partners.append(others)
    longest = max(len(prompt.ids) for prompt in prompts.values())
    if longest > (window := sliding_window(lm.model) or longest):
        raise UserError(f"The longest preference prompt has {longest} tokens, the model's window {window}; shorten it.")
    tokens = {option_tokens(lm, prompts[0, partners[0][0]]), option_tokens(lm, prompts[1, partners[1][0]])}
    if len(tokens) != 1:
        raise UserError("The tokens of the answers A and B differ between prompts; change the prefill of the pack.")
    border = rotation_border(lm) or longest
    trees = [pack([prompts[i, j].ids for j in others], longest <= border) for i, others in enumerate(partners)]
    return Choices(prompts, trees, partners, tokens.pop(), longest <= border and obeys_masks(lm), border)


def read_baseline(
    lm: LanguageModel,
    choices: Choices,
    keep_layer: int | None = None,
    advance: Callable[[float], None] = lambda _: None,
    keep: Keep = in_memory,
    first: Sequence[int] | None = None,
) -> Baseline:
    """Unsteered logits and A+B mass of all prompts; keeps what passes steered from `keep_layer` on start from.

    `keep` says where; see `lm.keeping`. `first`: only the prompts whose option A is one of these; None: all.
    """
    logits = np.full((choices.n, choices.n, 2), np.nan)
    mass = np.full((choices.n, choices.n), np.nan)
    kept: list[Kept] = []
    for i in range(choices.n) if first is None else first:
        tree, partners = choices.trees[i], choices.partners[i]
        with torch.inference_mode():
            found, start = _plain_pass(lm, choices, tree, keep_layer, keep)
            pair = readout.logits_of(lm, found, choices.tokens).double()
            total = readout.log_normaliser(lm, found).double()
            require_finite(lm, "The answers", pair, total)
        kept += [] if start is None else [start]
        logits[i, partners] = pair.cpu().numpy()
        mass[i, partners] = torch.exp(torch.logsumexp(pair, dim=1) - total).cpu().numpy()
        advance(len(partners))
    return Baseline(logits, mass, kept)


def kept_bytes(lm: LanguageModel, choices: Choices, layer: int) -> int:
    """About how much `read_baseline` keeps for passes steered from `layer` on: residuals, and the prefix's keys and values."""
    begin = begin_of(lm, layer)
    above = lm.n_layers - begin - 1 if choices.together else 0
    tokens = sum((tree.size if begin >= 0 else 0) + len(tree.read) + 2 * above * tree.prefix for tree in choices.trees)
    return tokens * lm.hidden_size * lm.dtype.itemsize


def _pieces(choices: Choices, tree: Tree, begin: int = 0) -> list[Piece]:
    """How a tree is run: from token `begin` on, or with every prompt in a row from its start."""
    return tree.pieces(begin, BRANCHES_PER_ROW) if choices.together else tree.rows(PROMPTS_PER_PIECE, choices.border)


def _plain_pass(
    lm: LanguageModel, choices: Choices, tree: Tree, keep_layer: int | None, keep: Keep
) -> tuple[torch.Tensor, Kept | None]:
    """Final-norm residuals (k, d) at the answers of one tree, and what passes steered from `keep_layer` on start from."""
    begin = -1 if keep_layer is None else begin_of(lm, keep_layer)
    layers = [begin] if begin >= 0 else []
    pieces, outputs, prefix, found = _pieces(choices, tree), [], [], []
    keeps_prefix = keep_layer is not None and choices.together
    cache = DynamicCache() if keeps_prefix or (choices.together and len(pieces) > 1) else None
    for number, piece in enumerate(pieces):
        if number and cache is not None:
            cache.batch_repeat_interleave(len(piece.tokens))
        with forward.watch_blocks(lm, layers, lambda _, residual: outputs.append(residual)):
            hidden = run_piece(lm, tree, piece, 1, cache, choices.together)
        found += [hidden[0]] if len(piece.read) else []
        if keeps_prefix and cache is not None and number == 0:
            prefix = kept_keys.keys_values(cache, begin + 1, tree.prefix)
    answers = torch.cat(found)
    if keep_layer is None:
        return answers, None
    residual = torch.empty(0)
    if begin >= 0:
        residual = outputs[0].new_empty(tree.size, outputs[0].shape[-1])
        for piece, output in zip(pieces, outputs, strict=True):
            real = indices(lm, np.flatnonzero(piece.real))
            residual[indices(lm, piece.tokens[piece.real])] = output.flatten(0, 1)[real]
        residual = keep(residual)
    kept = [kept_keys.KeysValues(keep(keys), keep(values)) for keys, values in prefix]
    return answers, Kept(begin, residual, kept, keep(answers))


def read_steered(
    lm: LanguageModel,
    choices: Choices,
    baseline: Baseline,
    additions: Mapping[int, torch.Tensor],
    touch: Touch,
    tokens_per_batch: int = 4096,
    advance: Callable[[float], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Steered:
    """Choices of all prompts under m steering vectors.

    `additions[layer]` (m, d) is added to the output of that block at the tokens that `touch` names. `baseline` must
    have kept the lowest of these layers; the pass starts there (`starting`), and at the first touched token: what lies before it
    is the same for all vectors. `advance` gets finished prompts times vectors. A batch that does not fit in memory is halved,
    and `say` is told. Results come from the device once, at the end.
    """
    count = len(additions[min(additions)])
    on_device = {layer: vectors.to(lm.device) for layer, vectors in additions.items()}
    room = Room(tokens_per_batch, "tokens", "steering", lm.device, say)
    answers = Shifts(lm, choices.tokens)
    for i, tree in enumerate(choices.trees):
        hidden = _in_batches(lm, choices, tree, baseline.kept[i], on_device, _touched(choices, tree, i, touch), room)
        with torch.inference_mode():
            answers.add(baseline.kept[i].answers.to(lm.device), hidden)
        advance(count * len(tree.read))
    found = answers.fetch().numpy()
    require_finite(lm, "The steered answers", found)
    return _tables(choices, found)


def _tables(choices: Choices, values: np.ndarray) -> Steered:
    """Values (m, prompts, 5) of the trees one after the other as tables over pairs of options."""
    first = np.repeat(np.arange(choices.n), [len(partners) for partners in choices.partners])
    tables = np.full((len(values), choices.n, choices.n, values.shape[-1]), np.nan)
    tables[:, first, np.concatenate(choices.partners)] = values
    return Steered(tables[..., :2], tables[..., 2], tables[..., 3], tables[..., 4])


def _in_batches(
    lm: LanguageModel,
    choices: Choices,
    tree: Tree,
    kept: Kept,
    additions: Mapping[int, torch.Tensor],
    touched: np.ndarray,
    room: Room,
) -> torch.Tensor:
    """Final-norm residuals (m, k, d) at the answers of one tree under all vectors, as many at once as there is room for."""
    count, begin, found = len(additions[min(additions)]), 0, []
    pieces = _pieces(choices, tree, min(int(touched.argmax()), tree.prefix))
    size = max(piece.tokens.size for piece in pieces)
    while begin < count:
        batch = min(max(1, room.size // size), count - begin)
        chosen = {layer: vectors[begin : begin + batch] for layer, vectors in additions.items()}
        run = partial(_steered_pass, lm, tree, kept, chosen, touched, pieces, choices.together)
        hidden = room.attempt(run, batch * size, smallest=batch == 1)
        if hidden is not None:
            found.append(hidden)
            begin += batch
    with torch.inference_mode():
        return torch.cat(found)


def _steered_pass(
    lm: LanguageModel,
    tree: Tree,
    kept: Kept,
    additions: Mapping[int, torch.Tensor],
    touched: np.ndarray,
    pieces: Sequence[Piece],
    together: bool,
) -> torch.Tensor:
    """Final-norm residuals (m, k, d) at the answers of one tree of k prompts under m vectors, in one batch.

    `pieces` begin after the tokens that are not run: no vector touches them or anything before them.
    """
    count, found = len(additions[min(additions)]), []
    seen, rows = pieces[0].allowed.shape[-1] - pieces[0].tokens.shape[-1], len(pieces[0].tokens)
    with torch.inference_mode():
        prefix = kept_keys.where_computed(lm, kept.prefix, kept.begin + 1)
        cache = kept_keys.filled_cache(prefix, kept.begin + 1, count * rows, seen) if seen else None
        cache = DynamicCache() if cache is None and together and len(pieces) > 1 else cache
        for number, piece in enumerate(pieces):
            rows = len(piece.tokens)
            if number and cache is not None:
                cache.batch_repeat_interleave(rows)
            mask = torch.from_numpy(touched[piece.tokens]).to(lm.device).repeat(count, 1)
            vectors = {layer: every.repeat_interleave(rows, dim=0) for layer, every in additions.items()}
            entering = None
            if kept.begin >= 0:
                entering = kept.residual[torch.from_numpy(piece.tokens)].to(lm.device).repeat(count, 1, 1)
            with steered(lm, kept.begin, entering, vectors, mask):
                hidden = run_piece(lm, tree, piece, count, cache, together)
            found += [hidden] if len(piece.read) else []
    return torch.cat(found, dim=1)


def _touched(choices: Choices, tree: Tree, first: int, touch: Touch) -> np.ndarray:
    """(t,) bool: the packed tokens that get the vector."""
    if touch == "all":
        return np.ones(tree.size, dtype=bool)
    mask = np.zeros(tree.size, dtype=bool)
    for name, role in (("activity_a", "first"), ("activity_b", "second")):
        if touch in (role, "both"):
            mask |= tree.touched([choices.prompts[first, second].spans[name] for second in choices.partners[first]])
    return mask
