"""Jobs over natural text."""

import json

import polars as pl
from typer.testing import CliRunner

from emotion_vectors.cli import app
from emotion_vectors.natural.job import FILES


def lines(path, texts, column="text"):
    path.write_text("".join(json.dumps({column: text, "id": f"t{n}"}) + "\n" for n, text in enumerate(texts)))
    return path


def passages(out, kind="strongest"):
    return pl.read_parquet(out / FILES[0]).filter(kind=kind)


def run(folder, *words):
    return CliRunner().invoke(
        app, ["examples", str(folder), *map(str, words), "--device", "cpu"], env={"COLUMNS": "200", "TERM": "dumb"}
    )
