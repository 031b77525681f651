"""Vectors with names: the class that opens their file, reads texts and steers with them.

`vectors.storing` has the file's form, `vectors.making` and `vectors.combining` make vectors from texts, arrays and other vectors.
PyTorch is loaded by the methods that need a model, not by opening a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.vectors import in_sample, storing
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.directions import cosine, unit
from emotion_vectors.vectors.layers import in_short, several
from emotion_vectors.vectors.reliability import Reliability, caution

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from emotion_vectors.lm.lens import LensTokens
    from emotion_vectors.lm.messages import Messages
    from emotion_vectors.lm.model import LanguageModel
    from emotion_vectors.vectors.reading import Reading
    from emotion_vectors.vectors.steering import Addition, Steering, Tokens


@dataclass(frozen=True, repr=False)
class EmotionVectors:
    """One direction per emotion and layer, with where they come from.

    `raw` and `projected` are (layers, emotions, d) in residual-stream units; `residual_norm` (layers,) is the mean
    residual norm over story tokens; `layer` is the analysis layer; `kind` says which of the two the class hands out.
    `centre` (layers, d) is the mean over the neutral texts of their mean activations, None in files that lack it.
    `calibration` holds the scores of the neutral texts, None where they were not made. `text_hashes` (s,) are those of the
    texts that the vectors were made from (`vectors.in_sample`), None where nobody knows them.
    """

    emotions: tuple[str, ...]
    raw: np.ndarray
    projected: np.ndarray
    embedding: np.ndarray
    residual_norm: np.ndarray
    layer: int
    kind: str = "projected"
    header: dict[str, Any] = field(default_factory=dict)
    centre: np.ndarray | None = None
    calibration: Calibration | None = None
    text_hashes: np.ndarray | None = None

    def __repr__(self) -> str:
        """What they are in one line."""
        shown = ", ".join(self.emotions[:4]) + (", ..." if len(self) > 4 else "")
        return (
            f"EmotionVectors({len(self)} x {self.concept}: {shown}; {self.header.get('model', 'unknown model')}, layer {self.layer} of "
            f"{len(self.raw)}, {self.kind})"
        )

    def __len__(self) -> int:
        """How many vectors there are."""
        return len(self.emotions)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self.emotions)

    def __contains__(self, name: object) -> bool:
        """Whether there is a vector of this name."""
        return name in self.emotions

    @property
    def concept(self) -> str:
        """What the names are: "emotion", or what whoever made the vectors called it ("persona")."""
        return str(self.header.get("concept", "emotion"))

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that have vectors: all of the model's, or for imported vectors those that the file had."""
        given = self.header.get("layers_given")
        return tuple(range(len(self.raw))) if given is None else tuple(given)

    @property
    def reliability(self) -> Reliability | None:
        """How far the directions agree with themselves over halves of their texts; None where that was not measured."""
        return Reliability.from_header(self.header.get("reliability"), self.emotions)

    def caution(self) -> str:
        """One sentence for readers where the vectors don't agree with themselves, or where nobody knows; else ""."""
        return caution(self.reliability)

    def in_sample(self, text: str) -> bool | None:
        """Whether the vectors were made from this very text, so that reading it says nothing; None where their texts are not known."""
        return None if self.text_hashes is None else in_sample.is_among(text, self.text_hashes)

    def at(self, layer: int | None = None) -> np.ndarray:
        """All directions (emotions, d) at `layer` (default: the analysis layer)."""
        chosen = self.layer if layer is None else layer
        if not 0 <= chosen < len(self.raw):
            raise UserError(f"There is no layer {chosen}; layers go from 0 to {len(self.raw) - 1}.")
        if chosen not in self.layers:
            raise UserError(f"The vectors' file has none at layer {chosen}; choose one of {in_short(self.layers)}.")
        return (self.projected if self.kind == "projected" else self.raw)[chosen]

    def unit(self, layer: int | None = None) -> np.ndarray:
        """All directions (emotions, d) at `layer`, scaled to length 1."""
        return unit(self.at(layer))

    def __getitem__(self, emotion: str) -> np.ndarray:
        """The direction (d,) of one emotion at the analysis layer."""
        return self.at()[self.index(emotion)]

    def index(self, emotion: str) -> int:
        """Row of an emotion; an unknown one is a `UserError`."""
        if emotion not in self.emotions:
            raise UserError(f"There is no vector for '{emotion}'; {nearest(emotion, self.emotions)}")
        return self.emotions.index(emotion)

    def read(
        self,
        model: LanguageModel,
        text_or_messages: str | Messages,
        emotions: Sequence[str] | None = None,
        layers: int | Sequence[int] | None = None,
    ) -> Reading:
        """Read a text, or a chat in the OpenAI format, token by token; see `Reading` for what comes back.

        `emotions` None: all. `layers` None: the analysis layer. Raises `UserError` for names, layers and messages that
        are not valid, for a model that the vectors don't fit, and for a text longer than the model's context.
        """
        return next(self.read_many(model, [text_or_messages], emotions, layers))

    def read_many(
        self,
        model: LanguageModel,
        texts: Iterable[str | Messages],
        emotions: Sequence[str] | None = None,
        layers: int | Sequence[int] | None = None,
        tokens_per_batch: int = 4096,
    ) -> Iterator[Reading]:
        """`read` for many texts, in their order; texts of similar length share a pass of at most `tokens_per_batch`."""
        from emotion_vectors.lm.wrapping import wrapped
        from emotion_vectors.vectors.reading import read_many

        return read_many(self, wrapped(model), texts, emotions, several(layers), tokens_per_batch)

    def steer(
        self,
        model: LanguageModel | PreTrainedModel,
        strengths: Mapping[str, float],
        layers: int | Sequence[int] | None = None,
        tokens: Tokens = "all",
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> AbstractContextManager[Steering]:
        """A context in which the model, of this package or of transformers, is steered with some emotions.

        `strengths` are in units of the layer's mean residual norm; several `layers` share them equally; None: the
        analysis layer. `tokens`: all, prompt, response or `TextSpan("words")`; see `vectors.steering`. The context's
        object says which tokens were touched. Raises `UserError` for names, layers and models that don't fit.
        """
        from emotion_vectors.vectors.steering import steer

        self.check_fits(model)
        return steer(model, self.additions(strengths, layers), tokens, tokenizer)

    def additions(self, strengths: Mapping[str, float], layers: int | Sequence[int] | None = None) -> list[Addition]:
        """What `steer` adds: at each layer strength x mean residual norm x unit vector / number of layers, summed."""
        from emotion_vectors.vectors.steering import Addition

        chosen = several(layers) or (self.layer,)
        shares = np.array(list(strengths.values()), dtype=np.float64) / len(chosen)
        rows = [self.index(emotion) for emotion in strengths]
        return [Addition(layer, (shares @ self.unit(layer)[rows]) * self.residual_norm[layer]) for layer in chosen]

    def similarity(self, layer: int | None = None) -> np.ndarray:
        """Cosines (emotions, emotions) between all directions at `layer` (default: the analysis layer)."""
        return cosine(self.at(layer), self.at(layer))

    def lens(
        self,
        emotion: str | np.ndarray,
        model: LanguageModel | None = None,
        top: int = 10,
        layer: int | None = None,
        through_norm: bool = False,
    ) -> LensTokens:
        """The `top` output tokens that an emotion, or a vector (d,) made of several, promotes and suppresses.

        Values are logits of the unit vector, straight or through the final norm. `model` None loads the model that the
        vectors were made with; one whose weights have another hash is a `UserError`.
        """
        from emotion_vectors.lm.lens import tokens_of
        from emotion_vectors.lm.wrapping import wrapped

        direction = self.at(layer)[self.index(emotion)] if isinstance(emotion, str) else np.asarray(emotion)
        lm = self.own_model() if model is None else wrapped(model)
        self.check_fits(lm)
        if direction.shape != self.embedding.shape[1:]:
            raise UserError(
                f"A vector of shape {direction.shape} has no logits; its width must be {self.raw.shape[2]}."
            )
        return tokens_of(lm, unit(direction), top, through_norm)

    def own_model(self) -> LanguageModel:
        """Load the model that these vectors were made from, in their dtype; other weights under its name are a `UserError`."""
        from emotion_vectors.vectors.loading import load_model_of

        return load_model_of(self.header, remedy="load the right model with load_model and pass it on")

    def check_fits(self, model: LanguageModel | PreTrainedModel) -> None:
        """Refuse a model of another width or number of layers than the vectors."""
        from emotion_vectors.vectors.loading import check_fits

        check_fits(model, (len(self.raw), self.raw.shape[2]), self.header)

    def subset(self, names: Sequence[str]) -> EmotionVectors:
        """The vectors of some names, in that order, with what was measured of each; an unknown name is a `UserError`."""
        from emotion_vectors.vectors.combining import subset

        return subset(self, names)

    def __add__(self, other: EmotionVectors) -> EmotionVectors:
        """The vectors of both, of the same model, layers and kind and with different names, else a `UserError`.

        Strengths and centred readings are those of the left one; scores of neutral texts stay where both have the same texts.
        """
        from emotion_vectors.vectors.combining import joined

        return joined(self, other)

    @classmethod
    def from_texts(
        cls,
        model: LanguageModel,
        texts: Mapping[str, Sequence[str]],
        neutral: str | Sequence[str] = "ours",
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        first_token: int | None = None,
        layer: int | None = None,
        neutral_variance: float = 0.5,
        concept: str = "concept",
        seed: int = 0,
    ) -> EmotionVectors:
        """Vectors of your own concepts from texts by label, two or more of each; `vectors.making` says how.

        `neutral`: texts of your own, a file of them, or 40 of ours. `groups`: topics of the texts, which halves of the
        reliability don't share. `concept`: what the labels are ("persona"). Raises `UserError` for what can't be used.
        """
        from emotion_vectors.corpus.labelled import neutral_texts
        from emotion_vectors.lm.wrapping import wrapped
        from emotion_vectors.vectors.labelled import from_mapping
        from emotion_vectors.vectors.making import make

        given = from_mapping(texts, groups)
        plain, name = neutral_texts(neutral) if isinstance(neutral, str) else (list(neutral), "given")
        return make(
            wrapped(model), given, plain, first_token=first_token, layer=layer, neutral_variance=neutral_variance, concept=concept, seed=seed,
            about={"neutral": name},
        )  # fmt: skip

    @classmethod
    def from_arrays(
        cls,
        directions: Mapping[str, np.ndarray],
        model: LanguageModel,
        *,
        layer: int | None = None,
        residual_norm: np.ndarray | None = None,
        concept: str = "concept",
    ) -> EmotionVectors:
        """Directions by name: each (d,) for `layer` (None: the model's analysis layer), or each (layers, d).

        `residual_norm` (layers,) is the unit of strengths; None measures it over ten neutral texts of ours. There is no centre,
        no reliability and no scores of neutral texts. Raises `UserError` for shapes that the model doesn't have.
        """
        from emotion_vectors.corpus.labelled import neutral_texts
        from emotion_vectors.lm.wrapping import wrapped
        from emotion_vectors.vectors.combining import from_arrays

        plain = neutral_texts("ours", 10)[0] if residual_norm is None else ()
        return from_arrays(directions, wrapped(model), layer, residual_norm, concept, plain)

    def save(self, path: str | Path) -> None:
        """Write the safetensors file, whole or not at all."""
        storing.write(self, Path(path))

    @classmethod
    def load(cls, source: str | Path, *, calibrated: bool = True) -> EmotionVectors:
        """Read a run folder, a `.safetensors` file, or `vectors.safetensors` of a Hugging Face repository (`owner/name`).

        `calibrated=False` leaves the scores of neutral texts beside them alone, which only reading other texts needs.
        Raises `UserError` for what is none of these, and for a file of something else.
        """
        return cls(**storing.read(source, calibrated))
