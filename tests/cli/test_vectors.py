"""`emotion-vectors vectors`: from a file of labelled texts to readings, steered answers and exports; what is refused, and when."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from corpus.personas import TEXTS, call

from emotion_vectors import EmotionVectors, load_model
from emotion_vectors.corpus.labelled import neutral_texts
from emotion_vectors.errors import UserError
from emotion_vectors.explorer.runs import names, open_run
from emotion_vectors.explorer.views import emotion_map
from emotion_vectors.explorer.views.overview import overview
from emotion_vectors.explorer.views.stories import corpus_summary
from emotion_vectors.explorer.views.verdicts import verdicts
from emotion_vectors.lm import model as models


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(label="label", text="text"):
    return [{label: name, text: words} for name, some in TEXTS.items() for words in some]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    texts = write(folder / "texts.jsonl", rows("persona"))
    done = call(
        "vectors",
        texts,
        "--label-column",
        "persona",
        "--model",
        "toy",
        "--device",
        "cpu",
        "--out",
        folder / "p.safetensors",
    )
    return folder / "p.safetensors", done


@pytest.mark.slow
def test_the_file_is_what_the_library_makes_of_the_same_texts(made):
    path, done = made
    vectors, lm = EmotionVectors.load(path), load_model("toy", "cpu")
    same = EmotionVectors.from_texts(lm, TEXTS, neutral_texts()[0])
    np.testing.assert_array_equal(vectors.projected, same.projected)
    np.testing.assert_array_equal(vectors.calibration.scores, same.calibration.scores)
    assert vectors.concept == "persona" and vectors.header["texts"] == [6, 6] and vectors.header["neutral"] == "ours"
    assert (
        vectors.header["neutral_texts"] == 40 == len(set(neutral_texts()[0]))
        and vectors.reliability == same.reliability
    )
    lens = vectors.lens("pirate", lm, 8).promoted
    line = next(line for line in done.output.splitlines() if line.startswith("pirate"))
    assert f"{vectors.reliability.r[0]:.2f}" in line and lens[0].token.strip() in line
    for stage in ("Loading toy: 1 model in", "Reading texts:", "Reading neutral texts:", "Calibrating:"):
        assert stage in done.stderr


@pytest.mark.slow
def test_read_steer_and_export_take_the_file(made, tmp_path):
    path, _ = made
    texts = write(tmp_path / "new.jsonl", [{"text": "Arr, me crew be hungry."}])
    call("read", texts, "--vectors", path, "--device", "cpu", "--out", tmp_path / "scores.parquet")
    scores = pl.read_parquet(tmp_path / "scores.parquet")
    assert set(scores["emotion"]) == {"pirate", "plain"}
    answer = json.loads(
        call(
            "steer", path, "Hello.", "--emotion", "pirate=0.5", "--max-tokens", "6", "--json", "--device", "cpu"
        ).stdout
    )
    assert answer["emotions"] == {"pirate": 0.5} and len(answer["texts"]) == 3
    for format, out in (
        ("npz", "p.npz"),
        ("safetensors", "one.safetensors"),
        ("gguf", "p.gguf"),
        ("steering-vectors", "s.safetensors"),
    ):
        chosen = ("--emotions", "pirate") if format != "npz" else ()
        call("export", path, "--format", format, "--out", tmp_path / out, *chosen)
        assert (tmp_path / out).stat().st_size
    assert list(EmotionVectors.load(tmp_path / "one.safetensors")) == ["pirate"]


@pytest.mark.slow
def test_the_example_of_25_personas_runs_and_its_vectors_tell_its_own_texts_apart(tmp_path):
    source = Path(__file__).parents[2] / "docs" / "examples" / "personas.jsonl"
    given = pl.read_ndjson(source)
    assert given["persona"].n_unique() == 25 and given["text"].n_unique() == 150
    assert given.group_by("persona", "topic").len()["len"].to_list() == [1] * 150  # all on the same six topics
    words = ("--label-column", "persona", "--model", "toy", "--neutral-texts", "6", "--device", "cpu")
    done = call("vectors", source, *words, "--out", tmp_path / "p.safetensors")
    vectors = EmotionVectors.load(tmp_path / "p.safetensors")
    assert set(vectors.emotions) == set(given["persona"]) and vectors.header["texts"] == [6] * 25
    assert len(vectors.reliability.r) == 25 and vectors.reliability.groups == 6 and "25 x persona" in done.output
    call("read", source, "--vectors", tmp_path / "p.safetensors", "--device", "cpu", "--out", tmp_path / "s.parquet")
    scores = pl.read_parquet(tmp_path / "s.parquet")
    # A persona's own texts lie along its vector more than others do, with a random model too, because it is made of them; and that is said.
    persona = dict(enumerate(given["persona"], 1))
    own = scores["item"].replace_strict(persona) == scores["emotion"]
    assert scores["in_sample"].all() and len(scores) == 150 * 25 and own.sum() == 150
    # The toy's tokens are rare words in pieces; what a label shares with itself is found all the same.
    best = scores.sort("mean_centred", descending=True).group_by("item", maintain_order=True).first()
    assert (best["item"].replace_strict(persona) == best["emotion"]).sum() > 3 * 150 / 25


@pytest.mark.slow
def test_the_explorer_opens_the_file_and_says_what_it_lacks(made, tmp_path):
    path, _ = made
    assert names([path]) == {"p.safetensors": path.resolve()}
    run = open_run("p", path)
    assert run.alone and not run.problems and run.model == "toy" and run.table("stories") is None
    assert "<b>2</b> vectors (persona)" in overview(run)
    for shown in (verdicts(run), corpus_summary(run, None)):
        assert "A vectors file has no" in shown and "same command again" not in shown
    assert emotion_map.emotion_map(run, run.vectors.layer, "pirate").count("pirate") >= 1
    (tmp_path / "no.safetensors").write_bytes(b"no")
    broken = open_run("no", tmp_path / "no.safetensors")
    assert broken.vectors is None and "not an emotion-vectors file" in broken.problems[0]


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (rows(), ["--label-column", "mood"], "row 1: the column mood is missing; --label-column names another column"),
        (rows(text="story"), [], "row 1: the column text is missing; --text-column names another column"),
        ([*rows(), {"label": "pirate"}], [], "row 13: the column text is missing"),
        ([*rows(), {"text": "Ahoy."}], [], "row 13: the column label is missing"),
        (rows()[:6], [], "only one label, 'pirate'"),
        (rows()[:7], [], "'plain' has one text"),
        ([*rows(), {"label": "pirate", "text": " "}], [], "row 13 is empty"),
        ([*rows(), {"label": 7, "text": "Ahoy."}], [], "row 13 is empty or not a text"),
        ([*rows(), ["pirate"]], [], "row 13: it is not an object"),
        ([*rows(), {"label": "pirate", "text": "a" * 20001}], [], "20,001 characters"),
        ([], [], "has no rows"),
        (rows(), ["--out", "p.bin"], "does not end in .safetensors"),
        (rows(), ["--neutral", "nowhere.jsonl"], "no file nowhere.jsonl"),
        (rows(), ["--neutral", "two.jsonl"], "Neutral texts need 3"),
    ],
)
def test_what_is_wrong_is_said_before_a_model_is_loaded(tmp_path, monkeypatch, content, options, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "load_model", lambda *_: pytest.fail("the model was loaded"))
    write(tmp_path / "texts.jsonl", content)
    write(tmp_path / "two.jsonl", [{"text": "One."}, {"text": "Two."}])
    with pytest.raises(UserError, match=says):
        call("vectors", "texts.jsonl", "--model", "toy", "--out", "p.safetensors", *options)
    assert not (tmp_path / "p.safetensors").exists()
