"""A toy run for the whole session, and the same with hostile words wherever a model or a run can put some."""

import shutil
from dataclasses import replace
from importlib.resources import files

import polars as pl
import pytest

from emotion_vectors import EmotionVectors
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import file_digest

OURS = files("emotion_vectors.stimuli") / "data" / "ours"
ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>${window.owned=1}{{constructor}}\'"&'


@pytest.fixture(scope="session")
def toy_run(small_run, tmp_path_factory):
    """The folder of a finished toy run without its report, which nothing here looks at."""
    return shutil.copytree(small_run[0], tmp_path_factory.mktemp("explorer") / "toy")


@pytest.fixture(scope="session")
def hostile_run(toy_run, tmp_path_factory):
    """The toy run whose first emotion, first story and model name are an attack."""
    folder = tmp_path_factory.mktemp("hostile") / "hostile"
    shutil.copytree(toy_run, folder)
    vectors = EmotionVectors.load(folder)
    first = vectors.emotions[0]
    replace(vectors, emotions=(ATTACK, *vectors.emotions[1:])).save(folder / "vectors.safetensors")
    record = atomic.read_json(folder / "results.json")
    record["model"]["name"] = ATTACK
    record["criteria"]["V1"]["reason"] = ATTACK
    for row in record["experiments"]["lens"]["emotions"]:
        row["emotion"] = ATTACK if row["emotion"] == first else row["emotion"]
        row["top"] = [ATTACK]
    atomic.write_json(folder / "results.json", record)
    # A stranger's marker agrees with it.
    marker = atomic.read_json(folder / "stages" / "analysis.json")
    marker["files"]["results.json"] = file_digest(folder / "results.json")
    atomic.write_json(folder / "stages" / "analysis.json", marker)
    stories = pl.read_parquet(folder / "stories.parquet")
    hostile = pl.col("emotion").replace(first, ATTACK)
    stories = stories.with_columns(
        emotion=hostile, text=pl.lit(ATTACK + " once upon a time") + pl.col("text"), topic=pl.lit(ATTACK)
    )
    atomic.write_parquet(folder / "stories.parquet", stories)
    return folder
