"""The table of tokens: a row for each token of a message, emotion and layer, and one for whatever could not be read.

A token's percentile is that of a message of one token: its cosine among the means over 4 tokens in a row of the neutral texts, the
shortest pieces that there are. A single token scatters more than such a mean, so percentiles near 0 and 100 come too easily.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.transcripts.inspect_logs import EPOCH
from emotion_vectors.transcripts.sources import Survey
from emotion_vectors.transcripts.table import Line, head_of
from emotion_vectors.vectors.calibration import KINDS, Calibration

SCHEMA: dict[str, type[pl.DataType]] = {
    "source": pl.String, "item": pl.Int64, "id": pl.String, "message": pl.Int32, "role": pl.String, "in_sample": pl.Boolean,
    "position": pl.Int32, "token": pl.String, "emotion": pl.String, "layer": pl.Int32, "raw": pl.Float32, "centred": pl.Float32,
    "percentile": pl.Float32, "problem": pl.String,
}  # fmt: skip
ROWS_PER_PIECE = 2_000_000
BYTES_PER_TOKEN = 4  # of English text; of others fewer bytes make a token more often than not
BYTES_PER_ROW = 10  # of a compressed table, roughly: only for the sentence that refuses


def require_moderate(held: Survey, emotions: int, layers: int, most: int) -> None:
    """Refuse a table of more than about `most` rows, with its size, before a model is loaded."""
    rows = held.utf8 // BYTES_PER_TOKEN * emotions * layers
    if rows > most:
        raise UserError(
            f"The table of tokens would have about {rows:,} rows ({rows * BYTES_PER_ROW / 1e9:,.1f} GB): {held.utf8 // BYTES_PER_TOKEN:,} tokens x {emotions} "
            f"emotions x {layers} layers, more than {most:,}; name fewer --emotions or --layers, or allow it with --most-rows {rows * 2}."
        )


def characters_per_piece(emotions: int, layers: int) -> int:
    """How many characters make about `ROWS_PER_PIECE` rows."""
    return max(1, ROWS_PER_PIECE * BYTES_PER_TOKEN // (emotions * layers))


def token_table(
    lines: Sequence[Line],
    emotions: Sequence[str],
    columns: Sequence[int],
    layers: Sequence[int],
    calibration: Calibration | None,
    carried: Sequence[str] = (),
) -> pl.DataFrame:
    """Rows of `SCHEMA` in the order of `lines`; `columns` are the emotions' numbers in the vectors. `carried` as in `table`."""
    schema = SCHEMA | {name: pl.Int32 if name == EPOCH else pl.String for name in carried}
    frames = [pl.DataFrame(schema=schema)]
    for line in lines:
        head = head_of(line, carried)
        if line.scores is None or line.scores.every is None:
            frames.append(pl.DataFrame([head], schema={name: schema[name] for name in head}))
            continue
        rows = _rows(line, emotions, columns, layers, calibration)
        fixed = head | {"in_sample": line.in_sample}
        frames.append(rows.with_columns(pl.lit(value, schema[name]).alias(name) for name, value in fixed.items()))
    whole = pl.concat(frames, how="diagonal")
    return whole.select(list(schema)).with_columns(pl.col(pl.Float32).fill_nan(None))


def _rows(
    line: Line, emotions: Sequence[str], columns: Sequence[int], layers: Sequence[int], calibration: Calibration | None
) -> pl.DataFrame:  # fmt: skip
    """What differs from row to row of one message: token by token, emotion by emotion, layer by layer."""
    scores = line.scores
    assert scores is not None and scores.every is not None
    raw, centred = scores.every
    place, name, at = (axis.ravel() for axis in np.indices(raw.shape))
    texts = line.tokens[scores.first : scores.last]
    ranked = _percentiles(line, scores.every, columns, layers, calibration)
    data = {
        "position": place + (scores.first - scores.start), "token": pl.Series(texts, dtype=pl.String).gather(place),
        "emotion": pl.Series(list(emotions)).gather(name), "layer": np.array(layers)[at], "raw": raw.ravel(), "centred": centred.ravel(),
        "percentile": ranked.ravel(),
    }  # fmt: skip
    return pl.DataFrame(data, schema={key: SCHEMA[key] for key in data})


def _percentiles(
    line: Line, every: np.ndarray, columns: Sequence[int], layers: Sequence[int], calibration: Calibration | None
) -> np.ndarray:
    """(tokens, emotions, layers): of the centred cosines, or of the raw ones where there is no centre."""
    kind = int(not np.isnan(every[1]).all())
    found = np.full(every.shape[1:], np.nan)
    if calibration is None:
        return found
    ones, form = np.ones(len(found), dtype=int), "text" if isinstance(line.item.content, str) else "message"
    for number, layer in enumerate(layers):
        ranked = calibration.rank(every[kind, :, :, number], "mean", ones, layer, columns, form, KINDS[kind])
        found[:, :, number] = ranked.percentile
    return found
