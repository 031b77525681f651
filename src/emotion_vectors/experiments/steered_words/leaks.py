"""Does a vector carry the content of its stories? Answers to "What just happened?", written while steered.

In: answers under each of n emotion vectors, under random directions and unsteered; the stories of all emotions, the run's
topics and its neutral texts. Out: the record's `leaks`: the share of an answer's words that come from the topics, and the share
that are special to the stories of the vector's emotion.

Words: lower case, three letters or more, "they'll" is one. Common words (in a tenth or more of the neutral texts, or in the question) don't count,
nor does a word that names the emotion. Topic words: the rest of the words of the topics. Special words of an emotion: the rest of the
words of its stories that are in the stories of at most a quarter of all emotions.
Shares: words of that kind among all words of an answer. Own against other: the table (vector, whose special words), by `diagonal`.
Source: paper, Table 8 (answers shown, not measured). What it can't tell: a word that belongs to a feeling ("tears") is special to its
stories as well, so the share of own words is an upper bound of what leaks; a leak in other words than the stories' is not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.steered_words import diagonal
from emotion_vectors.experiments.steered_words.record import Answered, Level, Levels, Own, Repeated, UsedWord
from emotion_vectors.stats import intervals, nulls

QUESTION = "What just happened?"
COMMON = 0.1  # share of the neutral texts from which on a word is common
FEW = 0.25  # share of the emotions up to which a word of a story is special
SHOWN = 12
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class Lexicon(NamedTuple):
    """Which words count: of the topics, and special to each of n emotions."""

    topics: frozenset[str]
    special: tuple[frozenset[str], ...]
    ceiling: float  # mean share of special words in the stories themselves: a retelling


class Answer(NamedTuple):
    """One answer: `kind` is emotion, random or none, `name` the emotion or the number of the direction."""

    kind: str
    name: str
    sample: int
    text: str


def words(text: str) -> list[str]:
    """The words of three letters or more of a text, in lower case."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower()) if len(word) > 2]


def lexicon(
    stories: Iterable[tuple[str, str]],
    emotions: Sequence[str],
    topics: Sequence[str],
    neutral: Sequence[str],
    naming: Mapping[str, frozenset[str]],
) -> Lexicon:
    """The words that count, from a stream of (emotion, text); `naming` has the words that name each of `emotions`.

    Stories of emotions that are not in `emotions` count for how special a word is. Only word counts are kept.
    """
    held: dict[str, Counter[str]] = {}
    for emotion, text in stories:
        held.setdefault(emotion, Counter()).update(words(text))
    holders = Counter(word for counts in held.values() for word in counts)
    in_neutral = Counter(word for text in neutral for word in set(words(text)))
    common = {word for word, count in in_neutral.items() if count >= COMMON * len(neutral)} | set(words(QUESTION))
    most = max(1, int(FEW * len(held)))
    special = tuple(
        frozenset(word for word in held.get(emotion, ()) if holders[word] <= most) - common - naming[emotion]
        for emotion in emotions
    )
    shares = [
        sum(counts[word] for word in own) / max(1, counts.total())
        for own, counts in ((own, held.get(emotion, Counter())) for own, emotion in zip(special, emotions, strict=True))
    ]
    told = frozenset(word for topic in topics for word in words(topic)) - common
    return Lexicon(told, special, float(np.mean(shares)))


def share(texts: Sequence[str], among: frozenset[str]) -> float:
    """Words of all `texts` that are in `among`, as a share of all their words; 0 for texts without words."""
    spoken = [word for text in texts for word in words(text)]
    return sum(word in among for word in spoken) / len(spoken) if spoken else 0.0


def run(
    emotions: Sequence[str],
    answers: Sequence[Answer],
    found: Lexicon,
    valence: Mapping[str, str],
    strength: float,
    resamples: int,
    seed: int,
) -> Answered:
    """The record's `leaks.strengths` entry of one strength, in mean residual norms."""
    texts: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        texts.setdefault((answer.kind, answer.name), []).append(answer.text)
    steered = [texts["emotion", emotion] for emotion in emotions]
    random = [group for (kind, _), group in texts.items() if kind == "random"]
    plain = texts["none", ""]
    table = np.array([[share(group, own) for own in found.special] for group in steered])
    chance = np.array([[share(group, own) for own in found.special] for group in random])
    unsteered = np.array([share(plain, own) for own in found.special])
    own = diagonal.compare(table, [valence.get(emotion) for emotion in emotions], None, resamples, seed)
    return Answered(
        strength=strength, random_directions=len(random), answers=len(answers), table=table.tolist(),
        own=Own(**dict(own), words=_most_used(emotions, steered, found.special)),
        levels=Levels(
            special=_level(np.diag(table), unsteered, chance.mean(axis=1), resamples, seed),
            topics=_level(
                np.array([share(group, found.topics) for group in steered]),
                np.full(len(emotions), share(plain, found.topics)),
                np.array([share(group, found.topics) for group in random]), resamples, seed,
            ),
        ),
        repeated=Repeated(
            emotion=_repeated(texts, "emotion"), random=_repeated(texts, "random"), none=_repeated(texts, "none")
        ),
    )  # fmt: skip


def _level(steered: np.ndarray, unsteered: np.ndarray, random: np.ndarray, resamples: int, seed: int) -> Level:
    """Mean share steered (n,), unsteered (n,) and under random directions (k,); the difference to unsteered by emotions."""
    gap = steered - unsteered
    interval = intervals.bootstrap_mean(gap, repeats=resamples, seed=seed,
                                        level=intervals.expanded_level(0.95, len(gap)))  # fmt: skip
    return Level(
        steered=float(steered.mean()), unsteered=float(unsteered.mean()), random=float(random.mean()),
        difference=interval.estimate, interval=[interval.low, interval.high],
        p_random=nulls.predictive_p(float(steered.mean()), random),
    )  # fmt: skip


def _most_used(
    emotions: Sequence[str], steered: Sequence[Sequence[str]], special: Sequence[frozenset[str]]
) -> list[UsedWord]:
    """The special words that answers under their own vector use most, for a reader to judge."""
    counted = Counter(
        (emotion, word)
        for emotion, texts, own in zip(emotions, steered, special, strict=True)
        for text in texts
        for word in words(text)
        if word in own
    )
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return [UsedWord(emotion=emotion, word=word, count=count) for (emotion, word), count in ranked]


def _repeated(texts: Mapping[tuple[str, str], Sequence[str]], kind: str) -> float:
    """Mean share of an answer's words that it had used before: high where steering broke the text."""
    spoken = [words(text) for (own, _), group in texts.items() if own == kind for text in group]
    return float(np.mean([1 - len(set(one)) / len(one) if one else 0.0 for one in spoken]))
