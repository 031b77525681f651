"""The strongest passages of each emotion, kept while texts are read: a few per emotion, however many texts there are.

A passage is the largest token of a message with the tokens around it. Passages are ranked by the robust z of that token among
the neutral texts' (without a calibration: by its cosine), by the centred cosine where the vectors have a centre.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from emotion_vectors.store.schema import JsonObject
from emotion_vectors.transcripts.scores import MessageScores, Seen
from emotion_vectors.vectors.calibration import FORMS, KINDS, Calibration, reference

KEPT = 20  # passages of each emotion
AROUND = 20  # tokens on either side of the largest one


@dataclass(frozen=True)
class Passage:
    """One passage: whose it is, where it is, and its tokens with their cosines. `strength` is what passages are ranked by."""

    emotion: str
    strength: float
    source: str
    item: int
    id: str | None
    message: int
    role: str
    position: int  # of the largest token, in its message from 0
    largest: int  # of the largest token, in `tokens`
    tokens: list[str]
    cosines: list[float]
    neutral: float | None  # median of the mean over neutral texts: what is no more than usual


@dataclass(frozen=True)
class Place:
    """Where a message is in the files."""

    source: str
    item: int
    id: str | None
    message: int
    form: str  # text or message, as in the calibration


class Strength:
    """What passages are ranked by: the robust z of a largest cosine among the neutral texts' largest; without them the cosine."""

    def __init__(self, calibration: Calibration | None, layer: int, columns: Sequence[int], kind: str) -> None:
        """`columns` are the emotions' numbers in the vectors, `kind` which of the cosines is ranked."""
        self._usual = None if calibration is None else calibration.usual(layer, columns)
        self._kind = kind

    def of(self, largest: np.ndarray, tokens: int, form: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Strengths of the largest of this many tokens' cosines (e,), and the neutral texts' usual cosines (e,)."""
        if self._usual is None:
            return largest, None
        at = FORMS.index(form), KINDS.index(self._kind)
        middle, spread = (part[at] for part in self._usual)
        number = reference("max", tokens)
        z = (largest - middle[number]) / spread[number]
        return np.where(np.isnan(z), largest, z), middle[reference("mean", tokens)]


class Passages:
    """The `KEPT` strongest passages of each emotion among those that were shown to `see`."""

    def __init__(
        self,
        emotions: Sequence[str],
        columns: Sequence[int],
        layer: int,
        calibration: Calibration | None,
        centred: bool,
    ) -> None:
        """`columns` are the emotions' numbers in the vectors; `centred`: whether there are centred cosines to rank by."""
        self.emotions, self.kind = tuple(emotions), KINDS[1 if centred else 0]
        self._strength = Strength(calibration, layer, columns, self.kind)
        self._heaps: list[list[tuple[float, int, int, Passage]]] = [[] for _ in emotions]

    def see(self, place: Place, message: MessageScores, seen: Seen, order: int) -> None:
        """Look at one window of a message; `order` numbers the messages over all files, so that ties stay as they were."""
        window = seen.window
        first, last = max(message.first, window.fresh), min(message.last, window.last)
        if first >= last:
            return
        cosines = seen.cosines[KINDS.index(self.kind)]
        here = cosines[first - window.first : last - window.first]
        largest = here.max(axis=0)
        strength, neutral = self._strength.of(largest, message.last - message.first, place.form)
        for column in range(len(self.emotions)):
            heap = self._heaps[column]
            if len(heap) == KEPT and strength[column] < heap[0][0]:
                continue
            at = first + int(here[:, column].argmax())
            start, end = max(first, at - AROUND), min(last, at + AROUND + 1)
            span = slice(start - window.first, end - window.first)
            passage = Passage(
                self.emotions[column], float(strength[column]), place.source, place.item, place.id, place.message, message.role,
                at - message.start, at - start, list(seen.tokens[span]),
                [round(float(value), 5) for value in cosines[span, column]], None if neutral is None else float(neutral[column]),
            )  # fmt: skip
            self._push(heap, passage, order)

    def _push(self, heap: list[tuple[float, int, int, Passage]], passage: Passage, order: int) -> None:
        """Keep a passage; of one message only the strongest."""
        for index, entry in enumerate(heap):
            if entry[1] == -order:
                if entry[0] < passage.strength:
                    heap[index] = (passage.strength, -order, -passage.position, passage)
                    heapq.heapify(heap)
                return
        entry = (passage.strength, -order, -passage.position, passage)
        if len(heap) < KEPT:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)

    def strongest(self, emotion: str, count: int) -> list[Passage]:
        """The strongest passages of an emotion, strongest first, earlier messages first where they tie."""
        return [entry[3] for entry in sorted(self._heaps[self.emotions.index(emotion)], reverse=True)[:count]]

    def dump(self) -> list[JsonObject]:
        """Everything that is kept, as JSON values; `restore` takes it."""
        return [
            {"order": -order, "passage": asdict(passage)}
            for heap in self._heaps
            for _, order, _, passage in sorted(heap, reverse=True)
        ]

    def restore(self, kept: list[JsonObject]) -> None:
        """Take in what `dump` gave."""
        for row in kept:
            passage = Passage(**row["passage"])
            self._push(self._heaps[self.emotions.index(passage.emotion)], passage, row["order"])
