"""The whole experiment end to end: on the toy model by command, and on planted models whose answer is known."""

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from faults import small_pack, toy_command
from report.asking import CRITERIA
from small import CHOSEN, without_page
from typer.testing import CliRunner

from emotion_vectors import settings
from emotion_vectors.cli import app
from emotion_vectors.corpus.filters import SPARE
from emotion_vectors.errors import UserError
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.planted.measured import compare
from emotion_vectors.planted.worlds import plant_pack, world
from emotion_vectors.stimuli import load_pack
from emotion_vectors.vectors.directions import cosine
from emotion_vectors.vectors.file import EmotionVectors

PACK = load_pack()


QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


FILES = (
    "stories.parquet", "neutral.parquet", "scenarios.parquet", "numeric.parquet", "choices.parquet", "steering.parquet", "scores.parquet",
    "correlations.parquet", "vectors.safetensors", "results.json", "report.html", "figures/figure-3.svg", "figures/figure-3.png",
)  # fmt: skip


def test_every_file_is_there_and_every_criterion_judged(toy_run):
    out, record = toy_run
    assert all((out / name).stat().st_size > 0 for name in FILES)
    assert tuple(record["criteria"]) == CRITERIA
    assert record == json.loads((out / "results.json").read_text())


def test_the_record_has_the_precision_of_the_readings_and_both_counts_of_v9(toy_run):
    out, record = toy_run
    assert record["model"]["readings_dtype"] == record["model"]["dtype"] == "float32"
    correlation = record["experiments"]["correlation"]
    table = pl.read_parquet(out / "correlations.parquet")
    assert correlation["cosine_count"] == (table["r_cosine"].abs() > 0.3).sum()
    assert record["criteria"]["V9"]["value"] == (table["r"].abs() > 0.3).sum()
    # Lengths of tokens differ, so the two are near each other and not the same.
    assert 0 < (table["r_cosine"] - table["r"]).abs().max() < 0.5


def test_random_weights_pass_nothing(toy_run):
    assert [c["id"] for c in toy_run[1]["criteria"].values() if c["verdict"] == "pass"] == []


def test_counts_add_up(toy_run):
    out, record = toy_run
    corpus, stories = record["corpus"], pl.read_parquet(out / "stories.parquet")
    assert corpus["stories"] == len(stories) == corpus["kept"] + sum(corpus["dropped"].values())
    assert corpus["kept"] == int(stories["kept"].sum())
    assert len(pl.read_parquet(out / "choices.parquet")) == 64 * 63 == record["experiments"]["preferences"]["prompts"]
    steering = pl.read_parquet(out / "steering.parquet")
    asked = 64 * 4  # four partners of each activity, both orders
    rows = {key: len(frame) for key, frame in steering.partition_by("condition", "touched", as_dict=True).items()}
    assert set(rows.values()) == {asked}
    touched = steering.group_by("condition").agg(pl.col("touched").unique().sort(), pl.col("kind").first())
    assert {tuple(t) for t in touched["touched"]} == {("first", "second"), ("both",), ("all",)}
    assert dict(touched["kind"].value_counts().iter_rows()) == {
        "zero": 1, "mean": 1, "orthogonal": 4, "shuffled": 3,
        # 6 steered; 4 of them flipped, on both activities, on all tokens and in the band; 2 at strength 1, 2 at layer 0
        "emotion": 6 + 4 * 4 + 2 + 2,
        # 4; the band; 3 at each new strength; layer 0
        "random": 4 + 4 + 3 + 3 + 4,
    }  # fmt: skip


def test_words_while_steered_are_in_the_record_and_the_tables(toy_run):
    out, record = toy_run
    feels, leaks = record["experiments"]["feels"], record["experiments"]["leaks"]
    assert set(feels["emotions"]) == {scenario.emotion for scenario in PACK.scenarios}
    heard = pl.read_parquet(out / "feels.parquet")
    # 12 words: unsteered and 12 vectors after 6 sentences, and 4 random sets of 12 vectors after the paper's two
    assert len(heard) == 12 * (6 * 13 + 2 * 4 * 12)
    cell = heard.filter(pl.col("sentence") == "I feel", pl.col("word") == "calm")
    plain = cell.filter(kind="none")["log_probability"].item()
    calm = cell.filter(kind="emotion", vector="sad")["log_probability"].item()
    row, column = (feels["emotions"].index(name) for name in ("sad", "calm"))
    assert feels["sentences"][1]["change"][row][column] == pytest.approx(calm - plain)
    answers = pl.read_parquet(out / "answers.parquet")
    assert len(answers) == 3 * (1 + 2 * (12 + 4)) and set(answers["strength"]) == {0.0, 0.5, 0.1}
    assert [part["strength"] for part in leaks["strengths"]] == [0.5, 0.1]
    assert not any(row["beyond_chance"] for row in feels["sentences"])  # random weights


def test_a_second_run_computes_nothing(toy_run, monkeypatch):
    out, record = toy_run
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.name != ".lock"}

    def refuse(*_, **__):
        raise AssertionError("the model must not be loaded again")

    monkeypatch.setattr("emotion_vectors.lab.load_model", refuse)
    assert run_experiment(settings.toy(), out, QUIET) == record
    assert before == {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.name != ".lock"
    }


@pytest.mark.slow
def test_batch_size_is_no_setting(small_run, tmp_path):
    _, record = small_run
    small = settings.Runtime(device="cpu", quiet=True, threads=1, tokens_per_batch=300, stories_per_batch=5)
    with without_page():
        other = run_experiment(CHOSEN, tmp_path / "run", small)
    for name, criterion in record["criteria"].items():
        assert other["criteria"][name]["verdict"] == criterion["verdict"]
        assert other["criteria"][name]["value"] == pytest.approx(criterion["value"], abs=1e-3)
    assert other["fingerprint"] == record["fingerprint"]


def test_a_run_with_other_settings_is_refused_and_nothing_changes(toy_run):
    out, _ = toy_run
    before = sorted(path.stat().st_mtime_ns for path in out.rglob("*.json"))
    with pytest.raises(UserError, match=r"settings\.strength"):
        run_experiment(settings.change(settings.toy(), strength=0.4), out, QUIET)
    assert before == sorted(path.stat().st_mtime_ns for path in out.rglob("*.json"))


@pytest.mark.slow
def test_a_run_that_is_killed_in_four_stages_goes_on_and_ends_with_the_same_numbers(small_run, tmp_path):
    """kill -9 as soon as the first file of a stage is there, then the same command again, which is killed in the next one."""
    _, record = small_run
    out = tmp_path / "run"
    for after in ("parts/stories/", "parts/activations-*/", "choices.parquet", "parts/steering-*/"):
        assert not _exists(out, after), "the run before must have been killed before this"
        process = subprocess.Popen(
            [*toy_command(out), "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        while process.poll() is None and not _exists(out, after):
            time.sleep(0.005)
        process.kill()
        process.wait()
        assert _exists(out, after) and not (out / "results.json").exists()
    with without_page():
        resumed = run_experiment(CHOSEN, out, QUIET)
    assert _numbers(resumed) == _numbers(record)


@pytest.mark.slow
def test_an_imported_corpus_gives_the_numbers_of_the_run_that_wrote_it(small_run, tmp_path, monkeypatch):
    out, record = small_run
    for name in ("stories", "neutral"):
        # The run's own table, with its dropped rows, and with a good one that it did not need.
        table = pl.read_parquet(out / f"{name}.parquet")
        spare = (
            table.filter("kept")
            .head(1)
            .with_columns(kept=False, dropped=pl.lit(SPARE), text=pl.lit("A good text. " * 40))
        )
        pl.concat([table, spare]).write_parquet(tmp_path / f"{name}.parquet")
    monkeypatch.setattr("emotion_vectors.lab.make_writer", lambda *_: pytest.fail("nothing is to be written"))
    sources = {"stories_from": str(tmp_path / "stories.parquet"), "neutral_from": str(tmp_path / "neutral.parquet")}
    chosen = settings.change(CHOSEN, **sources)
    with without_page():
        imported = run_experiment(chosen, tmp_path / "run", QUIET)
    assert _numbers(imported)["criteria"] == record["criteria"]
    assert imported["vectors"] == record["vectors"] and imported["experiments"] == record["experiments"]
    assert imported["model"]["writer"] == imported["corpus"]["writer"] == "import: stories.parquet"
    assert imported["corpus"]["kept"] == record["corpus"]["kept"] and imported["fingerprint"] != record["fingerprint"]
    # The corpus counts by its content: the same file elsewhere is the same run, another file is another run.
    (tmp_path / "copy.parquet").write_bytes((tmp_path / "stories.parquet").read_bytes())
    moved = settings.change(chosen, stories_from=str(tmp_path / "copy.parquet"))
    assert run_experiment(moved, tmp_path / "run", QUIET) == imported
    pl.read_parquet(tmp_path / "copy.parquet").reverse().write_parquet(tmp_path / "copy.parquet")
    with pytest.raises(UserError, match=r"settings\.stories_from"):
        run_experiment(moved, tmp_path / "run", QUIET)


def _exists(out: Path, wanted: str) -> bool:
    pattern = wanted + "*" if wanted.endswith("/") else wanted
    return any(path.suffix != ".tmp" for path in out.glob(pattern))


def _numbers(record):
    return {key: record[key] for key in ("criteria", "experiments", "corpus", "vectors", "fingerprint")}


FEWEST = {
    "control_emotions": 4, "sweep_emotions": 0, "topics": 2, "resamples": 200, "steered_count": 16, "random_directions": 6,
    "shuffled_vectors": 6, "random_splits": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def none_run(tmp_path_factory):
    """A run by name from the command line, as anyone gives it, with fewer emotions and topics."""
    out = tmp_path_factory.mktemp("planted-none") / "run"
    fewer = {"emotions": 30, **FEWEST}
    words = [word for key, value in fewer.items() for word in ("--set", f"{key}={value}")]
    with without_page():
        asked = ["run", "--model", "planted-none", "--out", str(out), "--device", "cpu", "--threads", "1", "--quiet"]
        done = CliRunner().invoke(app, [*asked, *words])
    assert done.exit_code == 0, done.output
    return out, json.loads((out / "results.json").read_text())


@pytest.mark.slow
def test_the_planted_model_passes_what_it_was_built_to_pass(planted_run):
    """On 80 emotions: of the 47 pairs 13 lie within them, and with fewer V2 could not pass."""
    _, record = planted_run
    verdicts = {name: criterion["verdict"] for name, criterion in record["criteria"].items()}
    assert set(verdicts.values()) == {"pass"}, verdicts
    assert all(criterion["seed_verdict"] == "pass" for criterion in record["criteria"].values())
    assert [check for check in record["doctor"].values() if not check["passed"]] == []


@pytest.mark.slow
def test_planted_directions_preferences_and_effects_are_recovered(planted_run):
    out, record = planted_run
    planted, vectors = world("planted"), EmotionVectors.load(out)
    truth = np.array([planted.direction(name) for name in vectors.emotions])
    recovered = np.diag(cosine(vectors.raw[planted.analysis_layer], truth - truth.mean(axis=0)))
    assert recovered.min() > 0.99
    part = record["experiments"]["steering"]
    size = part["strength"] * part["residual_norm"]
    inside = 0
    for row in part["emotions"]:
        vector = vectors.unit()[vectors.index(row["emotion"])] * size
        expected = planted.expected_effect(vector)
        assert row["nats"] == pytest.approx(expected, rel=0.1, abs=0.02)
        inside += row["low"] - 0.02 <= expected <= row["high"] + 0.02
    assert inside >= 0.9 * len(part["emotions"])


@pytest.mark.parametrize("name", ["planted", "planted-none"])
@pytest.mark.slow
def test_what_was_planted_is_what_a_run_measures(name, request):
    out, record = request.getfixturevalue("planted_run" if name == "planted" else "none_run")
    vectors = EmotionVectors.load(out)
    rows = compare(world(name), record, vectors.emotions, vectors.raw)
    assert [row for row in rows if not row.agrees] == []
    # The other model's truth is not what this run measures.
    other = world("planted-none" if name == "planted" else "planted")
    assert sum(row.agrees for row in compare(other, record, vectors.emotions, vectors.raw)) < len(rows) / 2


@pytest.mark.slow
def test_vectors_of_a_planted_run_load_their_model_again_by_name(planted_run):
    out, record = planted_run
    words = ["steer", str(out), "How are you?", "--emotion", "calm=0.2", "--device", "cpu", "--json"]
    found = json.loads(CliRunner().invoke(app, words).output)
    calm = set(world("planted").story_words["calm"])
    text = {row["kind"]: row["text"].replace(".", "").split() for row in found["texts"]}
    share = {kind: sum(word in calm for word in written) / len(written) for kind, written in text.items()}
    assert share["unsteered"] == share["random"] == 0 and share["steered"] > 0.5
    assert record["model"]["sha256"] == world("planted").sha256


@pytest.mark.slow
def test_without_a_planted_effect_nothing_passes(none_run):
    passed = [name for name, criterion in none_run[1]["criteria"].items() if criterion["verdict"] == "pass"]
    assert passed == []


@pytest.mark.slow
def test_a_planted_contraction_passes_nothing_and_shows_why_the_earlier_reproduction_came_out_inverted(tmp_path):
    few_activities = str(small_pack())
    planted = plant_pack(load_pack(few_activities), effect=0.0, contraction=True)
    planted.model.save_pretrained(tmp_path / "model")
    planted.tokenizer.save_pretrained(tmp_path / "model")
    chosen = settings.change(
        settings.planted(),
        model=str(tmp_path / "model"),
        stimuli=few_activities,
        strength=0.1,
        emotions=24,
        **FEWEST,
    )
    with without_page():
        record = run_experiment(chosen, tmp_path / "run", QUIET)
    assert record["criteria"]["V10"]["verdict"] != "pass" and record["criteria"]["V11"]["verdict"] != "pass"
    _, both, _ = record["experiments"]["steering"]["inversion"]["arms"]
    assert min(abs(both["even_r"]), abs(both["odd_r"])) > 0.9 and np.sign(both["even_r"]) == -np.sign(both["odd_r"])
    assert both["zero_sum_nats"] < 1e-4 and both["halves_sum_nats"] < 1e-4


@pytest.mark.parametrize(
    "changes, sentence",
    [({"stimuli": "elsewhere"}, "planted in our stimuli"), ({"dtype": "bfloat16"}, "float32 only")],
    ids=["pack", "dtype"],
)
def test_what_a_planted_model_can_not_be_is_refused_before_anything_is_made(changes, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        run_experiment(settings.change(settings.planted(), **changes), tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()


def test_a_planted_model_reads_its_own_stories_whatever_the_preset_says():
    preset = settings.change(settings.demo(), stories_from="stories.parquet")
    assert settings.change(preset, model="planted").stories_from is None
    assert settings.change(preset, model="planted", stories_from="mine.parquet").stories_from == "mine.parquet"
    assert settings.usual_preset("planted-none") == "planted" and settings.usual_preset("embedded") == "demo"
