"""Plan, status and clean against a real toy run: what is said before and after is what the run did."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import torch
from report.asking import write_report
from safetensors.numpy import load_file
from small import without_page

from emotion_vectors import EmotionVectors, settings
from emotion_vectors.cli import main
from emotion_vectors.corpus.filters import SPARE
from emotion_vectors.errors import UserError
from emotion_vectors.lm.toy import make_toy
from emotion_vectors.opening import identity_of
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.settings import Settings, change
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.atomic import read_json, write_json
from emotion_vectors.store.run_folder import RunFolder, open_run
from emotion_vectors.store.stage_table import ASKED_BY, EVERYWHERE, ORDER, STAGES, reached_by
from emotion_vectors.upkeep import planning
from emotion_vectors.upkeep.cleaning import clean_run
from emotion_vectors.upkeep.planning import plan_run
from emotion_vectors.upkeep.status import changed, run_status

DIALOGUES = Path(__file__).parents[2] / "docs" / "examples" / "dialogues.jsonl"
QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


def contents(folder):
    return {
        str(f.relative_to(folder)): (f.stat().st_size, f.stat().st_mtime_ns) for f in folder.rglob("*") if f.is_file()
    }


@pytest.fixture
def copied(toy_run, tmp_path):
    return shutil.copytree(toy_run[0], tmp_path / "run")


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


def test_every_setting_reaches_a_stage_and_every_stage_is_made_from_earlier_ones():
    assert EVERYWHERE.union(*(stage.settings for stage in STAGES)) == set(Settings.model_fields)
    assert all(ORDER.index(need) < ORDER.index(stage.name) for stage in STAGES for need in stage.needs)


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
    every = settings.change(settings.toy(), jacobian_texts=2, dialogues="write")  # with every stage
    run_experiment(every, tmp_path / "run", QUIET)
    opening = stages["doctor"]
    for stage in STAGES[1:]:
        missing = stages[stage.name] - stage.settings - EVERYWHERE
        assert not missing, f"{stage.name} reads {missing}, and the table doesn't say so"
        invented = stage.settings - stages[stage.name] - opening
        assert not invented, f"{stage.name} reads no {invented}"


def test_what_changes_the_texts_changes_the_neutral_texts_too():
    for name in (
        "min_tokens",
        "min_words",
        "story_tokens",
        "story_tries",
        "writer",
        "temperature",
        "top_p",
        "repetition_penalty",
    ):
        assert {"stories", "neutral", "activations"} <= set(reached_by(name))
    assert "doctor" in reached_by("layer") and "stories" not in reached_by("layer")


def made(folder, stage):
    """The hashes of a stage's files, of vectors those of their numbers: the files name the run that they are of."""
    files = read_json(folder / "stages" / f"{stage}.json")["files"]
    tensors = {name: load_file(folder / name) for name in files if stage in ("vectors", "calibration")}
    found = {name: sorted((key, value.tobytes()) for key, value in some.items()) for name, some in tensors.items()}
    return files | {name: hash(str(content)) for name, content in found.items()}


@pytest.mark.parametrize("name, value", [("strength", 0.3), ("neutral_variance", 0.2), ("resamples", 150)])
@pytest.mark.slow
def test_what_is_said_to_change_is_what_changes(name, value, toy_run, tmp_path):
    """A run with the other setting: whatever comes out otherwise was announced, and what was not announced is the same."""
    folder, _ = toy_run
    other = change(settings.toy(), **{name: value})
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


def test_a_cleaned_run_still_serves_every_other_verb(copied, toy_run):
    before, record = contents(copied), toy_run[1]
    promised = clean_run(copied, dry_run=True)
    assert contents(copied) == before
    found = clean_run(copied)
    assert found == promised and found["files"] > 3
    left = contents(copied)
    assert sum(size for size, _ in before.values()) - found["bytes"] == found["kept_bytes"]
    for name in (
        "results.json",
        "vectors.safetensors",
        "calibration.safetensors",
        "stories.parquet",
        "report.html",
        "choices.parquet",
        "steering.parquet",
    ):
        assert left[name] == before[name]
    assert not (copied / "parts").exists() and not (copied / "activations.safetensors").exists()
    assert EmotionVectors.load(copied).calibration is not None
    write_report(copied, read_json(copied / "results.json"))
    status = run_status(copied)
    assert status["finished"] and status["cleaned"] >= 3
    # The same command finds the run finished, and computes nothing.
    again = run_experiment(settings.toy(), copied, QUIET)
    assert again == record and not (copied / "parts").exists()
    assert clean_run(copied)["files"] == 0


def test_a_cleaned_run_whose_later_stage_is_lost_says_what_to_do(copied):
    clean_run(copied)
    (copied / "steering.parquet").unlink()
    with pytest.raises(UserError, match=r"was cleaned.*steering.*--stories"):
        run_experiment(settings.toy(), copied, QUIET)


def test_what_cannot_be_cleaned_is_refused(copied, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(UserError, match="is not a run folder"):
            clean_run(wrong)
        with pytest.raises(UserError, match="is not a run folder"):
            run_status(wrong)
    (copied / "stages" / "analysis.json").unlink()
    before = contents(copied)
    with pytest.raises(UserError, match="not finished"):
        clean_run(copied)
    assert contents(copied) == before


@pytest.mark.parametrize(
    "form, says", [(1, "an older version made it"), (3, "upgrade with pip"), (None, "emotion-vectors did not write it")]
)
def test_a_folder_of_another_form_says_how_to_go_on(copied, form, says):
    write_json(copied / "run.json", read_json(copied / "run.json") | {"schema": form})
    for look in (run_status, clean_run):
        with pytest.raises(UserError, match=says):
            look(copied)


def test_a_plan_for_several_devices_shares_out_the_blocks():
    one, three = (plan_run(settings.toy(), load_pack("ours"), devices) for devices in ("cpu", "cpu:0,cpu:1,cpu:2"))
    weights = make_toy()[0].model.layers.parameters()
    size = sum(weight.numel() for weight in weights)
    gone = (size - size // 3) * 4  # the toy preset is float32
    assert (one["devices"], three["devices"]) == (1, 3) and one["memory_bytes"] - three["memory_bytes"] == gone


def test_a_cpu_that_keeps_what_does_not_fit_is_no_device_that_computes(monkeypatch):
    gpus = [torch.device("cuda", 0), torch.device("cuda", 1)]
    given = {"a": gpus, "b": [*gpus, torch.device("cpu")], "c": gpus[:1], "d": [gpus[0], torch.device("cpu")]}
    monkeypatch.setattr(planning, "choose_devices", lambda name: tuple(given[name]))
    found = {name: plan_run(settings.toy(), load_pack("ours"), name) for name in given}
    assert [found[name].pop("offloaded") for name in given] == [False, True, False, True]
    assert found["a"] == found["b"] and found["c"] == found["d"]
    assert (found["b"]["devices"], found["d"]["devices"]) == (2, 1)


def test_a_plan_counts_what_the_run_did(toy_run, tmp_path):
    folder, record = toy_run
    found = plan_run(settings.toy(), load_pack("ours"), "cpu")
    items = found["items"]
    assert (
        items["stories"] == record["corpus"]["wanted"]
        and items["neutral_texts"] == record["corpus"]["neutral"]["wanted"]
    )
    assert items["preference_prompts"] == pl.read_parquet(folder / "choices.parquet").height
    steering = read_json(folder / "stages" / "steering.json")
    assert (items["steered_prompts"], items["steered_conditions"]) == (
        steering["units"],
        steering["facts"]["conditions"],
    )
    assert (found["layers"], found["parameters"]) == (record["model"]["layers"], record["model"]["parameters"])
    pages = sum(
        f.stat().st_size
        for f in [folder / "report.html", folder / "results.json", *(folder / "figures").rglob("*")]
        if f.is_file()
    )
    real = sum(size for size, _ in contents(folder).values()) - pages
    assert real / 2 < found["disk_bytes"] < real * 2
    assert found["seconds"] is None


def test_a_plan_of_other_settings_counts_them(tmp_path):
    pack, few = load_pack("ours"), change(settings.toy(), partners=63, sweep_emotions=0, emotions=20, topics=5)
    items = plan_run(few, pack, "cpu")["items"]
    assert items["stories"] == 100
    n = len(pack.activities)
    # strength 0, 6 emotions, 4 random, 4 orthogonal, 3 shuffled, 1 mean, 4 flipped, a band of 4 and 4 random: own tokens of two
    # options; 4 emotions on both options and 4 on all tokens: once.
    own, once = 1 + 6 + 4 + 4 + 3 + 1 + 4 + 8, 8
    assert items["steered_conditions"] == own + once
    assert items["steered_prompts"] == n * (n - 1) * (2 * own + once)


def test_a_plan_needs_a_configuration_and_no_weights(tmp_path):
    toy = make_toy()[0]
    toy.config.save_pretrained(tmp_path)
    for name in (tmp_path, tmp_path / "config.json"):
        found = plan_run(change(settings.toy(), model=str(name)), load_pack("ours"), "cpu")
        assert (found["layers"], found["parameters"]) == (toy.config.num_hidden_layers, toy.num_parameters())
    named = plan_run(change(settings.toy(), model="llama-3.1-8b-shape"), load_pack("ours"), "cpu")
    assert (named["layers"], named["width"], named["parameters"]) == (32, 4096, 8_030_261_248)
    with pytest.raises(UserError, match=r"no config\.json"):
        (tmp_path / "empty").mkdir()
        plan_run(change(settings.toy(), model=str(tmp_path / "empty")), load_pack("ours"), "cpu")


def test_hours_are_items_over_rates(tmp_path):
    rates = {"writing": 100.0, "extraction": 200.0, "preferences": None, "steering": 50.0}
    file = tmp_path / "rates.json"
    file.write_text(
        json.dumps({"jobs": {k: {"rate": v} for k, v in rates.items()}, "machine": {"model": {"name": "other"}}})
    )
    found = plan_run(settings.toy(), load_pack("ours"), "cpu", file)
    items, seconds = found["items"], found["seconds"]
    assert seconds["writing"] == pytest.approx(items["written_tokens"] / 100)
    assert seconds["steering"] == pytest.approx(items["steered_prompts"] / 50)
    assert seconds["preferences"] is None and found["not_measured"] == ["preferences"] and found["rates_of"] == "other"
    assert seconds["all"] == pytest.approx(seconds["writing"] + seconds["extraction"] + seconds["steering"])
    file.write_text("{}")
    with pytest.raises(UserError, match="has no rates"):
        plan_run(settings.toy(), load_pack("ours"), "cpu", file)


def test_the_commands_print_text_and_json(copied, capsys, monkeypatch):
    def called(*words):
        monkeypatch.setattr("sys.argv", ["emotion-vectors", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    assert json.loads(called("status", copied, "--json"))["finished"]
    said = called("status", copied, "--preset", "toy", "--set", "strength=0.3")
    assert "Finished." in said and "steering would be run again: settings.strength differs." in said
    assert "feels would be run again" in said and "stories would" not in said
    assert json.loads(called("plan", "--preset", "toy", "--json"))["items"]["emotions"] == 12
    assert "steered prompts" in called("plan", "--preset", "toy")
    assert called("clean", copied, "--dry-run").startswith("Would remove")
    assert called("clean", copied).startswith("Removed")
