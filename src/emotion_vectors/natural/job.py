"""Read any amount of text for its strongest passages: piece by piece, resumable, the three files whole or not at all.

Texts are read as `emotion-vectors read` reads them, in windows of `window` tokens of which each shares a quarter, at most 256, with the one
before; what a window reads anew is a stretch, and of a stretch an emotion has one passage at most. A finished piece leaves a row for each
text (hash of its words, lexicon score, mean cosines) and what is kept; the borders of pieces depend on the files alone. Files are read in
the order of their hashes, so the order in which they are given doesn't matter.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import Conversation, converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.natural.agreement import DIRECTIONS, lexicon_score
from emotion_vectors.natural.kept import RANDOM_PASSAGES, Kept, Stretch
from emotion_vectors.natural.record import SCHEMA
from emotion_vectors.natural.words import Words
from emotion_vectors.progress import Reporter, Stage
from emotion_vectors.stimuli.norms import Norms
from emotion_vectors.store.run_folder import RunFolder, file_digest, fingerprint, open_run
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.transcripts.items import Item
from emotion_vectors.transcripts.outputs import parts_path, record_of, vectors_sha256
from emotion_vectors.transcripts.passages import Place
from emotion_vectors.transcripts.pieces import grouped, read_pieces
from emotion_vectors.transcripts.scores import MessageScores, Seen, TextScores, score_texts
from emotion_vectors.transcripts.sources import Survey
from emotion_vectors.vectors.calibration import KINDS, Calibration
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.in_sample import text_hash

FILES = ("passages.parquet", "examples.html", "summary.json")
SEED = 0
# Tokens read at once: stretches about as long as the neutral texts that their largest tokens are ranked among.
WINDOW = 512
COUNTED = ("texts", "problems", "in_sample", "stretches", "tokens")


@dataclass(frozen=True)
class Order:
    """What is to be read and how: everything that changes the answer. `files` are in the order of `files_in_order`."""

    files: tuple[Path, ...]
    emotions: tuple[str, ...]
    layer: int
    window: int
    top: int
    norms: Norms
    synonyms: dict[str, tuple[str, ...]]
    text_column: str = "text"
    skip_bad: bool = False

    @property
    def words(self) -> Words:
        """The emotions' words."""
        return Words(self.emotions, self.synonyms)


@dataclass(frozen=True)
class Reader:
    """What reads: the vectors with random directions after them, the model, and the neutral texts' scores."""

    vectors: EmotionVectors
    lm: LanguageModel
    calibration: Calibration | None
    tokens_per_batch: int = 4096

    def widened(self, layer: int) -> EmotionVectors:
        """The vectors with `DIRECTIONS` random ones after them at `layer`."""
        return with_random(self.vectors, layer)


def files_in_order(held: Survey) -> tuple[Path, ...]:
    """The files in the order in which they are read, files of the same contents once."""
    first: dict[str, str] = {}
    for name, sha256 in sorted(held.sha256.items()):
        first.setdefault(sha256, name)
    return tuple(Path(first[sha256]) for sha256 in sorted(first))


def random_names(count: int = DIRECTIONS) -> tuple[str, ...]:
    """The names of the random directions, which no emotion has: a name never ends in a space."""
    return tuple(f"random {number} " for number in range(count))


def with_random(vectors: EmotionVectors, layer: int, count: int = DIRECTIONS) -> EmotionVectors:
    """The vectors with `count` random directions after them: normal numbers, which favour no direction."""
    drawn = np.random.default_rng(SEED).standard_normal((count, vectors.raw.shape[2])).astype(vectors.raw.dtype)
    extra = np.zeros((len(vectors.raw), *drawn.shape), dtype=vectors.raw.dtype)
    extra[layer] = drawn
    raw, projected = (np.concatenate([part, extra], axis=1) for part in (vectors.raw, vectors.projected))
    return replace(vectors, emotions=(*vectors.emotions, *random_names(count)), raw=raw, projected=projected)


def identity_of(order: Order, reader: Reader, held: Survey) -> JsonObject:
    """Everything that changes the answer, as the record has it."""
    lm, own = reader.lm, {name: order.synonyms.get(name, ()) for name in order.emotions}
    return {
        "schema": SCHEMA,
        "settings": {
            "emotions": list(order.emotions), "layer": order.layer, "window": order.window, "top": order.top, "text_column": order.text_column,
            "skip_bad": order.skip_bad, "random_passages": RANDOM_PASSAGES, "random_directions": DIRECTIONS,
        },
        "vectors": {
            "sha256": vectors_sha256(reader.vectors, order.emotions, (order.layer,), reader.calibration), "calibrated": reader.calibration is not None,
            "in_sample": None if reader.vectors.text_hashes is None else fingerprint(reader.vectors.text_hashes.tolist()),
        },
        "model": {"name": lm.name, "sha256": lm.sha256, "dtype": str(lm.dtype).removeprefix("torch.")},
        "lexicon": {"name": order.norms.name, "sha256": fingerprint(order.norms.ratings)},
        "synonyms": fingerprint(own),
        "files": dict(sorted(held.sha256.items())),
    }  # fmt: skip


def finished(out: Path, identity: JsonObject) -> JsonObject | None:
    """The record of a finished output of this order; `UserError` where something else is in its place."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; --out needs a folder.")
    if not out.is_dir() or not any(out.iterdir()):
        return None
    if not (out / FILES[-1]).is_file():
        if (parts_path(out) / "run.json").is_file():
            return None  # killed between the files; the parts say whose they are
        raise UserError(f"{out} is not empty and was not written by this command; choose another --out.")
    found = record_of(out, out / FILES[-1], identity)
    whole = all((out / name).is_file() for name in FILES) and file_digest(out / FILES[0]) == found.get("sha256")
    return found if whole else None


@contextmanager
def reading(
    order: Order, reader: Reader, out: Path, held: Survey, identity: JsonObject, reporter: Reporter
) -> Iterator[tuple[Kept, list[Path], dict[str, int]]]:
    """Read what is not read yet: what is kept, the tables of texts, and counts, while the folder of pieces is locked; then it goes.

    Raises `UserError` for a file that was changed meanwhile, and where no text could be read.
    """
    vectors = reader.vectors
    columns = [vectors.index(name) for name in order.emotions]
    kept = Kept(
        order.emotions, columns, order.layer, reader.calibration, vectors.centre is not None, order.words, order.top
    )
    with open_run(parts_path(out), identity) as run:
        paths, counts = _pieces(order, reader, run, kept, held, reporter)
        if {name: file_digest(Path(name)) for name in held.sha256} != held.sha256:
            raise UserError("A file was changed while it was being read; run the command again with another --out.")
        if not counts["stretches"]:
            raise UserError(f"None of the texts could be read ({_why_none(counts)}); give others.")
        yield kept, paths, counts
    shutil.rmtree(parts_path(out))


def _why_none(counts: dict[str, int]) -> str:
    return (
        "the vectors were made from them" if counts["in_sample"] == counts["texts"] else "the model takes none of them"
    )


def _pieces(
    order: Order, reader: Reader, run: RunFolder, kept: Kept, held: Survey, reporter: Reporter
) -> tuple[list[Path], dict[str, int]]:
    words, wide = order.words, reader.widened(order.layer)

    def read(items: Sequence[Item], number: int, stage: Stage) -> tuple[pl.DataFrame, dict[str, int]]:
        return _read_piece(items, order, reader, wide, words, kept, stage)

    pieces = grouped(order.files, order.text_column)
    paths, found = read_pieces(run, pieces, held.texts, kept, "kept", read, reporter)
    return paths, {name: found[name] for name in COUNTED}


def _read_piece(
    items: Sequence[Item],
    order: Order,
    reader: Reader,
    wide: EmotionVectors,
    words: Words,
    kept: Kept,
    stage: Stage,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows of one piece's texts, and counts; what is strong goes to `kept`."""
    texts: list[Conversation] = []
    given: list[Item] = []
    counts: dict[str, int] = dict.fromkeys(COUNTED[1:], 0)
    for item in items:
        if any(reader.vectors.in_sample(one) for one in item.contents):
            counts["in_sample"] += 1
            continue
        try:
            texts.append(converse(reader.lm, item.content, any_length=True, partial=True))
            given.append(item)
        except UserError:
            counts["problems"] += 1
    stage.advance(len(items) - len(given))
    hashes = [text_hash("\n".join(item.contents)) for item in given]

    def watch(text: int, message: int, scores: MessageScores, seen: Seen) -> None:
        item = given[text]
        form = "text" if isinstance(item.content, str) else "message"
        place = Place(item.source, item.number, item.id, item.places[texts[text].numbers[message]], form)
        own = kept.see(Stretch(place, hashes[text], scores, seen))
        counts["stretches"] += own > 0
        counts["tokens"] += own

    names = (*order.emotions, *random_names())
    found = score_texts(
        wide, reader.lm, texts, names, order.layer, order.window, reader.tokens_per_batch, watch, stage.advance
    )
    counts["problems"] += sum(bool(one.problem) for one in found)
    return _table(given, hashes, found, order, words, KINDS.index(kept.kind), len(names)), counts


def _table(
    items: Sequence[Item], hashes: Sequence[int], found: Sequence[TextScores], order: Order, words: Words, kind: int, width: int
) -> pl.DataFrame:  # fmt: skip
    """A row for each text that was read: the hash of its words, its lexicon score, whether it names an emotion, and mean cosines (width,)."""
    schema = {
        "hash": pl.UInt64, "valence": pl.Float64, "words": pl.Int32, "named": pl.Boolean, "activation": pl.Array(pl.Float32, width),
    }  # fmt: skip
    rows = []
    for item, own, scored in zip(items, hashes, found, strict=True):
        counted = sum(message.counted for message in scored.messages)
        if scored.problem or not counted:
            continue
        text = "\n".join(item.contents)
        valence, number = lexicon_score(text, order.norms.ratings["valence"])
        mean = sum(message.mean[kind] * message.counted for message in scored.messages if message.counted) / counted
        rows.append((own, valence, number, words.any_in(text), np.asarray(mean, dtype=np.float32)))
    return pl.DataFrame(rows, schema=schema, orient="row")
