"""The run's stories without their words: components of the words, sums of activations and static embeddings, and the tests of what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from emotion_vectors.experiments.baselines.measure import Representation
from emotion_vectors.experiments.baselines.record import Baselines
from emotion_vectors.experiments.baselines.words import Vocabulary
from emotion_vectors.experiments.lens import measure as lens
from emotion_vectors.experiments.words_out import measure, removal
from emotion_vectors.experiments.words_out.record import LEFT, OTHERS, STATIC_LEFT, WordsOut
from emotion_vectors.lab import Lab
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.scale.together import Later, Together
from emotion_vectors.stages.activations import FILES, SIZE, story_vector_shards
from emotion_vectors.stages.control_vectors import neutral_basis
from emotion_vectors.stages.readings import Readings
from emotion_vectors.stages.validation import BATCH, kept_stories, represent, static_embeddings
from emotion_vectors.vectors.directions import project_out
from emotion_vectors.vectors.file import EmotionVectors


class WithoutWords(NamedTuple):
    """The three representations after removal, as they are being computed."""

    own: Later[measure.Left]
    others: Later[measure.Left]
    static: Later[measure.Left]

    def part(self, beside: Baselines, criteria: Sequence[Criterion], split_half: Mapping[str, Any] | None) -> WordsOut:
        """The record's `words_out` part, once they are there."""
        return measure.run(self.own(), self.others(), self.static(), beside, criteria, split_half)


def begin_words_out(
    lab: Lab, vectors: EmotionVectors, readings: Readings, nats: np.ndarray, vocabulary: Vocabulary, together: Together
) -> WithoutWords | None:
    """Have `together` take the words (the `vocabulary` of the stories) out; None for vectors from elsewhere, and where topics or stories are too few for a regression."""
    settings, total = lab.settings, int(sum(vectors.header["stories"]))
    if lab.theirs is not None or len(lab.topics) < 2:
        return None
    every = max(1, total // removal.MOST_TEXTS)
    some = [text for number, (_, text) in enumerate(kept_stories(lab)) if number % every == 0]
    made = removal.components(vocabulary, some, total)
    if made is None:
        return None
    words, basis = _words(lab, vectors, made), None if vectors.kind == "raw" else neutral_basis(lab)

    def finish(raw: np.ndarray) -> np.ndarray:
        return raw if basis is None else project_out(raw, basis)

    def read(name: str, rows: np.ndarray) -> Representation:
        return _read(readings, vectors.layer, name, rows)

    def embedded(name: str, rows: np.ndarray) -> Representation:
        return represent(lab, name, rows, lambda texts: static_embeddings(lab.lm, texts))

    def activations() -> Iterator[np.ndarray]:
        return (found for _, found in story_vector_shards(lab))

    def judged(directions: np.ndarray) -> list[Criterion]:
        return _lens(lab, vectors, directions)

    def left(
        name: str, given: measure.Given, lens: Callable[[np.ndarray], list[Criterion]] | None = None
    ) -> Later[measure.Left]:
        return together.later(
            lambda: measure.left(name, given, lens, lab.pack, vectors.emotions, nats, settings.resamples, settings.seed)
        )

    statics = (_embedded(lab, texts) for _, texts in _stories(lab))
    own = measure.Given(words.sums(words.own, activations()), finish, read)
    others = measure.Given(words.sums(words.others, activations()), finish, read)
    static = measure.Given(words.sums(words.own, statics), lambda raw: raw, embedded)
    return WithoutWords(left(LEFT, own, judged), left(OTHERS, others), left(STATIC_LEFT, static))


class _Words(NamedTuple):
    """The word components of the stories that were read, shard by shard, with what the stories are about."""

    labels: list[list[int]]
    topics: list[list[int]]
    own: list[np.ndarray]  # (stories, k) each
    others: list[np.ndarray]  # those of other stories of the same topic
    shape: tuple[int, int, int]  # emotions, topics, width of the rows

    def sums(self, of: list[np.ndarray], rows: Iterator[np.ndarray]) -> removal.Sums:
        """Sums of `rows` (stories, d) of each shard and of the components `of` them."""
        return removal.add_up(zip(self.labels, self.topics, rows, of, strict=True), *self.shape, of[0].shape[1])


def _words(lab: Lab, vectors: EmotionVectors, made: removal.Components) -> _Words:
    emotion = {name: row for row, name in enumerate(vectors.emotions)}
    topic = {name: row for row, name in enumerate(lab.topics)}
    labels, topics, own = [], [], []
    for rows, texts in _stories(lab):
        labels.append([emotion[name] for name in rows["emotion"]])
        topics.append([topic[name] for name in rows["topic"]])
        own.append(made.of(texts))
    others = _dealt(np.concatenate(own), np.concatenate(topics), lab.settings.seed)
    borders = np.cumsum([len(one) for one in labels])[:-1]
    return _Words(labels, topics, own, np.split(others, borders), (len(emotion), len(topic), lab.lm.hidden_size))


def _dealt(rows: np.ndarray, topics: np.ndarray, seed: int) -> np.ndarray:
    """Rows (s, k) given to other stories of the same topic."""
    generator, found = np.random.default_rng(seed), rows.copy()
    for topic in np.unique(topics):
        members = np.flatnonzero(topics == topic)
        found[members] = rows[generator.permutation(members)]
    return found


def _stories(lab: Lab) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    """Shard by shard the stories that were read (emotion, topic, slot), and their texts; one pass over the file."""
    index = pl.read_parquet(lab.run / FILES[1])
    wanted = {int(str(shard)): rows for (shard,), rows in index.group_by(["shard"], maintain_order=True)}
    for start, kept in _kept(lab):
        if start in wanted:
            rows = wanted[start].join(kept, on=["emotion", "topic", "slot"], how="left", maintain_order="left")
            yield rows, rows["text"].to_list()


def _kept(lab: Lab) -> Iterator[tuple[int, pl.DataFrame]]:
    """The kept stories in shards of the size in which they were read, with the number of the first."""
    table = pl.scan_parquet(lab.run / "stories.parquet").select("emotion", "topic", "slot", "text", "kept")
    total, waiting, start = table.select(pl.len()).collect().item(), None, 0
    for first in range(0, total, BATCH):
        found = table.slice(first, BATCH).collect().filter("kept").drop("kept")
        waiting = found if waiting is None else pl.concat([waiting, found])
        whole = len(waiting) if first + BATCH >= total else len(waiting) - len(waiting) % SIZE
        for place in range(0, whole, SIZE):
            yield start + place, waiting[place : min(place + SIZE, whole)]
        start, waiting = start + whole, waiting[whole:]


def _embedded(lab: Lab, texts: list[str]) -> np.ndarray:
    """(s, d) mean input embedding of the very tokens of each story that its activation is the mean of; nothing is run."""
    embedding, found = lab.lm.model.get_input_embeddings(), []
    with torch.inference_mode():
        for text in texts:
            prompt = story_prompt(lab.lm, text, lab.settings.story_format == "chat")
            first, last = prompt.spans["story"]
            ids = torch.tensor(prompt.ids[first + lab.settings.first_token : last], device=lab.lm.device)
            found.append(embedding(ids).float().mean(dim=0).cpu().numpy())
    return np.stack(found)


def _read(readings: Readings, layer: int, name: str, vectors: np.ndarray) -> Representation:
    """The tests' texts as the run read them, at the layer of the vectors."""
    place = layer + 1
    return Representation(
        name, vectors, readings.scenarios[:, place], readings.heldout[:, place], readings.retrieval[:, place],
        [values[:, place] for values in readings.numeric], [values[:, :, place] for values in readings.twinned],
        readings.activities[:, place],
    )  # fmt: skip


def _lens(lab: Lab, vectors: EmotionVectors, directions: np.ndarray) -> list[Criterion]:
    """V1 and V2 of other directions for the same emotions."""
    pack, settings = lab.pack, lab.settings
    pairs = lens.Pairs(pack.opposite_pairs, pack.more_opposite_pairs)
    _, criteria = lens.run(
        lab.lm, vectors.emotions, directions, vectors.embedding, pairs, pack.valence, settings.lens_k, settings.lens_norm,
        settings.resamples, settings.seed,
    )  # fmt: skip
    return criteria
