"""The table of scores: a row for each message and emotion, and one for whatever could not be read, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from emotion_vectors.lm.messages import Conversation
from emotion_vectors.transcripts.inspect_logs import EPOCH
from emotion_vectors.transcripts.items import Item
from emotion_vectors.transcripts.scores import MessageScores
from emotion_vectors.vectors.calibration import KINDS, STATISTICS, Calibration

SCHEMA: dict[str, type[pl.DataType]] = {
    "source": pl.String, "item": pl.Int64, "id": pl.String, "message": pl.Int32, "role": pl.String, "tokens": pl.Int32,
    "windows": pl.Int32, "in_sample": pl.Boolean, "emotion": pl.String, "reliability": pl.Float32,
    **{
        f"{statistic}_{kind}{what}": pl.Float32
        for statistic in STATISTICS for kind in KINDS for what in ("", "_percentile", "_z")
    },
    **{f"max_{kind}_{what}": pl.String if what == "token" else pl.Int32 for kind in KINDS for what in ("position", "token")},
    "control_tokens": pl.Int32, "thought_tokens": pl.Int32, "other_parts": pl.Int32, "problem": pl.String,
}  # fmt: skip


class Extra(NamedTuple):
    """What a message has beside its words: control tokens among them, tokens of thoughts and parts that were left out."""

    control_tokens: int = 0
    thought_tokens: int = 0
    other_parts: int = 0


def extra_of(text: Conversation, number: int) -> Extra:
    """The counts of one message of a rendered text."""
    return Extra(text.control_tokens[number], text.thought_tokens[number], text.other_parts[number])


class Line(NamedTuple):
    """A message that was read, or a text or message that could not be (`problem`)."""

    item: Item
    message: int | None
    role: str | None
    windows: int = 0
    scores: MessageScores | None = None
    tokens: tuple[str, ...] = ()
    problem: str | None = None
    in_sample: bool | None = None
    extra: Extra = Extra()


def counts_of(lines: Sequence[Line]) -> dict[str, int]:
    """What the record says of this many lines."""
    read = [line.scores for line in lines if line.scores is not None]
    return {
        "messages": len(read), "tokens": sum(scores.counted for scores in read),
        "problems": sum(line.problem is not None for line in lines),
        "with_control_tokens": sum(line.extra.control_tokens > 0 for line in lines),
        "with_thoughts": sum(line.extra.thought_tokens > 0 for line in lines),
        "in_sample": sum(line.in_sample is True for line in lines),
        "with_other_parts": sum(line.extra.other_parts > 0 for line in lines),
    }  # fmt: skip


def head_of(line: Line, carried: Sequence[str]) -> dict[str, str | int | None]:
    """Where a line is and what its item brings along, by column."""
    return {
        "source": line.item.source, "item": line.item.number, "id": line.item.id, "message": line.message, "role": line.role,
        "problem": line.problem, **{name: dict(line.item.carried).get(name) for name in carried},
    }  # fmt: skip


def table(
    lines: Sequence[Line],
    emotions: Sequence[str],
    columns: Sequence[int],
    layer: int,
    calibration: Calibration | None,
    reliability: Sequence[float | None] | None = None,
    carried: Sequence[str] = (),
) -> pl.DataFrame:
    """Rows of `SCHEMA` in the order of `lines`; `columns` are the emotions' numbers in the vectors, `reliability` their r.

    `carried`: columns that items bring along, at the end; whole numbers where they are the epoch, otherwise texts.
    """
    schema = SCHEMA | {name: pl.Int32 if name == EPOCH else pl.String for name in carried}
    own = [None] * len(emotions) if reliability is None else list(reliability)
    read = [line for line in lines if line.scores is not None]
    ranked = _ranked(read, columns, layer, calibration)
    frames, at = [], 0
    for line in lines:
        head = head_of(line, carried)
        if line.scores is None:
            frames.append(pl.DataFrame([head], schema={name: schema[name] for name in head}))
            continue
        values = {name: array[at] for name, array in ranked.items()}
        at += 1
        scores = line.scores
        places: dict[str, list[int | None] | list[str | None]] = {}
        for kind, name in enumerate(KINDS):
            there = ~np.isnan(scores.max[kind])
            positions = [int(place) if there[i] else None for i, place in enumerate(scores.place[kind])]
            places[f"max_{name}_position"] = [None if place is None else place - scores.start for place in positions]
            places[f"max_{name}_token"] = [None if place is None else line.tokens[place] for place in positions]
        data = {"emotion": list(emotions), "reliability": own, **values, **places}
        frame = pl.DataFrame(data, schema={name: schema[name] for name in data})
        fixed = (
            head
            | {"tokens": scores.counted, "windows": line.windows, "in_sample": line.in_sample}
            | line.extra._asdict()
        )
        frames.append(frame.with_columns(pl.lit(value, schema[name]).alias(name) for name, value in fixed.items()))
    whole = pl.concat([pl.DataFrame(schema=schema), *frames], how="diagonal")
    return whole.select(list(schema)).with_columns(pl.col(pl.Float32).fill_nan(None))


def _ranked(
    lines: Sequence[Line], columns: Sequence[int], layer: int, calibration: Calibration | None
) -> dict[str, np.ndarray]:
    """Each score column as (messages, emotions)."""
    found: dict[str, np.ndarray] = {}
    if not lines:
        return found
    counted = np.array([line.scores.counted for line in lines if line.scores is not None])
    is_text = np.array([isinstance(line.item.content, str) for line in lines])
    for statistic in STATISTICS:
        values = np.stack([getattr(line.scores, statistic) for line in lines])
        for kind, name in enumerate(KINDS):
            here = found[f"{statistic}_{name}"] = values[:, kind].astype(np.float32)
            percentile = found[f"{statistic}_{name}_percentile"] = np.full(here.shape, np.nan, dtype=np.float32)
            z = found[f"{statistic}_{name}_z"] = np.full(here.shape, np.nan, dtype=np.float32)
            for form, rows in (("text", is_text), ("message", ~is_text)):
                if calibration is not None and rows.any():
                    rank = calibration.rank(here[rows], statistic, counted[rows], layer, columns, form, name)
                    percentile[rows], z[rows] = rank
    return found
