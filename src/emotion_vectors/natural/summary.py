"""From what was kept to the table of passages and the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from emotion_vectors.natural.agreement import MOST, Scored, agreement
from emotion_vectors.natural.job import Order, Reader
from emotion_vectors.natural.kept import Example, Heap, Kept
from emotion_vectors.natural.record import SCHEMA, EmotionWords, Everything, Rate, Read, Summary
from emotion_vectors.stats.intervals import bootstrap_mean, wilson_interval
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.transcripts.sources import Survey
from emotion_vectors.vectors.calibration import Calibration

STRONGEST, WITHOUT, RANDOM = "strongest", "without its words", "random"
COLUMNS = {
    "kind": pl.String, "emotion": pl.String, "rank": pl.Int32, "text": pl.String, "source": pl.String, "item": pl.Int64, "message": pl.Int32,
    "role": pl.String, "start": pl.Int32, "end": pl.Int32, "position": pl.Int32, "score": pl.Float32, "strength": pl.Float32,
    "percentile": pl.Float32, "has_word": pl.Boolean, "has_synonym": pl.Boolean, "passage": pl.String, "tokens": pl.List(pl.String),
    "cosines": pl.List(pl.Float32),
}  # fmt: skip


class Shown(NamedTuple):
    """One passage with what is said of it: its rank, its percentile among neutral texts, and whether its emotion's words are in it."""

    example: Example
    kind: str
    rank: int
    percentile: float | None
    own: bool
    synonym: bool

    @property
    def name(self) -> str:
        """The text's own id, or file and number."""
        example = self.example
        return example.id if example.id is not None else f"{Path(example.source).name}:{example.item}"


def shown(order: Order, reader: Reader, kept: Kept) -> list[Shown]:
    """All passages: of each emotion the strongest, then those without its words, strongest first; at the end the random ones."""
    words, found = order.words, []
    for emotion in order.emotions:
        for kind, heap in ((STRONGEST, kept.strongest[emotion]), (WITHOUT, kept.without[emotion])):
            examples = _examples(heap)
            ranks = _percentiles(examples, reader.calibration, order.layer, reader.vectors.index(emotion), kept.kind)
            for rank, (example, percentile) in enumerate(zip(examples, ranks, strict=True), start=1):
                found.append(Shown(example, kind, rank, percentile, *words.find(emotion, example.text)))
    random = enumerate(_examples(kept.random), start=1)
    return found + [Shown(example, RANDOM, rank, None, False, False) for rank, example in random]


def _examples(heap: Heap) -> list[Example]:
    return [entry[2] for entry in heap.ordered()]


def _percentiles(
    examples: Sequence[Example], calibration: Calibration | None, layer: int, column: int, kind: str
) -> list[float | None]:
    """Where each passage's largest cosine stands among the neutral texts' largest, in stretches about as long."""
    found: list[float | None] = [None] * len(examples)
    for form in {example.form for example in examples} if calibration is not None else ():
        rows = [row for row, example in enumerate(examples) if example.form == form]
        values = np.array([[examples[row].cosines[examples[row].largest]] for row in rows])
        tokens = np.array([examples[row].stretch for row in rows])
        assert calibration is not None
        ranked = calibration.rank(values, "max", tokens, layer, [column], form, kind).percentile
        for row, value in zip(rows, ranked[:, 0], strict=True):
            found[row] = None if np.isnan(value) else float(value)
    return found


def table(passages: Sequence[Shown]) -> pl.DataFrame:
    """The table of passages; random ones have no emotion and no score."""
    rows = []
    for one in passages:
        example, random = one.example, one.kind == RANDOM
        start = example.position - example.largest
        rows.append((
            one.kind, None if random else example.emotion, one.rank, one.name, example.source, example.item, example.message, example.role,
            start, start + len(example.tokens), example.position, None if random else example.cosines[example.largest],
            None if random else example.strength, one.percentile, None if random else one.own, None if random else one.synonym,
            example.text, example.tokens, example.cosines,
        ))  # fmt: skip
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def summary(
    order: Order,
    reader: Reader,
    valence: Mapping[str, str],
    passages: Sequence[Shown],
    paths: Sequence[Path],
    counts: Mapping[str, int],
    held: Survey,
    identity: JsonObject,
    sha256: str,
) -> Summary:
    """The record; `valence` labels emotions, `paths` are the tables of texts, `sha256` is that of the table of passages."""
    vectors = reader.vectors
    repeated, halves = _halves(paths)
    agreed, reason = agreement(order.emotions, valence, order.norms, *halves)
    rows, everything = _words(order, reader, passages)
    return Summary(
        schema=SCHEMA,
        identity=identity,
        read=Read(bad=held.bad, repeated=repeated, **counts),
        caution=vectors.caution(),
        neutral_texts=reader.calibration.texts if reader.calibration is not None else 0,
        words=everything,
        emotions=rows,
        agreement=agreed,
        agreement_reason=reason,
        sha256=sha256,
    )


def _halves(paths: Sequence[Path]) -> tuple[int, tuple[Scored, Scored]]:
    """How many texts repeat another one; and the texts with a lexicon score, those that choose and those that are held out.

    The hash of its words says in which half a text is, so one that is there twice is in one half. Of more than `MOST` those with the
    smallest hashes are taken, which is a random choice.
    """
    frame = pl.scan_parquet(list(paths), glob=False)
    every = frame.select("hash", pl.col("valence").is_not_null().alias("scored")).collect()
    hashes = np.unique(every.filter("scored")["hash"].to_numpy())
    halves = []
    for odd in (1, 0):
        chosen = pl.Series("hash", hashes[hashes % 2 == odd][:MOST])
        rows = frame.filter(pl.col("hash").is_in(chosen.implode())).collect()
        rows = rows.unique("hash", keep="first", maintain_order=True).sort("hash")
        width = frame.collect_schema()["activation"].shape[0]  # pyright: ignore[reportAttributeAccessIssue]
        activation = rows["activation"].to_numpy().astype(np.float64).reshape(len(rows), width)
        halves.append(Scored(activation, *(rows[name].to_numpy() for name in ("valence", "words", "named"))))
    return len(every) - every["hash"].n_unique(), (halves[0], halves[1])


def _words(order: Order, reader: Reader, passages: Sequence[Shown]) -> tuple[list[EmotionWords], Everything]:
    """How often the emotions' words are in their passages and in random ones."""
    words, known = order.words, reader.vectors.reliability
    texts = [one.example.text for one in passages if one.kind == RANDOM]
    chance = np.array([[words.find(emotion, text).either for text in texts] for emotion in order.emotions])
    rows, shares = [], []
    for row, emotion in enumerate(order.emotions):
        own = [one for one in passages if one.kind == STRONGEST and one.example.emotion == emotion]
        without = [one for one in passages if one.kind == WITHOUT and one.example.emotion == emotion]
        either = sum(one.own or one.synonym for one in own)
        shares.append(either / len(own))
        rows.append(EmotionWords(
            emotion=emotion, reliability=None if known is None else known.r[reader.vectors.index(emotion)],
            own=sum(one.own for one in own), synonym=sum(one.synonym for one in own), either=_rate(either, len(own)),
            chance=_rate(int(chance[row].sum()), len(texts)), without=len(without), highest=own[0].example.strength,
            highest_without=without[0].example.strength if without else None,
        ))  # fmt: skip
    passages_of = sum(int(row.either.of) for row in rows)
    return rows, Everything(
        strongest=_mean(np.array(shares), passages_of), chance=_mean(chance.mean(axis=0), len(texts))
    )


def _rate(count: int, of: int) -> Rate:
    found = wilson_interval(count, of)
    return Rate(share=found.estimate, interval=[found.low, found.high], of=of)


def _mean(shares: np.ndarray, of: int) -> Rate:
    """Mean of shares (n,) with its bootstrap interval over them; where all are alike, as if each were one passage or none."""
    if len(shares) < 2 or np.ptp(shares) == 0:
        return _rate(round(float(shares.mean()) * of), of)
    found = bootstrap_mean(shares)
    return Rate(share=found.estimate, interval=[found.low, found.high], of=of)
