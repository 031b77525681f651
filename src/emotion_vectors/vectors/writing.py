"""Write unsteered, steered and under a random direction of the same length, from the same seeds, to look at side by side.

The three are written one after the other and know nothing of each other: each text depends on the prompt, its vectors, its
seed and the sampling. Strengths are in units of the mean residual norm of the layer, shared over several layers.
Two numbers say whether a text holds together: the share of its words that it had used before, and the mean log probability
of its tokens under the plain model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.lm.answers import answer_steered, mean_log_probability
from emotion_vectors.lm.decode import Touched
from emotion_vectors.lm.finite import require_addable
from emotion_vectors.lm.limits import require_known, require_room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import locate, render
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.lm.templates import fronted, opening, ready
from emotion_vectors.lm.writers.base import read_text
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.steering import Addition

# From here on a text is called broken beside the unsteered one of the same seed: nats per token less, share repeated more.
MOST_UNLIKELY, MOST_REPEATED = 2.0, 0.25
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True)
class Text:
    """One written text. `kind`: unsteered, steered or random; `log_probability`: mean over tokens, plain model, nats."""

    kind: str
    sample: int
    seed: int
    text: str
    tokens: int
    log_probability: float | None
    repeated: float


@dataclass(frozen=True)
class Comparison:
    """The three kinds of texts and how they were made."""

    model: str
    prompt: str
    system: str
    emotions: dict[str, float]
    layers: tuple[int, ...]
    residual_norm: tuple[float, ...]
    tokens: str
    seed: int
    temperature: float
    top_p: float
    max_tokens: int
    texts: tuple[Text, ...]
    warnings: tuple[str, ...]
    caution: str
    """One sentence where the vectors don't agree with themselves, or where that is not known; else ""."""
    reliability: dict[str, float | None]
    """How far each emotion's direction agrees with itself: r of its halves."""
    opening: str = ""  # what was added to the template's text so that the answer begins

    def as_dict(self) -> dict[str, object]:
        """Everything as plain values, for JSON."""
        return asdict(self)

    def of(self, kind: str) -> list[Text]:
        """The texts of one kind, by sample."""
        return [text for text in self.texts if text.kind == kind]


def compare_writing(
    vectors: EmotionVectors,
    lm: LanguageModel,
    prompt: str,
    emotions: Mapping[str, float],
    *,
    layers: Sequence[int] | None = None,
    tokens: Touched = "all",
    system: str = "",
    sampling: Sampling = Sampling(max_new_tokens=80),
    samples: int = 1,
    seed: int = 0,
) -> Comparison:
    """Write `samples` texts of each kind; sample i has seed `seed` + i in all three. `layers` None: the analysis layer.

    Raises `UserError` for an unknown emotion, a strength that is not a number, a layer that is not there, an empty prompt, or
    vectors of another width than the model's.
    """
    chosen = tuple(dict.fromkeys([vectors.layer] if layers is None else layers))
    check(vectors, prompt, emotions, chosen)
    vectors.check_fits(lm)
    steered = vectors.additions(emotions, chosen)
    for added in steered:
        require_addable(added.vector, lm.dtype)
    messages = said(prompt, system)
    ids = prompt_ids(lm, messages, sampling.max_new_tokens)
    known = vectors.reliability
    texts = [
        text
        for kind, added in (("unsteered", []), ("steered", steered), ("random", random_like(steered, seed)))
        for text in _write(lm, kind, ids, added, [seed + i for i in range(samples)], sampling, tokens)
    ]
    return Comparison(
        lm.name, prompt, system, dict(emotions), chosen, tuple(float(vectors.residual_norm[layer]) for layer in chosen),
        tokens, seed, sampling.temperature, sampling.top_p, sampling.max_new_tokens, tuple(texts), tuple(_warnings(texts, samples)),
        vectors.caution(), {name: None if known is None else known.r[vectors.index(name)] for name in emotions},
        opening(lm, messages),
    )  # fmt: skip


def check(vectors: EmotionVectors, prompt: str, emotions: Mapping[str, float], layers: Sequence[int]) -> None:
    """Raise `UserError` for what can't be asked of these vectors, whatever the model."""
    if not prompt.strip():
        raise UserError("The prompt is empty; write one, or - to read it from the standard input.")
    if not emotions:
        raise UserError("Say what to steer with: --emotion calm=0.3.")
    for emotion, strength in emotions.items():
        if emotion not in vectors.emotions:
            raise UserError(f"There is no vector for '{emotion}'; {nearest(emotion, list(vectors.emotions))}")
        if not math.isfinite(strength):
            raise UserError(f"The strength of {emotion} is {strength}; give a number such as 0.3.")
    for layer in layers:
        vectors.at(layer)


def random_like(additions: Sequence[Addition], seed: int) -> list[Addition]:
    """One random direction, the same at every layer and for the same seed, as long as what is added there."""
    drawn = np.random.default_rng(seed).standard_normal(additions[0].vector.shape)
    return [Addition(layer, unit(drawn) * np.linalg.norm(vector)) for layer, vector in additions]


def said(prompt: str, system: str = "") -> list[dict[str, str]]:
    """The chat that is answered."""
    return ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": prompt}]


def prompt_ids(lm: LanguageModel, messages: list[dict[str, str]], max_new_tokens: int) -> tuple[int, ...]:
    """The token ids of a conversation, up to where the answer of at most `max_new_tokens` begins; `UserError` if it doesn't fit."""
    ids = locate(lm.tokenizer, _rendered(lm, messages), {}, begun=fronted(lm)).ids
    require_known(lm, ids)
    require_room(lm, len(ids), max_new_tokens, "The prompt")
    return tuple(ids)


def _rendered(lm: LanguageModel, messages: list[dict[str, str]]) -> str:
    """The conversation as text, up to where the answer begins."""
    if not lm.is_chat:
        return "\n\n".join([*(one["content"] for one in messages[:-1]), render(lm, messages[-1]["content"])])
    try:
        text = ready(lm, messages)
    except UserError as error:
        if len(messages) > 1 and "refuses these messages" in str(error):
            raise UserError(
                f"{str(error).removesuffix('.')}; it may not accept a system text: leave --system out."
            ) from error
        raise
    if len(messages) > 1 and messages[0]["content"].strip() not in text:
        raise UserError(f"The chat template of {lm.name} ignores system texts; leave --system out.")
    return text


def _write(
    lm: LanguageModel,
    kind: str,
    ids: Sequence[int],
    added: Sequence[Addition],
    seeds: Sequence[int],
    sampling: Sampling,
    tokens: Touched,
) -> list[Text]:
    rows = {layer: np.tile(vector, (len(seeds), 1)) for layer, vector in added}
    written = answer_steered(lm, ids, rows, seeds, sampling, tokens)
    made = []
    for sample, (seed, answer) in enumerate(zip(seeds, written, strict=True)):
        text = read_text(lm, answer)
        words = _WORD.findall(text.lower())
        repeated = 1 - len(set(words)) / len(words) if words else 0.0
        made.append(Text(kind, sample, seed, text, len(answer), mean_log_probability(lm, ids, answer), repeated))
    return made


def _warnings(texts: Sequence[Text], samples: int) -> list[str]:
    """A sentence for each kind whose texts fall apart beside the unsteered ones of the same seeds."""
    found = []
    plain = texts[:samples]
    for kind, group in (("steered", texts[samples : 2 * samples]), ("random", texts[2 * samples :])):
        likely = [
            own.log_probability - other.log_probability
            for own, other in zip(group, plain, strict=True)
            if own.log_probability is not None and other.log_probability is not None
        ]
        lost = -float(np.mean(likely)) if likely else 0.0
        more = float(np.mean([own.repeated - other.repeated for own, other in zip(group, plain, strict=True)]))
        if lost > MOST_UNLIKELY or more > MOST_REPEATED:
            found.append(
                f"The {kind} text falls apart: per token it is {lost:.1f} nats less likely than the unsteered one, and "
                f"{100 * more:+.0f} percentage points more of its words are repeats; a smaller strength steers better."
            )
    return found
