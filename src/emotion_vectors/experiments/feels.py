"""Does a vector make the model say its emotion? "He feels" and "I feel", continued while steered.

In: log probabilities of n emotion words right after a sentence, unsteered, with each of n vectors on the sentence, and with
random sets of vectors. Out: the record's `feels`: the table of changes (vector, word) in nats and its diagonal against the rest.
Formula: change = log p(word | sentence, steered) - log p(word | sentence); a word of several tokens by their sum, and by their
mean beside it. Source: paper, Figures 52 and 53 (12 emotions, strength 0.5); the nulls and our four sentences are ours.
What it can't tell: a vector can hold the word itself, which the stories avoid but a model may supply; sentences are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments import diagonal

PAPER = ("He feels", "I feel")
OURS = ("She feels", "They feel", "Right now he feels", "Today I feel")
SENTENCES = (*PAPER, *OURS)


class Heard(NamedTuple):
    """Log probabilities in nats after one sentence; n emotions, k random sets."""

    sentence: str
    base: np.ndarray  # (n,) unsteered
    steered: np.ndarray  # (n, n) vector, word
    random: np.ndarray | None  # (k, n, n) set, vector in its place, word
    tokens: np.ndarray  # (n,) tokens of each word


def run(
    emotions: Sequence[str],
    heard: Sequence[Heard],
    valence: Mapping[str, str],
    facts: dict[str, Any],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """The record's `feels` part; `facts` say where, how strong and on what was steered."""
    kinds = [valence.get(emotion) for emotion in emotions]
    return facts | {
        "emotions": list(emotions),
        "valence": kinds,
        "sentences": [sentence(one, kinds, resamples, seed) for one in heard],
    }


def sentence(heard: Heard, valence: Sequence[str | None], resamples: int, seed: int) -> dict[str, Any]:
    """One sentence: its table of changes and what the diagonal says; the same per token, without the table."""
    change = heard.steered - heard.base
    random = None if heard.random is None else diagonal.contrast(heard.random - heard.base)
    levels = None if heard.random is None else float((heard.random - heard.base).mean())
    mean = change / heard.tokens
    return {
        "sentence": heard.sentence, "source": "paper" if heard.sentence in PAPER else "ours",
        "tokens": heard.tokens.tolist(), "base": heard.base.tolist(), "change": change.tolist(),
        "own_up": int((np.diag(change) > 0).sum()), "random_change": levels,
        **diagonal.compare(change, valence, random, resamples, seed),
        "per_token": {
            key: value
            for key, value in diagonal.compare(mean, valence, None, resamples, seed).items()
            if key in ("contrast", "interval", "diagonal", "off_diagonal")
        },
    }  # fmt: skip
