"""A plan counts what a run does and needs no weights."""

import json

import polars as pl
import pytest
import torch

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.lm.toy import make_toy
from emotion_vectors.settings import change
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.atomic import read_json
from emotion_vectors.upkeep import planning
from emotion_vectors.upkeep.planning import plan_run
from upkeep.folders import contents


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
