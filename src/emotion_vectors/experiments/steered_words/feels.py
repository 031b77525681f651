"""Does a vector make the model say its emotion? "He feels" and "I feel", continued while steered.

In: log probabilities of n emotion words right after a sentence, unsteered, with each of n vectors on the sentence, and with
random sets of vectors. Out: the record's `feels`: the table of changes (vector, word) in nats and its diagonal against the rest.
Formula: change = log p(word | sentence, steered) - log p(word | sentence); a word of several tokens by their sum, and by their
mean beside it. Source: paper, Figures 52 and 53 (12 emotions, strength 0.5); the nulls and our four sentences are ours.
What it can't tell: a vector can hold the word itself, which the stories avoid but a model may supply; sentences are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.steered_words import diagonal
from emotion_vectors.experiments.steered_words.record import Difference, Feels, Sentence

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


class Added(NamedTuple):
    """Where and how strongly vectors were added."""

    layer: int
    strength: float  # in mean residual norms
    residual_norm: float
    random_sets: int


def run(
    emotions: Sequence[str],
    heard: Sequence[Heard],
    valence: Mapping[str, str],
    added: Added,
    resamples: int,
    seed: int,
) -> Feels:
    """The record's `feels` part."""
    kinds = [valence.get(emotion) for emotion in emotions]
    sentences = [sentence(one, kinds, resamples, seed) for one in heard]
    return Feels(**added._asdict(), emotions=list(emotions), valence=kinds, sentences=sentences)


def sentence(heard: Heard, valence: Sequence[str | None], resamples: int, seed: int) -> Sentence:
    """One sentence: its table of changes and what the diagonal says; the same per token, without the table."""
    change = heard.steered - heard.base
    random = None if heard.random is None else diagonal.contrast(heard.random - heard.base)
    levels = None if heard.random is None else float((heard.random - heard.base).mean())
    apart = diagonal.compare(change / heard.tokens, valence, None, resamples, seed)
    return Sentence(
        sentence=heard.sentence, source="paper" if heard.sentence in PAPER else "ours",
        tokens=heard.tokens.tolist(), base=heard.base.tolist(), change=change.tolist(),
        own_up=int((np.diag(change) > 0).sum()), random_change=levels,
        **dict(diagonal.compare(change, valence, random, resamples, seed)),
        per_token=Difference(
            contrast=apart.contrast, interval=apart.interval, diagonal=apart.diagonal, off_diagonal=apart.off_diagonal
        ),
    )  # fmt: skip
