"""What a run has found -> `results.json` and the tables behind it."""

from __future__ import annotations

import numpy as np
import polars as pl

from emotion_vectors import __version__
from emotion_vectors.lab import Lab
from emotion_vectors.record.criterion import VERDICTS, Criterion
from emotion_vectors.stages.doctor import all_checks
from emotion_vectors.stimuli import equal_to_published
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import SCHEMA, JsonObject, timestamp
from emotion_vectors.store.stage_table import ASKED_BY
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.reliability import Reliability, caution

SCENARIO_COLUMNS = {
    "scenario": pl.String,
    "target": pl.String,
    "probe": pl.String,
    "raw": pl.Float64,
    "centred": pl.Float64,
}
NUMERIC_COLUMNS = {
    "template": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "emotion": pl.String,
    "cosine": pl.Float64,
    "expected": pl.String,
}
MEASURED = (
    "doctor",
    "stories",
    "neutral",
    "dialogues",
    "activations",
    "calibration",
    "jacobian",
    "readings",
    "responses",
    "speakers",
    "preferences",
    "steering",
    "feels",
)


def assembled(
    lab: Lab,
    vectors: EmotionVectors,
    criteria: list[Criterion],
    experiments: JsonObject,
    split_half: JsonObject | None,
    agreement: Reliability | None,
) -> JsonObject:
    """The record: what `results.json` holds of a run whose stages are done.

    `experiments` are their parts by key, `split_half` and `agreement` what halves of the stories say of the vectors.
    """
    stages = {name: lab.run.done(name) or {} for name in MEASURED if name not in ASKED_BY or lab.run.marker(name)}
    corpus = dict(stages["stories"]["facts"])
    # Stories that the model's own tokens made too short were only found while reading them.
    late = stages["activations"]["facts"]["too_short"]
    if late:
        corpus["dropped"] = corpus["dropped"] | {"too few tokens when read": late}
        corpus["kept"] -= late
    return {
        "schema": SCHEMA, "version": __version__, "command": lab.command,
        "created": timestamp(),
        "model": lab.model_facts() | {
            "writer": stages["stories"]["facts"]["writer"],
            # Folders of earlier versions have readings in the run's dtype.
            "readings_dtype": stages["readings"]["facts"].get("dtype", lab.settings.dtype),
        },
        "settings": lab.settings.model_dump(mode="json"), "fingerprint": lab.fingerprint,
        "stimuli": {
            "pack": lab.pack.name, "version": lab.pack.version, "source": lab.pack.source, "sha256": dict(lab.pack.sha256),
            "equal_to_published": list(equal_to_published(lab.pack)), "supplied_by_ours": list(lab.pack.supplied),
        },
        "corpus": corpus | {"neutral": stages["neutral"]["facts"]},
        "vectors": _vector_facts(vectors, split_half, caution(agreement)),
        "criteria": {criterion.id: criterion.dump() for criterion in criteria},
        "verdicts": {name: sum(criterion.verdict == name for criterion in criteria) for name in VERDICTS},
        "experiments": experiments, "doctor": all_checks(lab, vectors, agreement),
        "failed_checks_allowed": lab.runtime.allow_failed_checks,
        "timings": {
            name: {key: stage[key] for key in ("seconds", "units", "unit", "rate")} for name, stage in stages.items() if stage
        },
    }  # fmt: skip


def _vector_facts(vectors: EmotionVectors, split_half: JsonObject | None, said: str) -> JsonObject:
    counts = np.array(vectors.header["stories"])
    adopted = vectors.header.get("adopted")
    return ({} if adopted is None else {"adopted": adopted}) | {
        "layer": vectors.layer, "layers": len(vectors.raw), "vectors": vectors.kind,
        "neutral_components": vectors.header["neutral_components"][vectors.layer],
        "neutral_variance": vectors.header["neutral_explained"],
        "residual_norm": float(vectors.residual_norm[vectors.layer]),
        "stories_per_emotion": {"min": int(counts.min()), "median": float(np.median(counts)), "max": int(counts.max())},
        "split_half": split_half, "caution": said,
    }  # fmt: skip


def write_tables(lab: Lab, experiments: JsonObject) -> None:
    """The parquet tables behind the record."""
    atomic.write_parquet(lab.run / "scores.parquet", pl.DataFrame(experiments["preferences"]["activities"]))
    atomic.write_parquet(
        lab.run / "correlations.parquet",
        pl.DataFrame(
            experiments["correlation"]["emotions"], schema_overrides={"valence": pl.String, "r_cosine": pl.Float64}
        ),
    )
    found = experiments["scenarios"]
    rows = [
        {"scenario": item["name"], "target": item["emotion"], "probe": probe, "raw": found["raw"][p][s], "centred": found["centred"][p][s]}
        for s, item in enumerate(found["items"])
        for p, probe in enumerate(found["emotions"])
    ]  # fmt: skip
    atomic.write_parquet(lab.run / "scenarios.parquet", pl.DataFrame(rows, schema=SCENARIO_COLUMNS))
    found = experiments["numeric"] or {"templates": [], "twins": {"templates": []}, "emotions": []}
    rows = [
        {"template": t["name"], "kind": kind, "value": float(value), "emotion": emotion, "cosine": t[key][emotion][i], "expected": t["expected"][emotion]}
        for templates, kinds in (
            (found["templates"], {"first list": "cosine"}),
            (found["twins"]["templates"], {kind: f"cosine_{kind}" for kind in ("template", "twin", "severity")}),
        )
        for t in templates
        for kind, key in kinds.items()
        for emotion in found["emotions"]
        for i, value in enumerate(t["values"])
    ]  # fmt: skip
    atomic.write_parquet(lab.run / "numeric.parquet", pl.DataFrame(rows, schema=NUMERIC_COLUMNS))
