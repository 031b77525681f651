"""Does the model hold an emotion of its own for each of two speakers, and is it the same one when the other speaks?

In: dialogues of two speakers, each with an emotion; mean activations over each one's tokens. Out: the record's `speakers`: how alike the
four sets of directions (token owner x emotion owner) are across topics, and with the run's vectors. Source: paper, speaker probes:
present with present alike, other with other alike, present with other near zero, stories nearer to the present; numbers only in figures.
The fit of both emotions at once, halves by topic, intervals, both nulls and the words alone are ours. What it can't tell: an emotion that
is read at a speaker's own tokens can be that of the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.speakers import probes
from emotion_vectors.experiments.speakers.record import Alike, Dropped, Framing, Side, Speakers
from emotion_vectors.stats.nulls import permutation_p

ALPHA = 0.05  # of a reliability that a ratio may be made of
MOST_DRAWS = 200  # of each null; each draw fits all directions again
STORY = Side(tokens="story", emotion=None)


class Read(NamedTuple):
    """The dialogues under one pair of names: `rows` (t, 2, d) mean activations over each speaker's tokens."""

    names: tuple[str, str]
    chat: bool
    rows: np.ndarray


class Asked(NamedTuple):
    """Of t dialogues the topics, and the emotions (t, 2) of the speakers as places in `emotions`; file, hash, and what was left out."""

    source: str
    sha256: str
    topics: Sequence[str]
    emotions: Sequence[str]
    felt: np.ndarray
    dropped: dict[str, int]


def run(
    asked: Asked, framings: Sequence[Read], story: np.ndarray, words: np.ndarray, story_words: np.ndarray, layer: int, resamples: int, seed: int
) -> Speakers:  # fmt: skip
    """The record's part. `story` (n, d) are the run's vectors of `asked.emotions`, NaN where it has none; `words` (t, 2, w) and `story_words`
    (n, w) likewise as bags of words.
    """
    draws = min(MOST_DRAWS, resamples)
    found = [
        Framing(
            names=list(one.names), read_as="chat" if one.chat else "plain",
            model=_cells(asked, one.names, one.rows, story, draws, seed),
        )
        for one in framings
    ]  # fmt: skip
    names = framings[0].names
    given = probes.prepare(words, asked.topics, len(asked.emotions), seed)
    return Speakers(
        source=asked.source, sha256=asked.sha256, layer=layer, dialogues=len(asked.felt),
        dropped=[Dropped(reason=reason, dialogues=count) for reason, count in asked.dropped.items()],
        topics=len(set(asked.topics)), groups=given.halves.shape[-1], emotions=list(asked.emotions),
        in_run=int((~np.isnan(story[:, 0])).sum()), draws=draws, framings=found,
        words=_cells(asked, names, words, story_words, draws, seed),
    )  # fmt: skip


def _cells(
    asked: Asked, names: tuple[str, str], rows: np.ndarray, story: np.ndarray, draws: int, seed: int
) -> list[Alike]:
    """All pairs of sets, and each set with the story's vectors where at least two emotions have one."""
    given = probes.prepare(rows, asked.topics, len(asked.emotions), seed)
    theirs = story.astype(np.float64) if (~np.isnan(story[:, 0])).sum() >= 2 else None
    found = probes.found(given, asked.felt, theirs)
    shuffled = probes.shuffled_owners(given, asked.felt, theirs, draws, seed)
    dealt = probes.dealt(given, asked.felt, theirs, draws, seed + 1)
    sides = [Side(tokens=names[owner], emotion="present" if whose == "present" else "other") for owner, whose in probes.SETS]  # fmt: skip
    pairs = [(sides[a], sides[b]) for a, b in probes.PAIRS]
    pairs += [(side, STORY) for side in sides] if theirs is not None else []
    reliable = {a: float(found.values[place]) for place, (a, b) in enumerate(probes.PAIRS) if a == b}
    two_sided = permutation_p(found.values, shuffled, "two-sided")
    above = permutation_p(found.values, dealt)
    # A ratio to a reliability that is noise is a number without a meaning.
    sound = {a for place, (a, b) in enumerate(probes.PAIRS) if a == b and above[place] <= ALPHA and found.ends[place, 0] > 0}  # fmt: skip
    cells = []
    for place, (first, second) in enumerate(pairs):
        a, b = probes.PAIRS[place] if place < len(probes.PAIRS) else (0, 0)
        known = place < len(probes.PAIRS) and a != b and {a, b} <= sound
        cells.append(
            Alike(
                first=first, second=second, value=float(found.values[place]), interval=[float(end) for end in found.ends[place]],
                shuffled=float(shuffled[:, place].mean()), shuffled_p=float(two_sided[place]),
                dealt=float(dealt[:, place].mean()), dealt_p=float(above[place]),
                by_emotion=_named(asked.emotions, found.each[place]) if place < len(found.each) else {},
                relative=float(found.values[place]) / float(np.sqrt(reliable[a] * reliable[b])) if known else None,
            )
        )  # fmt: skip
    return cells


def _named(emotions: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """The values (n,) that there are, by emotion."""
    return {name: float(value) for name, value in zip(emotions, values, strict=True) if np.isfinite(value)}
