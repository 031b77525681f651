"""The command as somebody uses it, with vectors of the toy model."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
from transcripts.planted_texts import calibrated
from typer.testing import CliRunner
from vectors.worlds import EMOTIONS, agreeing, make_vectors

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.lm import toy
from emotion_vectors.lm.model import load_model
from emotion_vectors.vectors import calibration
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.in_sample import text_hashes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    header = {"model": "toy", "model_sha256": toy.SHA256, "dtype": "float32", "fingerprint": "f"}
    vectors = dataclasses.replace(make_vectors(), header=header)
    vectors.save(path / "vectors.safetensors")
    calibrated(load_model("toy", "cpu", "float32"), vectors, 8).save(path / calibration.FILE, "f")
    rows = [
        {"text": "The sea was calm.\u001b[2J"},
        {
            "messages": [
                {"role": "user", "content": "Go home."},
                {"role": "assistant", "content": "[bold]Never[/bold]."},
            ],
            "id": "chat",
        },
    ]
    (path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(folder, *words):
    arguments = ["read", str(folder / "texts.jsonl"), "--vectors", str(folder), "--device", "cpu", *words]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})


def test_scores_and_passages(folder, tmp_path):
    out = tmp_path / "scores.parquet"
    done = run(folder, "--emotions", "calm, on edge", "--out", str(out), "--top", "2")
    assert done.exit_code == 0, done.output
    rows = pl.read_parquet(out)
    assert len(rows) == 3 * 2 and rows["emotion"].unique().sort().to_list() == ["calm", "on edge"]
    assert rows["mean_centred_percentile"].null_count() == 0 and set(rows["id"]) == {None, "chat"}
    assert "among 8 neutral texts" in done.output and "[bold]" in done.output and "\\x1b[2J" in done.output
    assert "\x1b" not in done.output and "Traceback" not in done.output
    before = out.stat().st_mtime_ns
    assert run(folder, "--emotions", "calm,on edge", "--out", str(out), "--top", "2").exit_code == 0
    assert out.stat().st_mtime_ns == before


@pytest.mark.parametrize(("r", "said"), [(None, "was not measured"), (0.03, "r = 0.03"), (0.6, "")])
def test_noise_is_called_noise_and_each_emotion_has_its_reliability(folder, tmp_path, r, said):
    vectors, out = EmotionVectors.load(folder), tmp_path / "scores.parquet"
    file = tmp_path / "some.safetensors"
    (vectors if r is None else agreeing(vectors, r)).save(file)
    arguments = ["read", str(folder / "texts.jsonl"), "--vectors", str(file), "--out", str(out), "--top", "1"]
    done = CliRunner().invoke(app, [*arguments, "--device", "cpu", "--quiet"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    assert (
        (said in done.stderr) and (bool(said) == ("noise" in done.stderr)) and done.stderr.count(said or "noise") <= 1
    )
    assert f"calm, reliability {'not measured' if r is None else f'{r:.2f}'}" in done.stdout
    record = json.loads((tmp_path / "scores.parquet.json").read_text())
    assert record["reliability"]["caution"] == EmotionVectors.load(file).caution()
    assert record["reliability"]["emotions"] == dict.fromkeys(EMOTIONS, r)
    rows = pl.read_parquet(out)
    assert (
        rows["reliability"].to_list() == pytest.approx([r] * len(rows))
        if r
        else rows["reliability"].null_count() == len(rows)
    )
    assert rows["in_sample"].null_count() == len(rows) and "in sample" not in done.output


def test_a_text_that_the_vectors_were_made_of_is_in_sample(folder, tmp_path):
    vectors, file, out = EmotionVectors.load(folder), tmp_path / "some.safetensors", tmp_path / "scores.jsonl"
    dataclasses.replace(vectors, text_hashes=text_hashes(["go  HOME.", "the sea was not calm."])).save(file)
    arguments = ["read", str(folder / "texts.jsonl"), "--vectors", str(file), "--out", str(out), "--top", "3"]
    done = CliRunner().invoke(app, [*arguments, "--device", "cpu", "--quiet"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    rows = pl.read_ndjson(out).unique(["item", "message"]).sort("item", "message")
    assert rows["in_sample"].to_list() == [False, True, False]
    assert "1 in sample" in done.stderr and done.stdout.count("message 0 (user), in sample") == len(EMOTIONS)
    assert done.stdout.count("in sample") == len(EMOTIONS), "and no other passage"


def test_messages_of_parts_calls_and_tools_are_in_sample_by_their_text(folder, tmp_path):
    """What a message carries beside its text (a picture, a call, nothing at all) is no part of what is compared."""
    chat, file, out = tmp_path / "chat.jsonl", tmp_path / "some.safetensors", tmp_path / "scores.jsonl"
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "go home."}, picture]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "the sea was calm.", "tool_call_id": "1"},
        {"role": "assistant", "content": "go on."},
    ]  # fmt: skip
    chat.write_text(json.dumps({"messages": messages}))
    dataclasses.replace(EmotionVectors.load(folder), text_hashes=text_hashes(["go home."])).save(file)
    arguments = ["read", str(chat), "--vectors", str(file), "--out", str(out), "--device", "cpu", "--quiet"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    rows = pl.read_ndjson(out).filter(pl.col("in_sample").is_not_null()).unique("message").sort("message")
    assert rows.filter("in_sample")["role"].to_list() == ["user"] and rows["in_sample"].to_list()[1:] == [False] * (
        len(rows) - 1
    )


def test_without_an_output_passages_are_shown_and_nothing_is_left(folder):
    before = sorted(folder.iterdir())
    done = run(folder, "--quiet")
    assert done.exit_code == 0 and all(emotion in done.output for emotion in EMOTIONS)
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_where_no_emotion_is_named_only_the_strongest_are_shown(folder, tmp_path):
    names = tuple(f"feeling{number}" for number in range(40))
    vectors = EmotionVectors.load(folder)
    many = np.random.default_rng(1).normal(size=(len(vectors.raw), len(names), vectors.raw.shape[2])).astype(np.float32)
    header = {"model": "toy", "model_sha256": toy.SHA256, "dtype": "float32"}
    dataclasses.replace(
        vectors, emotions=names, raw=many, projected=many, header=header, calibration=None, centre=None
    ).save(tmp_path / "v.safetensors")
    (tmp_path / "one.txt").write_text("The sea was calm.")

    def said(file, *words):
        arguments = ["read", str(file), "--vectors", str(tmp_path / "v.safetensors"), "--device", "cpu", *words]
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
        assert done.exit_code == 0, done.output
        return done.stdout

    # A single text: the ten highest of the forty means that the library gives, the very first token left out.
    lm = load_model("toy", "cpu", "float32")
    found = EmotionVectors.load(tmp_path / "v.safetensors").read(lm, "The sea was calm.")
    highest = np.array(names)[np.argsort(-found.raw[1:, :, 0].mean(axis=0))][:10]
    listed = [line.split()[0] for line in said(tmp_path / "one.txt").splitlines()[1:]]
    assert listed == list(highest)
    several = said(folder / "texts.jsonl")
    assert several.count("feeling") == 5 and "--emotions" in several
    assert said(folder / "texts.jsonl", "--top", "1").count("feeling") == 40


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--emotions", "clam"], "did you mean 'calm'"),
        (["--layer", "9"], "no layer 9"),
        (["--window", "100000"], "can read at once"),
        (["--model", "/nowhere"], "not a model folder"),
    ],
)
def test_mistakes_are_one_sentence(folder, words, sentence):
    done = run(folder, *words)
    assert isinstance(done.exception, UserError) and sentence in str(done.exception) and "\n" not in str(done.exception)


def test_another_models_weights_are_refused_unless_asked_for(folder, tmp_path):
    header = {"model": "toy", "model_sha256": "other", "dtype": "float32", "fingerprint": "f"}
    dataclasses.replace(make_vectors(), header=header).save(tmp_path / "vectors.safetensors")
    (tmp_path / "texts.jsonl").write_text('{"text": "Rest"}\n')
    refused = run(tmp_path)
    assert isinstance(refused.exception, UserError) and "add --model" in str(refused.exception)
    (tmp_path / calibration.FILE).write_bytes((folder / calibration.FILE).read_bytes())
    done = run(tmp_path, "--model", "toy", "--out", str(tmp_path / "scores.parquet"))
    assert done.exit_code == 0 and "other weights" in done.output
    assert pl.read_parquet(tmp_path / "scores.parquet")["mean_raw_percentile"].null_count() == 3


def test_every_token_of_the_command(folder, tmp_path):
    out = tmp_path / "tokens.parquet"
    done = run(folder, "--emotions", "calm", "--tokens", "--layers", "1-2", "--out", str(out))
    assert done.exit_code == 0, done.output
    rows = pl.read_parquet(out)
    assert rows["layer"].unique().sort().to_list() == [1, 2] and set(rows["emotion"]) == {"calm"}
    said = "".join(rows.filter(pl.col("layer") == 1, pl.col("item") == 2, pl.col("message") == 1)["token"])
    assert said == "[bold]Never[/bold]." and rows["percentile"].is_between(0, 100).all()
    assert list(tmp_path.iterdir()) and not [one for one in tmp_path.iterdir() if one.name.endswith(".parts")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tokens"], "say where with --out"),
        (["--layers", "1", "--out", "a.parquet"], "--layers goes with --tokens"),
        (["--tokens", "--top", "3", "--out", "a.parquet"], "prints no passages"),
        (["--tokens", "--most-rows", "5", "--out", "a.parquet"], "--most-rows"),
        (["--tokens", "--layers", "77", "--out", "a.parquet"], "no layer 77"),
    ],
)
def test_what_does_not_go_with_tokens_is_told(folder, words, said):
    done = run(folder, *words)
    assert isinstance(done.exception, UserError) and said in str(done.exception)
