"""Read texts with emotion vectors: how much of each direction is in the residual stream at every token?

Shapes: t tokens, e emotions, l layers, d width. Three numbers for every token, emotion and layer:

    raw         cosine of the residual and the vector, in [-1, 1]
    centred     the same after taking the mean activation of the neutral texts off the residual
    projection  residual . unit vector / mean residual norm of the layer: 1 is as long as the residual is on average

Source: paper, Figures 1 and 2 (projections and cosines by token); the centring by neutral texts is ours. What they can't
tell: a large part of a raw cosine is common to all tokens; compare texts, or read `centred`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.lm import forward
from emotion_vectors.lm.finite import NotFiniteError, sentence
from emotion_vectors.lm.limits import rotation_border
from emotion_vectors.lm.messages import Conversation, Messages, MessageSpan, converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.vectors.activations import batches
from emotion_vectors.vectors.calibration import own_tokens

if TYPE_CHECKING:
    import altair as alt

    from emotion_vectors.vectors.file import EmotionVectors

WINDOW = 64  # texts that `read_many` sorts by length at a time


@dataclass(frozen=True)
class Reading:
    """A text as emotion vectors see it, token by token.

    `ids` (t,) are the tokens that the model was fed and `tokens` (t,) their characters, which join to the rendered text.
    `raw`, `centred` and `projection` are (t, e, l) float32; `centred` is None where the vectors carry no neutral mean.
    `messages` are the token ranges of the contents; `response` is the position that predicts the first token of the
    last answer, None for a plain text. `reliability` (e,) is how far each emotion's direction agrees with itself (r of its
    halves; None where that is not known), and `in_sample` whether a message is one of the very texts that the vectors were
    made from (None: nobody knows). `control` are the places of control tokens that somebody wrote: the template's marks in a text or message.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    emotions: tuple[str, ...]
    layers: tuple[int, ...]
    raw: np.ndarray
    centred: np.ndarray | None
    projection: np.ndarray
    messages: tuple[MessageSpan, ...]
    response: int | None
    reliability: tuple[float | None, ...] = ()
    in_sample: bool | None = None
    control: tuple[int, ...] = ()

    def to_polars(self) -> pl.DataFrame:
        """A row for each token, name and layer (t x e x l of them): place, token, emotion, layer, raw, centred, projection."""
        t, e, n = self.raw.shape
        place, name, layer = (axis.ravel() for axis in np.indices((t, e, n)))
        return pl.DataFrame({
            "place": place, "token": [self.tokens[i] for i in place], "emotion": [self.emotions[i] for i in name],
            "layer": [self.layers[i] for i in layer], "raw": self.raw.ravel(),
            "centred": None if self.centred is None else self.centred.ravel(), "projection": self.projection.ravel(),
        }, schema_overrides={"centred": pl.Float32})  # fmt: skip

    def top(self, count: int = 5, layer: int | None = None) -> list[tuple[str, float]]:
        """The names that the text has most of, with their mean cosine: centred, or raw where there is no centre.

        The mean is over the tokens of the text or of all messages, without the very first one. `layer` None: the first
        of the reading's. Raises `UserError` for a layer that was not read.
        """
        means = self.own(layer).mean(axis=0)
        return [(self.emotions[i], float(means[i])) for i in np.argsort(-means, kind="stable")[:count]]

    def own(self, layer: int | None = None) -> np.ndarray:
        """(tokens, e): the cosines of `top` at the tokens of the text or of the messages."""
        ranges = [own_tokens(span.first, span.last) for span in self.messages]
        return self.cosines(layer)[[place for first, last in ranges for place in range(first, last)]]

    def cosines(self, layer: int | None = None) -> np.ndarray:
        """(t, e): the centred cosines at a layer, or the raw ones where there is no centre."""
        chosen = self.layers[0] if layer is None else layer
        if chosen not in self.layers:
            raise UserError(f"Layer {chosen} was not read; choose one of {', '.join(map(str, self.layers))}.")
        values = self.raw if self.centred is None else self.centred
        return values[:, :, self.layers.index(chosen)]

    def plot(self, layer: int | None = None, most: int = 20) -> alt.Chart:
        """A heat map, tokens x names, of the cosines of `top`: the `most` names that the text has most of, or all of them.

        It shows itself in a notebook; `plot().save("reading.html")` (.svg, .png) writes it.
        """
        from emotion_vectors.vectors.plotting import heat_map

        return heat_map(self, layer, most)

    def plot_layers(self, emotion: str) -> alt.Chart:
        """A heat map, tokens x layers, of one emotion's cosines at all layers of the reading.

        Raises `UserError` for an emotion that was not read.
        """
        from emotion_vectors.vectors.plotting import layer_map

        if emotion not in self.emotions:
            raise UserError(f"There is no reading of '{emotion}'; {nearest(emotion, list(self.emotions))}")
        return layer_map(self, emotion)


def read_batch(
    vectors: EmotionVectors,
    lm: LanguageModel,
    texts: Sequence[Conversation],
    emotions: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
) -> list[Reading]:
    """Read rendered texts in one padded forward pass that ends after the highest of `layers`.

    `emotions` None: all; `layers` None: the analysis layer. Raises `UserError` for names and layers that are not there
    and for vectors of another width or depth than the model, `NotFiniteError` for texts whose activations are NaN or infinite.
    """
    names = vectors.emotions if emotions is None else tuple(emotions)
    chosen = (vectors.layer,) if layers is None else tuple(layers)
    rows = [vectors.index(name) for name in names]
    known = vectors.reliability
    reliability = tuple(None if known is None else known.r[row] for row in rows)
    if not names or not chosen:
        raise UserError("There is nothing to read with; give at least one name and one layer.")
    vectors.check_fits(lm)
    units = {layer: _tensor(vectors.unit(layer)[rows], lm) for layer in chosen}
    batch = forward.pad([text.ids for text in texts], lm.device, lm.pad_id)
    found: dict[int, tuple[np.ndarray, ...]] = {}

    def take(layer: int, residual: torch.Tensor) -> None:
        exact = residual.float()
        dots = exact @ units[layer].T
        parts = [dots / float(vectors.residual_norm[layer]), _cosine(dots, exact)]
        if vectors.centre is not None:
            centre = _tensor(vectors.centre[layer], lm)
            parts.append(_cosine(dots - units[layer] @ centre, exact - centre))
        found[layer] = tuple(part.cpu().numpy() for part in parts)

    with (
        torch.inference_mode(),
        forward.watch_blocks(lm, sorted(units), take),
        forward.stop_after(lm, max(chosen)),
    ):
        forward.run(lm, batch)
    projection, raw, *centred = (
        np.stack(part, axis=-1) for part in zip(*(found[layer] for layer in chosen), strict=True)
    )
    bad = [
        row
        for row, text in enumerate(texts)
        if not all(np.isfinite(part[row, : len(text.ids)]).all() for part in (projection, raw, *centred))
    ]
    if bad:
        raise NotFiniteError(sentence(lm, "The activations"), bad)
    return [
        Reading(
            text.ids, text.tokens, names, chosen, raw[row, : len(text.ids)],
            centred[0][row, : len(text.ids)] if centred else None, projection[row, : len(text.ids)], text.messages, text.response,
            reliability, _in_sample(vectors, text), text.control,
        )
        for row, text in enumerate(texts)
    ]  # fmt: skip


def _in_sample(vectors: EmotionVectors, text: Conversation) -> bool | None:
    """Whether one of a text's messages is a text that the vectors were made from."""
    if vectors.text_hashes is None:
        return None
    return any(vectors.in_sample("".join(text.tokens[span.first : span.last])) for span in text.messages)


def read_many(
    vectors: EmotionVectors,
    lm: LanguageModel,
    texts: Iterable[str | Messages],
    emotions: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    tokens_per_batch: int = 4096,
) -> Iterator[Reading]:
    """Read many texts or chats, in their order; texts of similar length share a pass of at most `tokens_per_batch`.

    Warns where a message has parts that are not text, which are left out.
    """
    waiting = iter(texts)
    while window := list(islice(waiting, WINDOW)):
        rendered = [converse(lm, text) for text in window]
        if skipped := sum(sum(text.other_parts) for text in rendered):
            warnings.warn(f"Only words are read; pictures, sounds and files left out: {skipped}.", stacklevel=3)
        readings: dict[int, Reading] = {}
        for rows in batches([len(text.ids) for text in rendered], tokens_per_batch, border=rotation_border(lm)):
            group = read_batch(vectors, lm, [rendered[row] for row in rows], emotions, layers)
            readings |= dict(zip(rows, group, strict=True))
        yield from (readings[row] for row in range(len(rendered)))


def _tensor(values: np.ndarray, lm: LanguageModel) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(lm.device)


def _cosine(dots: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Dot products (b, t, e) with unit vectors, over the lengths of `rows` (b, t, d); within [-1, 1] despite rounding."""
    lengths = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return (dots / lengths.clamp(min=torch.finfo(torch.float32).tiny)).clamp(-1, 1)
