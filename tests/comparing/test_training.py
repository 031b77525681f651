"""What training changed: a planted shift is found with its emotions and layers, its absence is not, and pairs that don't fit say why."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from comparing.folders import ATTACK, altered
from emotion_vectors import EmotionVectors
from emotion_vectors.comparing import compare_runs, open_compared
from emotion_vectors.comparing.pairs import compare_pair
from emotion_vectors.comparing.training import shifts
from emotion_vectors.errors import UserError
from emotion_vectors.store.atomic import read_json, write_json

EMOTIONS = [f"emotion {i}" for i in range(20)]
PROMPTS, WIDTH, LAYERS = 60, 64, [0, 1, 2]
VECTORS = np.random.default_rng(0).standard_normal((3, 20, WIDTH))
UNITS = VECTORS / np.linalg.norm(VECTORS, axis=-1, keepdims=True)


def residuals(seed, felt=None, noise=1.0):
    """Prompts with their emotions and something of every direction."""
    generator = np.random.default_rng(seed)
    felt = generator.standard_normal((PROMPTS, 20)) if felt is None else felt
    return 2 * np.einsum("pe,led->pld", felt, UNITS) + noise * generator.standard_normal((PROMPTS, 3, WIDTH))


FELT = np.random.default_rng(5).standard_normal((PROMPTS, 20)) + np.linspace(-1, 1, 20)
BEFORE = residuals(1, FELT)


def measured(after):
    return shifts(EMOTIONS, VECTORS, BEFORE, after, LAYERS, 1, 400, 0)


def test_a_planted_shift_is_found_with_its_emotions_and_its_layers():
    after = residuals(2, FELT)
    # Training adds two emotions and takes one away, from layer 1 on and most at layer 2.
    for layer, size in ((1, 3.0), (2, 6.0)):
        after[:, layer] += size * (UNITS[layer, 3] + UNITS[layer, 7] - UNITS[layer, 12])
    found = measured(after)
    rows = {one["emotion"]: one for one in found["emotions"]}
    order = sorted(rows, key=lambda name: rows[name]["shift"])
    assert set(order[-2:]) == {"emotion 3", "emotion 7"} and order[0] == "emotion 12"
    assert rows["emotion 3"]["interval"][0] > found["random_95"] > 0 > rows["emotion 12"]["interval"][1]
    sizes = [(row["shift"], row["random_shift"]) for row in found["by_layer"]]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0] and sizes[1][0] > 1.5 * sizes[1][1]
    assert found["beyond"] >= 3
    assert found["within"]["r"] > 0.5 and found["within"]["interval"][0] > 0.3 and found["within"]["p"] < 0.01


def test_without_training_nothing_shifts_and_the_profiles_are_the_same():
    found = measured(residuals(3, FELT, noise=1.0))
    assert found["beyond"] <= 2 and found["shift"] < 0.03
    assert found["profile"]["r"] > 0.9 and found["profile"]["p"] < 0.01 and abs(found["profile"]["exchanged"]) < 0.1


def test_a_model_that_has_nothing_of_the_first_one_keeps_no_profile():
    found = measured(residuals(4))
    assert abs(found["within"]["r"]) < 0.15 and found["within"]["interval"][0] < 0 < found["within"]["interval"][1]
    assert found["within"]["p"] > 0.05 and found["profile"]["p"] > 0.01


def test_the_numbers_are_those_of_plain_loops():
    after = residuals(2, FELT)
    found = measured(after)

    def cos(row, vector):
        return row @ vector / np.linalg.norm(row) / np.linalg.norm(vector)

    for place, row in enumerate(found["by_layer"]):
        before, later = (
            np.array([[cos(one[place], v) for v in VECTORS[place]] for one in rows]) for rows in (BEFORE, after)
        )
        assert row["shift"] == pytest.approx(np.abs((later - before).mean(axis=0)).mean())
        assert row["profile"] == pytest.approx(np.corrcoef(before.mean(axis=0), later.mean(axis=0))[0, 1])
        if place == 1:
            assert [one["shift"] for one in found["emotions"]] == pytest.approx((later - before).mean(axis=0))
            assert [one["before"] for one in found["emotions"]] == pytest.approx(before.mean(axis=0))
            picks = np.random.default_rng(0).integers(PROMPTS, size=(400, PROMPTS))
            drawn = [np.corrcoef(before[some].mean(axis=0), later[some].mean(axis=0))[0, 1] for some in picks]
            low, high = found["profile"]["interval"]
            assert np.quantile(drawn, 0.01) < high and low < np.quantile(drawn, 0.05) < np.quantile(drawn, 0.95) < high


@pytest.fixture
def trained(toy_run, tmp_path):
    """The toy run as that of a model with other weights, whose residuals moved along the first emotion's vectors."""
    folder, record = toy_run
    other = altered(folder, tmp_path / "trained", model=record["model"] | {"sha256": "e" * 64, "name": ATTACK})
    (other / "stages").mkdir()
    shutil.copy(folder / "stages" / "responses.json", other / "stages" / "responses.json")
    vectors, tensors = EmotionVectors.load(folder), load_file(folder / "readings.safetensors")
    for name in ("scenarios", "heldout", "retrieval"):
        for layer in vectors.layers:
            size = np.linalg.norm(tensors[name][:, layer + 1], axis=-1).mean()
            direction = vectors.at(layer)[0] / np.linalg.norm(vectors.at(layer)[0])
            tensors[name][:, layer + 1] += (size * direction).astype(np.float32)
    save_file(tensors, other / "readings.safetensors")
    return other


def pair(toy_run, other):
    return compare_pair(*open_compared([toy_run[0], other]), 200, 0)


def test_two_runs_give_it_on_the_page_in_the_table_and_in_the_record(toy_run, trained, tmp_path):
    record = compare_runs([toy_run[0], trained], tmp_path / "out", 200)
    found = record["pairs"][0]["training"]
    vectors = EmotionVectors.load(toy_run[0])
    assert found["lists"] == ["scenarios", "heldout", "retrieval"] and found["prompts"] == 48 + 171
    best = max(found["emotions"], key=lambda one: one["shift"])
    assert best["emotion"] == vectors.emotions[0] and best["interval"][0] > found["random_95"]
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert (
        f"{best['emotion']} +{best['shift']:.3f}" in page
        and "The shift of training" in page
        and "<img src=x" not in page
    )
    assert "How far the second model moves" in page
    table = pl.read_parquet(tmp_path / "out" / "comparison.parquet")
    shift = table.filter((pl.col("what") == "training, shift") & (pl.col("item") == best["emotion"]))
    assert shift["value"].item() == best["shift"] and shift["low"].item() < best["shift"] < shift["high"].item()
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["pairs"][0]["training"] == json.loads(json.dumps(found))  # fmt: skip


def test_pairs_that_do_not_fit_say_why(toy_run, trained, tmp_path):
    folder, record = toy_run
    same = pair(toy_run, altered(folder, tmp_path / "same"))
    assert same["training"] is None and "same weights" in same["training_reason"]
    model = record["model"] | {"sha256": "d" * 64}
    wide = pair(toy_run, altered(folder, tmp_path / "wide", model=model | {"layers": 5}))
    assert "layers or width" in wide["training_reason"]
    assert (
        "no longer has its readings"
        in pair(toy_run, altered(folder, tmp_path / "cleaned", model=model))["training_reason"]
    )
    marker = read_json(trained / "stages" / "responses.json")
    write_json(trained / "stages" / "responses.json", marker | {"facts": marker["facts"] | {"vocabulary": "another"}})
    assert "different vocabularies" in pair(toy_run, trained)["training_reason"]
    # An older run does not say its vocabulary: then the number of parameters has to be the same.
    (trained / "stages" / "responses.json").unlink()
    assert pair(toy_run, trained)["training"] is not None
    results = read_json(trained / "results.json")
    results["model"]["parameters"] += 1
    write_json(trained / "results.json", results)
    assert "older run" in pair(toy_run, trained)["training_reason"]
    # With an adapter it is the same base whatever its parameters are.
    results["model"]["base_sha256"] = record["model"]["sha256"]
    write_json(trained / "results.json", results)
    assert pair(toy_run, trained)["training"] is not None
    results["stimuli"]["sha256"] = {}
    write_json(trained / "results.json", results)
    assert "no list of scenarios" in pair(toy_run, trained)["training_reason"]


def test_damaged_readings_are_refused(toy_run, trained):
    (trained / "readings.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"readings\.safetensors"):
        pair(toy_run, trained)
