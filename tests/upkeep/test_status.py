"""Plan, status and clean against a real toy run: what is said before and after is what the run did."""

from pathlib import Path

import polars as pl
import pytest
from faults import SMALL
from safetensors.numpy import load_file
from small import without_page

from emotion_vectors import settings
from emotion_vectors.corpus.filters import SPARE
from emotion_vectors.errors import UserError
from emotion_vectors.opening import identity_of
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.settings import Settings, change
from emotion_vectors.store.atomic import read_json, write_json
from emotion_vectors.store.run_folder import RunFolder, open_run
from emotion_vectors.store.stage_table import ASKED_BY, EVERYWHERE, ORDER, STAGES
from emotion_vectors.upkeep.cleaning import clean_run
from emotion_vectors.upkeep.status import changed, run_status
from upkeep.folders import contents

DIALOGUES = Path(__file__).parents[2] / "docs" / "examples" / "dialogues.jsonl"


QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


def test_the_status_of_a_finished_run_is_what_its_files_say_and_nothing_is_written(toy_run):
    folder, _ = toy_run
    before = contents(folder)
    found = run_status(folder)
    assert contents(folder) == before
    assert found["finished"] and {stage["state"] for stage in found["stages"].values()} == {"done"}
    stories = pl.read_parquet(folder / "stories.parquet")
    dropped = stories.filter(~pl.col("kept") & (pl.col("dropped") != SPARE))["dropped"].to_list()
    assert found["dropped"]["stories"] == {reason: dropped.count(reason) for reason in set(dropped)}
    assert found["bytes"] == sum(size for size, _ in before.values())
    assert found["stages"]["activations"]["parts"] == found["stages"]["activations"]["parts_of"] == 1
    assert found["used_by"] is None and "changed" not in found


def test_damage_and_what_is_missing_are_told(copied):
    (copied / "stages" / "feels.json").unlink()
    (copied / "stages" / "steering.json").unlink()
    readings = copied / "readings.safetensors"
    whole = readings.read_bytes()
    readings.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    stages = run_status(copied)["stages"]
    assert stages["readings"]["state"] == "stale" and "changed" in stages["readings"]["why"]
    assert stages["feels"]["state"] == "open" and stages["steering"]["state"] == "unfinished"
    assert stages["analysis"]["state"] == "stale" and "steering" in stages["analysis"]["why"]
    assert stages["stories"]["state"] == "done"
    readings.unlink()
    assert "readings.safetensors is missing" in run_status(copied)["stages"]["readings"]["why"]
    assert not run_status(copied)["finished"]


def test_a_folder_in_use_names_the_process(copied):
    with open_run(copied, read_json(copied / "run.json")):
        assert run_status(copied)["used_by"].isdigit()
        with pytest.raises(UserError, match="process"):
            clean_run(copied)


@pytest.mark.slow
def test_stages_read_the_settings_that_they_name(tmp_path, monkeypatch):
    """Every read of a setting in a toy run, from the end of one stage to the end of the next, against the table.

    What is read while the run is opened counts for no stage, so a setting that stands at a stage has to be read there or at the opening.
    """
    read, stages, plain, finish = set(), {}, Settings.__getattribute__, RunFolder.finish

    def watched(self, name):
        read.add(name)
        return plain(self, name)

    def finished(self, stage, *args, **facts):
        stages[stage] = read & set(Settings.model_fields)
        read.clear()
        return finish(self, stage, *args, **facts)

    monkeypatch.setattr(Settings, "__getattribute__", watched)
    monkeypatch.setattr(RunFolder, "finish", finished)
    every = settings.change(settings.toy(), jacobian_texts=2, dialogues="write", **SMALL)  # with every stage
    with without_page():  # a page reads the record and no settings
        run_experiment(every, tmp_path / "run", QUIET)
    opening = stages["doctor"]
    for stage in STAGES[1:]:
        missing = stages[stage.name] - stage.settings - EVERYWHERE
        assert not missing, f"{stage.name} reads {missing}, and the table doesn't say so"
        invented = stage.settings - stages[stage.name] - opening
        assert not invented, f"{stage.name} reads no {invented}"


def made(folder, stage):
    """The hashes of a stage's files, of vectors those of their numbers: the files name the run that they are of."""
    files = read_json(folder / "stages" / f"{stage}.json")["files"]
    tensors = {name: load_file(folder / name) for name in files if stage in ("vectors", "calibration")}
    found = {name: sorted((key, value.tobytes()) for key, value in some.items()) for name, some in tensors.items()}
    return files | {name: hash(str(content)) for name, content in found.items()}


@pytest.mark.parametrize("name, value", [("strength", 0.3), ("neutral_variance", 0.2), ("resamples", 150)])
@pytest.mark.slow
def test_what_is_said_to_change_is_what_changes(name, value, small_run, tmp_path):
    """A run with the other setting: whatever comes out otherwise was announced, and what was not announced is the same."""
    folder, _ = small_run
    other = change(settings.toy(), **SMALL | {name: value})
    announced = run_status(folder, identity_of(other, QUIET))["changed"]
    assert announced["settings"] == [f"settings.{name}"]
    with without_page():  # it is made of the record, and is said to change with it
        run_experiment(other, tmp_path / "other", QUIET)
    files = {
        stage: [made(where, stage) for where in (folder, tmp_path / "other")]
        for stage in ORDER[1:]  # the self-checks' file has times of its own
        if stage not in ASKED_BY
    }
    assert {stage for stage, (a, b) in files.items() if a != b} <= set(announced["stages"])
    assert {"analysis", "report"} <= set(announced["stages"])
    seen = "vectors" if name == "resamples" else "feels"  # the file of vectors holds their reliability
    assert files["preferences"][0] == files["preferences"][1] and announced["stages"].get(seen)
    assert name == "resamples" or files[seen][0] != files[seen][1]


def test_the_same_settings_change_nothing(toy_run):
    folder, _ = toy_run
    assert run_status(folder, identity_of(settings.toy(), QUIET))["changed"] == {"settings": [], "stages": {}}
    identity = read_json(folder / "run.json")
    another = identity | {"model": {"sha256": "0"}}
    assert list(changed(identity, another)["stages"]) == list(ORDER)


@pytest.mark.parametrize(
    "form, says", [(1, "an older version made it"), (3, "upgrade with pip"), (None, "emotion-vectors did not write it")]
)
def test_a_folder_of_another_form_says_how_to_go_on(copied, form, says):
    write_json(copied / "run.json", read_json(copied / "run.json") | {"schema": form})
    for look in (run_status, clean_run):
        with pytest.raises(UserError, match=says):
            look(copied)
