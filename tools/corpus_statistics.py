"""Statistics of the corpus that ships with the package, and what words alone give on it: the figures of docs/corpus.md.

`python tools/corpus_statistics.py [TOPICS]`: of all topics, or of the first TOPICS. Needs scikit-learn (the dev extra); a minute or two.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from emotion_vectors.corpus.duplicates import words_of
from emotion_vectors.corpus.imported import NEUTRAL_COLUMNS, read_corpus
from emotion_vectors.corpus.sources import locate_corpus

RUN = 5  # words of a run that should not come again in another story
MOST = 5
QUOTED = re.compile(r"[\"“][^\"”]*[\"”]")
FIRST_PERSON = re.compile(r"\b(?:I|me|my|mine|myself)\b")


class Stories(NamedTuple):
    """n stories: the emotion and topic of each as a number, and its text."""

    emotions: np.ndarray  # (n,)
    topics: np.ndarray  # (n,)
    texts: list[str]


def main() -> None:
    """Print the figures."""
    topics = int(sys.argv[1]) if len(sys.argv) > 1 else None
    source = locate_corpus("ours")._replace(first=topics)
    rows = list(read_corpus(source))
    stories = Stories(
        _numbers([row.emotion for row in rows]), _numbers([row.topic for row in rows]), [row.text for row in rows]
    )
    print(f"Corpus {source.label}, SHA-256 {source.sha256}")
    print(f"stories {len(rows):,}; emotions {len(set(stories.emotions))}; topics {len(set(stories.topics))}")
    describe("stories", stories.texts)
    told = sum(bool(FIRST_PERSON.search(QUOTED.sub("", text))) for text in stories.texts)
    print(f"first person outside quotations: {told / len(rows):.1%}")
    repeats(stories.texts)
    right, half = words_alone(stories)
    print(
        f"words alone (tf-idf, nearest mean of the other topics): {right:.1%} right, chance {1 / len(set(stories.emotions)):.1%}"
    )
    print(f"words alone, split-half r of the emotions' directions (odd against even topics): median {half:.2f}")
    answers = [row.text.partition("\n\nAI: ")[2] for row in read_corpus(locate_corpus("ours"), NEUTRAL_COLUMNS)]
    print(f"neutral answers {len(answers)}")
    describe("answers", answers)


def describe(what: str, texts: list[str]) -> None:
    """Lengths in words."""
    lengths = [len(text.split()) for text in texts]
    print(f"words of the {what}: mean {np.mean(lengths):.1f}, least {min(lengths)}, most {max(lengths)}")


def repeats(texts: list[str]) -> None:
    """Runs of words that come in more than one story, and the most frequent openings."""
    runs = Counter(run for text in texts for run in _runs(text))
    again = {run: count for run, count in runs.items() if count > 1}
    print(
        f"different runs of {RUN} words: {len(runs):,}; in more than one story: {len(again):,} ({len(again) / len(runs):.2%})"
    )
    for run, count in sorted(again.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]:
        print(f"  {count} stories: {' '.join(run)}")
    openings = Counter(" ".join(words_of(text)[:3]) for text in texts)
    print("most frequent openings:", ", ".join(f"{words} ({count})" for words, count in openings.most_common(MOST)))


def words_alone(stories: Stories) -> tuple[float, float]:
    """The share of stories whose emotion a bag of words finds with their topic held out, and its split-half reliability.

    Tf-idf with sublinear counts; a story is given the emotion whose mean over the other topics is nearest by cosine. The
    reliability is Pearson's r between an emotion's mean over the odd topics and over the even ones, each less the mean over the
    emotions, as for the vectors; the median over emotions.
    """
    right = 0
    for topic in np.unique(stories.topics):
        held = stories.topics == topic
        vectoriser = TfidfVectorizer(sublinear_tf=True)
        known = vectoriser.fit_transform([text for text, out in zip(stories.texts, held, strict=True) if not out])
        asked = vectoriser.transform([text for text, out in zip(stories.texts, held, strict=True) if out])
        means = _unit(_means(known, stories.emotions[~held]))
        right += int((np.asarray(asked @ means.T).argmax(axis=1) == stories.emotions[held]).sum())
    every = TfidfVectorizer(sublinear_tf=True).fit_transform(stories.texts)
    halves = []
    for parity in (0, 1):
        chosen = stories.topics % 2 == parity
        means = _means(every[chosen], stories.emotions[chosen])
        halves.append(means - means.mean(axis=0))
    r = [float(np.corrcoef(one, other)[0, 1]) for one, other in zip(*halves, strict=True)]
    return right / len(stories.texts), float(np.median(r))


def _means(rows: sparse.csr_matrix, emotions: np.ndarray) -> np.ndarray:
    """The mean row (n emotions, words) of each emotion."""
    member = sparse.csr_matrix((np.ones(len(emotions)), (emotions, np.arange(len(emotions)))))
    return (member @ rows).toarray() / np.bincount(emotions)[:, None]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _numbers(names: list[str]) -> np.ndarray:
    place = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names])


def _runs(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


if __name__ == "__main__":
    main()
