"""Log probability of words right after a sentence, plain and with vectors added to the sentence's tokens.

Shapes: v vectors, w words, r distinct rows, t tokens, d residual width. A word is scored as it is spelled after the sentence
with a space between: every token of it given those before it. Words that differ only in their last token share a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.forward import Batch, pad, run, stop_after, watch_blocks
from emotion_vectors.lm.limits import by_side, require_known, require_room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import locate
from emotion_vectors.lm.readout import log_probabilities
from emotion_vectors.lm.starting import begin_of, steered


class Spelled(NamedTuple):
    """A sentence and w words after it as the model reads them."""

    sentence: tuple[int, ...]  # ids, with a BOS where the tokenizer wants one
    touched: tuple[int, int]  # half-open token range of the sentence itself, without BOS
    words: tuple[tuple[int, ...], ...]  # ids of each word after the sentence


def spell(lm: LanguageModel, sentence: str, words: Sequence[str]) -> Spelled:
    """Token ids of `sentence` and of each word after it; a tokenizer that changes the sentence then is a `UserError`."""
    prompt = locate(lm.tokenizer, sentence, {"sentence": (0, len(sentence))})
    spelled = []
    for word in words:
        ids = locate(lm.tokenizer, f"{sentence} {word}", {}).ids
        if ids[: len(prompt.ids)] != prompt.ids or len(ids) == len(prompt.ids):
            raise UserError(f"After '{sentence}' the word '{word}' has no tokens of its own in {lm.name}.")
        require_known(lm, ids)
        require_room(lm, len(ids), what=f"The sentence '{sentence[:40]}'")
        spelled.append(ids[len(prompt.ids) :])
    return Spelled(prompt.ids, prompt.spans["sentence"], tuple(spelled))


@torch.inference_mode()
def word_log_probabilities(
    lm: LanguageModel, spelled: Spelled, layer: int, vectors: np.ndarray, tokens_per_batch: int = 4096
) -> np.ndarray:
    """Log probability (v, w) in nats of each word, summed over its tokens, under each of `vectors` (v, d).

    A vector is added to the output of block `layer` at the sentence's own tokens, not at a BOS and not at the word's tokens;
    a vector of zeros gives the plain model by the same path. Blocks up to `layer` run once for all vectors.
    """
    whole = np.zeros((len(vectors), len(spelled.words)))
    for columns in by_side(lm, [len(spelled.sentence) + len(word) - 1 for word in spelled.words]):
        some = spelled._replace(words=tuple(spelled.words[column] for column in columns))
        whole[:, columns] = _in_one_pass(lm, some, layer, vectors, tokens_per_batch)
    require_finite(lm, "The log probabilities", whole)
    return whole


def _in_one_pass(
    lm: LanguageModel, spelled: Spelled, layer: int, vectors: np.ndarray, tokens_per_batch: int
) -> np.ndarray:
    """(v, w) of words whose rows may share a pass."""
    beginnings = list(dict.fromkeys(word[:-1] for word in spelled.words))
    batch = pad([[*spelled.sentence, *beginning] for beginning in beginnings], lm.device, lm.pad_id)
    begin = begin_of(lm, layer)
    residual = _residual_after(lm, batch, begin) if begin >= 0 else None
    touched = torch.zeros(batch.ids.shape[1], dtype=torch.bool, device=lm.device)
    touched[slice(*spelled.touched)] = True
    found, at_once = [], max(1, tokens_per_batch // batch.ids.numel())
    for start in range(0, len(vectors), at_once):
        some = torch.from_numpy(np.asarray(vectors[start : start + at_once], dtype=np.float32)).to(lm.device)
        rows, count = len(beginnings), len(some)
        vectors_of_rows = {layer: some.repeat_interleave(rows, dim=0)}
        wide = Batch(*(part.repeat(count, 1) for part in batch))
        with steered(lm, begin, None if residual is None else residual.repeat(count, 1, 1), vectors_of_rows, touched):
            hidden = run(lm, wide).unflatten(0, (count, rows))
        found.append(_scored(lm, spelled, beginnings, hidden))
    return np.concatenate(found)


def _residual_after(lm: LanguageModel, batch: Batch, layer: int) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    with watch_blocks(lm, [layer], lambda _, residual: kept.append(residual.clone())), stop_after(lm, layer):
        run(lm, batch)
    return kept[0]


def _scored(
    lm: LanguageModel, spelled: Spelled, beginnings: Sequence[tuple[int, ...]], hidden: torch.Tensor
) -> np.ndarray:
    """(v, w) from final-norm residuals `hidden` (v, r, t, d)."""
    wanted: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for column, word in enumerate(spelled.words):
        row = beginnings.index(word[:-1])
        for step, token in enumerate(word):
            wanted.setdefault((row, len(spelled.sentence) - 1 + step), []).append((column, token))
    total = np.zeros((len(hidden), len(spelled.words)))
    for (row, place), tokens in wanted.items():
        table = log_probabilities(lm, hidden[:, row, place])
        for column, token in tokens:
            total[:, column] += table[:, token].double().cpu().numpy()
    return total
