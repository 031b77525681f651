"""Neutral texts -> their emotion scores at every layer: the numbers that a `Calibration` holds.

In: neutral texts as they are read (plain, or as a message), unit vectors, and what each text is centred with. Out: the statistics
of `calibration.REFERENCES` of each text. Each text is centred with the mean of the others, so that it is never part of its own
reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import numpy as np
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm import forward
from emotion_vectors.lm.finite import require_finite
from emotion_vectors.lm.limits import rotation_border
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.vectors.activations import batches
from emotion_vectors.vectors.calibration import KINDS, REFERENCES, own_tokens, pieces


class Read(NamedTuple):
    """A neutral text in one form: its token ids, the half-open range of its own tokens, and the response position."""

    ids: Sequence[int]
    tokens: tuple[int, int]
    response: int


def spread(count: int, most: int) -> list[int]:
    """Which of `count` texts are read: all, or `most` of them, spread evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def as_read(lm: LanguageModel, text: str) -> tuple[Read, ...]:
    """A neutral text in both forms: plain, and as the user's message; nothing where the chat template changes it."""
    try:
        plain, chat = converse(lm, text), converse(lm, [{"role": "user", "content": text}])
    except UserError:
        return ()
    span, message = plain.messages[0], chat.messages[0]
    return (
        Read(plain.ids, (span.first, span.last), span.last - 1),
        Read(chat.ids, (message.first, message.last), len(chat.ids) - 1),
    )


def refuse_unread(lm: LanguageModel, text: str) -> NoReturn:
    """Raise `UserError` with the reason why a neutral text can't be read in both forms."""
    try:
        converse(lm, text)
        converse(lm, [{"role": "user", "content": text}])
    except UserError as error:
        raise UserError(f"No neutral text can be read both as plain text and as a message: {error}") from error
    raise RuntimeError("a neutral text that can be read was refused")


def centred_with_others(around: np.ndarray, means: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """(m, l, d): what each of the texts `numbers` is centred with: the mean of the others.

    In `around` (l, d), the mean of all `means` (texts, l, d), a text would have a part of itself subtracted.
    """
    return around + (around - means[numbers]) / (len(means) - 1)


def cosines(residual: torch.Tensor, units: torch.Tensor, centre: torch.Tensor | None = None) -> torch.Tensor:
    """float32 cosines (..., n) of residuals (..., d), minus `centre` if given, with unit vectors (n, d)."""
    exact = residual.float()
    if centre is not None:
        exact = exact - centre
    lengths = torch.linalg.vector_norm(exact, dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    return ((exact @ units.T) / lengths).clamp(-1, 1)


def neutral_scores(
    lm: LanguageModel,
    reads: Sequence[Read],
    numbers: Sequence[int],
    units: np.ndarray,
    centres: np.ndarray,
    tokens_per_batch: int = 4096,
    advance: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Scores (k, r, l, n, m) float16, not sorted, of m neutral texts in one form.

    `numbers` (m,) spread the pieces; `units` (l, n, d) are the unit vectors; `centres` (m, l, d) is what each text is centred
    with: the neutral mean without that text, so that a text is never part of its own reference.
    """
    scores = np.empty((len(KINDS), len(REFERENCES), len(units), units.shape[1], len(reads)), dtype=np.float16)
    directions = torch.from_numpy(units).to(lm.device, torch.float32)
    for rows in batches([len(read.ids) for read in reads], tokens_per_batch, border=rotation_border(lm)):
        batch = forward.pad([reads[row].ids for row in rows], lm.device, lm.pad_id)
        around = torch.from_numpy(centres[rows]).to(lm.device, torch.float32)

        def take(layer: int, residual: torch.Tensor, rows: list[int] = rows, around: torch.Tensor = around) -> None:
            for kind, centre in enumerate((None, around[:, layer, None])):
                found = cosines(residual, directions[layer], centre)
                for place, row in enumerate(rows):
                    kept = _references(found[place], reads[row], numbers[row])
                    scores[kind, :, layer, :, row] = kept.cpu().numpy()

        with (
            torch.inference_mode(),
            forward.watch_blocks(lm, range(lm.n_layers), take),
            forward.stop_after(lm, lm.n_layers - 1),
        ):
            forward.run(lm, batch)
        advance(sum(len(reads[row].ids) for row in rows))
    require_finite(lm, "The scores of neutral texts", scores)
    return scores


def _references(found: torch.Tensor, read: Read, number: int) -> torch.Tensor:
    """(r, n) of one text's cosines (t, n), in the order of `REFERENCES`."""
    ranges = pieces(own_tokens(*read.tokens), number)
    means = [found[first:last].mean(dim=0) for first, last in ranges]
    maxima = [found[first:last].amax(dim=0) for first, last in ranges]
    return torch.stack([found[read.response], *means, *maxima])
