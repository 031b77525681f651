"""Read files of texts into a table of scores: piece by piece, resumable, whole or not at all.

A piece is the next texts of the files, up to 256 of them or a fixed number of characters; its borders depend on the files alone. Finished
pieces are parquet files in a folder beside the output; the output and its record come last, then the folder goes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import Conversation, converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.progress import Reporter, Stage
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import RunFolder, file_digest, open_run
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.transcripts.items import Item
from emotion_vectors.transcripts.outputs import parts_path, record_of, vectors_sha256
from emotion_vectors.transcripts.passages import Passages, Place
from emotion_vectors.transcripts.pieces import CHARACTERS_PER_PIECE, grouped, read_pieces
from emotion_vectors.transcripts.scores import MessageScores, Seen, score_texts
from emotion_vectors.transcripts.sources import Survey, survey
from emotion_vectors.transcripts.table import Line, counts_of, extra_of, table
from emotion_vectors.transcripts.tokens import characters_per_piece, token_table
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.file import EmotionVectors

SCHEMA = 2  # form of the table and its record; 2: reliability, in_sample, control tokens, thoughts and other parts
OUTPUTS = (".parquet", ".jsonl")


@dataclass(frozen=True)
class Order:
    """What is to be read and how: everything that changes the answer."""

    files: tuple[Path, ...]
    emotions: tuple[str, ...]
    layer: int
    window: int
    skip_bad: bool = False
    tokens: tuple[int, ...] = ()  # layers of a table of every token; none: the table of messages


def read_files(
    order: Order,
    vectors: EmotionVectors,
    lm: LanguageModel,
    calibration: Calibration | None,
    out: Path | None,
    reporter: Reporter,
    tokens_per_batch: int = 4096,
    held: Survey | None = None,
) -> JsonObject:
    """Read the files into the table `out` (None: nowhere) and give its record: identity, counts, strongest passages.

    held: what `survey` says of the files, where it was asked before. A finished `out` of the same order is not read again. Raises `UserError` for files that can't be read, bad lines
    (unless they are to be skipped), and an `out` that belongs to another order or to somebody else.
    """
    held = held or survey(order.files, order.skip_bad)
    identity = _identity(order, vectors, lm, calibration, held)
    if out is not None and (found := _finished(out, identity)):
        return found
    with _folder(out, identity) as run:
        kept = Passages(
            order.emotions,
            [vectors.index(name) for name in order.emotions],
            order.layer,
            calibration,
            vectors.centre is not None,
        )
        paths, counts = _pieces(order, vectors, lm, calibration, run, kept, held, reporter, tokens_per_batch)
        record = {
            "schema": SCHEMA, "identity": identity, "counts": counts | {"texts_beside_messages": held.beside}, "texts_of_the_reference": calibration.texts if calibration else 0,
            "reliability": {"caution": vectors.caution(), "emotions": dict(zip(order.emotions, _reliability(order, vectors), strict=True))},
            "bad": [{"where": str(bad), "why": bad.why} for bad in held.first_bad], "passages": [] if order.tokens else _described(kept, paths),
        }  # fmt: skip
        if {str(path): file_digest(path) for path in order.files} != held.sha256:
            raise UserError("A file was changed while it was being read; run the command again with another --out.")
        if out is not None:
            _write(out, paths)
            atomic.write_json(_record_path(out), record | {"sha256": file_digest(out)})
    if out is not None:
        shutil.rmtree(parts_path(out))
    return record


def _identity(
    order: Order, vectors: EmotionVectors, lm: LanguageModel, calibration: Calibration | None, held: Survey
) -> JsonObject:
    return {
        "schema": SCHEMA,
        "settings": {"emotions": list(order.emotions), "layer": order.layer, "window": order.window, "skip_bad": order.skip_bad}
        | ({"tokens": list(order.tokens)} if order.tokens else {}),
        "vectors": {"sha256": vectors_sha256(vectors, order.emotions, (order.layer, *order.tokens), calibration), "calibrated": calibration is not None},
        "model": {"name": lm.name, "sha256": lm.sha256, "dtype": str(lm.dtype).removeprefix("torch.")},
        "files": held.sha256,
    }  # fmt: skip


def _record_path(out: Path) -> Path:
    return out.with_name(out.name + ".json")


def _finished(out: Path, identity: JsonObject) -> JsonObject | None:
    """The record of a finished output of this order; `UserError` where something else is in its place."""
    if out.suffix.lower() not in OUTPUTS:
        raise UserError(f"--out {out} must end with {' or '.join(OUTPUTS)}.")
    record = _record_path(out)
    if not out.exists():
        return None
    if not record.is_file():
        if (parts_path(out) / "run.json").is_file():
            return None  # killed between the table and its record; the parts say whose it is
        raise UserError(f"{out} exists and was not written by this command; choose another --out.")
    found = record_of(out, record, identity)
    return found if file_digest(out) == found["sha256"] else None


@contextmanager
def _folder(out: Path | None, identity: JsonObject) -> Iterator[RunFolder]:
    """The locked folder of the finished pieces; a temporary one where nothing is to be written."""
    if out is not None:
        with open_run(parts_path(out), identity) as run:
            yield run
        return
    with TemporaryDirectory() as name, open_run(Path(name), identity) as run:
        yield run


def _pieces(
    order: Order,
    vectors: EmotionVectors,
    lm: LanguageModel,
    calibration: Calibration | None,
    run: RunFolder,
    kept: Passages,
    held: Survey,
    reporter: Reporter,
    tokens_per_batch: int,
) -> tuple[list[Path], dict[str, int]]:
    """Read what is not read yet; the pieces' files and counts over all of them."""

    def read(items: Sequence[Item], number: int, stage: Stage) -> tuple[pl.DataFrame, dict[str, int]]:
        lines = _read_piece(items, number, order, vectors, lm, kept, stage, tokens_per_batch)
        return _table(lines, order, vectors, calibration, held), counts_of(lines)

    # A row for every token is many rows.
    many = characters_per_piece(len(order.emotions), len(order.tokens)) if order.tokens else CHARACTERS_PER_PIECE
    pieces = grouped(order.files, most=min(many, CHARACTERS_PER_PIECE))
    paths, found = read_pieces(run, pieces, held.texts, kept, "passages", read, reporter)
    return paths, {"texts": held.texts, "bad": held.bad} | {name: found[name] for name in counts_of([])}


def _table(
    lines: Sequence[Line], order: Order, vectors: EmotionVectors, calibration: Calibration | None, held: Survey
) -> pl.DataFrame:
    columns = _columns(order, vectors)
    if order.tokens:
        return token_table(lines, order.emotions, columns, order.tokens, calibration, held.columns)
    return table(
        lines, order.emotions, columns, order.layer, calibration, _reliability(order, vectors), held.columns
    )  # fmt: skip


def _columns(order: Order, vectors: EmotionVectors) -> list[int]:
    return [vectors.index(name) for name in order.emotions]


def _reliability(order: Order, vectors: EmotionVectors) -> list[float | None]:
    """How far each of the emotions' directions agrees with itself."""
    known = vectors.reliability
    return [None if known is None else known.r[row] for row in _columns(order, vectors)]


def _read_piece(
    items: Sequence[Item],
    number: int,
    order: Order,
    vectors: EmotionVectors,
    lm: LanguageModel,
    kept: Passages,
    stage: Stage,
    tokens_per_batch: int,
) -> list[Line]:
    """Lines of the table for one piece, in the order of its texts."""
    texts: list[Conversation] = []
    at: list[int] = []
    problems: dict[int, str] = {}
    for row, item in enumerate(items):
        try:
            texts.append(converse(lm, item.content, any_length=True, partial=True))
            at.append(row)
        except UserError as error:
            problems[row] = str(error)
    orders: dict[tuple[int, int], int] = {}
    for text, one in enumerate(texts):
        for message in range(len(one.messages)):
            orders[text, message] = number * 2**32 + len(orders)

    def watch(text: int, message: int, scores: MessageScores, seen: Seen) -> None:
        item = items[at[text]]
        form = "text" if isinstance(item.content, str) else "message"
        place = Place(item.source, item.number, item.id, item.places[texts[text].numbers[message]], form)
        kept.see(place, scores, seen, orders[text, message])

    found = score_texts(
        vectors,
        lm,
        texts,
        order.emotions,
        order.layer,
        order.window,
        tokens_per_batch,
        watch,
        stage.advance,
        order.tokens,
    )
    stage.advance(len(problems))
    read = dict(zip(at, zip(texts, found, strict=True), strict=True))
    lines = []
    for row, item in enumerate(items):
        if row in problems:
            lines.append(Line(item, None, None, problem=problems[row]))
            continue
        text, scored = read[row]
        if scored.problem:
            lines.append(Line(item, None, None, problem=scored.problem))
            continue
        here = [
            Line(
                item,
                item.places[text.numbers[n]],
                message.role,
                scored.windows,
                message,
                text.tokens,
                in_sample=vectors.in_sample(item.contents[text.numbers[n]]),
                extra=extra_of(text, n),
            )
            for n, message in enumerate(scored.messages)
        ]
        left_out = [Line(item, place, role, problem="it has no text and was left out") for place, role in item.empty]
        if not isinstance(item.content, str):
            left_out += [
                Line(item, item.places[number], str(item.content[number]["role"]), problem=why)
                for number, why in text.left_out
            ]
        lines += sorted([*here, *left_out], key=lambda line: line.message or 0)
    return lines


def _described(kept: Passages, paths: Sequence[Path]) -> list[JsonObject]:
    """The kept passages with the ranks of their messages."""
    passages = [row["passage"] for row in kept.dump()]
    kind = kept.kind
    if not passages:
        return []
    ranks = {f"{s}_{kind}{what}": pl.Float32 for s in ("max", "mean", "response") for what in ("", "_percentile", "_z")}
    known = (*ranks, "in_sample", "reliability", "control_tokens")
    keys = ["source", "item", "message", "emotion"]
    wanted = pl.DataFrame(passages).select(keys).with_columns(pl.col("message").cast(pl.Int32)).unique()
    found = (
        pl.scan_parquet(list(paths), glob=False)
        .select(*keys, *known)
        .join(wanted.lazy(), on=keys, how="semi")
        .collect(engine="streaming")
    )
    at = {tuple(row[key] for key in keys): {name: row[name] for name in known} for row in found.iter_rows(named=True)}
    # A long text may turn out unreadable after its first windows were looked at: it has no row and no passage.
    places = [tuple(passage[key] for key in keys) for passage in passages]
    return [
        passage | {"kind": kind} | at[place] for passage, place in zip(passages, places, strict=True) if place in at
    ]


def _write(out: Path, paths: Sequence[Path]) -> None:
    frame = pl.scan_parquet(list(paths), glob=False)
    sink = frame.sink_parquet if out.suffix.lower() == ".parquet" else frame.sink_ndjson
    atomic.replace_file(out, lambda temporary: sink(temporary))
