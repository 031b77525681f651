"""`compare`: the record, the table of all numbers, and the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from emotion_vectors.comparing.page import render
from emotion_vectors.comparing.pairs import compare_all
from emotion_vectors.comparing.runs import Compared, open_compared
from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.store.records import using_records
from emotion_vectors.store.schema import JsonObject, timestamp

FILES = ("comparison.json", "comparison.parquet", "comparison.html")
COLUMNS = {
    "what": pl.String, "run": pl.String, "with": pl.String, "item": pl.String, "layer": pl.Int64, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "null": pl.Float64, "p": pl.Float64, "verdict": pl.String,
}  # fmt: skip


def compare_runs(paths: Sequence[Path], out: Path, resamples: int = 2000, seed: int = 0, failed: Sequence[dict[str, str]] = ()) -> JsonObject:  # fmt: skip
    """Compare finished runs and write `FILES` into the folder `out`; returns the record.

    `failed` names models without a run and why, for the page. Raises `UserError` for runs that can't be opened.
    """
    runs = open_compared(paths)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; --out needs a folder.")
    with using_records(*(run.path for run in runs)):
        record = {
            "created": timestamp(), "resamples": resamples,
            "seed": seed, "runs": [_summary(run) for run in runs], "pairs": compare_all(runs, resamples, seed), "failed": list(failed),
        }  # fmt: skip
        table, page = table_of(record), render(record)
    out.mkdir(parents=True, exist_ok=True)
    atomic.write_json(out / FILES[0], record)
    atomic.write_parquet(out / FILES[1], table)
    atomic.write_text(out / FILES[2], page)
    return record


def _summary(run: Compared) -> JsonObject:
    record, model = run.record, run.record.model
    corpus, split = record.corpus, record.vectors.split_half if record.vectors else None
    return {
        "name": run.name, "model": model.name, "model_sha256": model.sha256, "layers": model.layers,
        "width": model.hidden_size, "prompt_format": model.prompt_format, "layer": run.vectors.layer,
        "stimuli": record.stimuli.pack if record.stimuli else "", "writer": model.dump().get("writer"), "emotions": len(run.vectors.emotions),
        "stories": corpus.kept if corpus else None, "fingerprint": record.fingerprint, "version": record.version,
        "reliability": split.median if split else None,
        "criteria": {
            name: {
                "name": one.name, "value": one.value, "of": one.of, "interval": one.interval, "verdict": one.verdict,
                "seed_verdict": one.seed_verdict, "reason": one.reason,
            }
            for name, one in record.criteria.items()
        },
        "verdicts": record.tally(), "doctor": [{"name": name, **check.dump()} for name, check in record.doctor.items() if not check.passed],
        "speed": {name: {"rate": stage.rate, "unit": stage.unit} for name, stage in record.timings.items()},
    }  # fmt: skip


def table_of(record: JsonObject) -> pl.DataFrame:
    """Every number of the comparison in one long table; `with` is empty for numbers of one run alone."""
    rows: list[JsonObject] = []

    def add(what: str, runs: list[str], item: str, value: Any, **more: Any) -> None:
        low, high = more.pop("interval", None) or (None, None)
        run, other = [*runs, ""][:2]
        named = {"what": what, "run": run, "with": other, "item": item, "value": value, "low": low, "high": high}
        rows.append(dict.fromkeys(COLUMNS) | named | more)

    for run in record["runs"]:
        for name, one in run["criteria"].items():
            add("criterion", [run["name"]], name, one["value"], interval=one["interval"], verdict=one["verdict"])
        for name, one in run["speed"].items():
            add(f"speed, {one['unit']}/s", [run["name"]], name, one["rate"])
    for pair in record["pairs"]:
        runs, vectors, geometry, liked = pair["runs"], pair["vectors"], pair["geometry"], pair["preferences"]
        if vectors:
            add("cosine, mean", runs, "", vectors["mean"], layer=vectors["layer"], **_bounds(vectors))
            for emotion, value in zip(pair["emotions"], vectors["cosine"], strict=True):
                add("cosine", runs, emotion, value, layer=vectors["layer"])
            for row in vectors["by_layer"]:
                add("cosine, mean by layer", runs, "", row["mean"], layer=row["layer"])
        if geometry:
            add("geometry, Spearman r", runs, "", geometry["r"], layer=geometry["layers"][0], **_bounds(geometry))
            if found := geometry["words"]:
                add("geometry, words of the stories", runs, "", found["bar"])
                add("geometry, beyond the words", runs, "", found["difference"], interval=found["interval"])
                add("geometry, given the words", runs, "", found["partial"], interval=found["partial_interval"])
            for row in geometry["by_depth"]:
                add("geometry by depth", runs, f"{row['depth']:.1f}", row["r"], layer=row["layers"][0])
        add_training(add, runs, pair["training"])
        if liked:
            add("preferences, Pearson r", runs, "", liked["r"], **_bounds(liked))
    return pl.DataFrame(rows, schema=COLUMNS)


def add_training(add: Callable[..., None], runs: list[str], found: JsonObject | None) -> None:
    """The rows of a pair of which one is the other before training."""
    if not found:
        return
    for name, part in (("emotions' mean cosines", found["profile"]), ("within the emotions", found["within"])):
        if part:
            null = part.get("exchanged", part.get("shuffled"))
            add(
                f"training, r of {name}",
                runs,
                "",
                part["r"],
                layer=found["layer"],
                interval=part["interval"],
                null=null,
                p=part["p"],
            )
    for one in found["emotions"]:
        add("training, shift", runs, one["emotion"], one["shift"], layer=found["layer"], interval=one["interval"])
    for row in found["by_layer"]:
        for name, key in (("shift", "shift"), ("shift of random directions", "random_shift")):
            add(f"training, mean size of the {name} by layer", runs, "", row[key], layer=row["layer"])


def _bounds(found: JsonObject) -> JsonObject:
    """Interval, null and p of a measure, as far as it has them."""
    return {key: found[key] for key in ("interval", "null", "p") if key in found}
