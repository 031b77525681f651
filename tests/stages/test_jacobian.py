"""The Jacobian lens of a run: parts and resuming, a model whose later blocks turn what it says, and what is refused before it begins."""

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from faults import SMALL
from safetensors import safe_open
from safetensors.numpy import load_file
from small import without_pictures

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.lm import jacobian
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.settings import Runtime
from emotion_vectors.stages import jacobian as stage
from emotion_vectors.store.atomic import write_json
from emotion_vectors.store.run_folder import RunFolder, fingerprint
from emotion_vectors.upkeep.status import run_status
from stages.fitting import lab_of
from tests.tiny import tiny

QUIET = Runtime(device="cpu", quiet=True, threads=1)


LAYER = 1


def one_by_one(lm, some, layer=LAYER):
    """J of each text by itself (texts, d, d)."""
    room = Room(500, "tokens", "reading", lm.device)
    return np.stack([jacobian.jacobian_of(lm, story_prompt(lm, text, False).ids, layer, room) for text in some])


@pytest.mark.slow
def test_the_file_holds_the_means_over_all_texts_and_over_the_halves(tmp_path):
    lm, lab = tiny(), lab_of(tiny(), tmp_path)
    stage.fit_jacobian(lab)
    written = pl.read_parquet(tmp_path / "neutral.parquet")
    used = [text for text, kept in written.iter_rows() if kept and text != "Too short."][:11]
    each, found = one_by_one(lm, used), load_file(tmp_path / stage.FILE)
    np.testing.assert_allclose(found["jacobian"], each.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found["halves"], [each[::2].mean(axis=0), each[1::2].mean(axis=0)], atol=1e-5)
    with safe_open(tmp_path / stage.FILE, framework="np") as file:
        header = json.loads(file.metadata()["jacobian"])
    tokens = sum(min(len(story_prompt(lm, text, False).ids), 128) - 1 for text in used)
    assert header == {"fingerprint": "f", "texts": 11, "tokens": tokens, "layer": 1, "texts_sha256": fingerprint(used)}  # fmt: skip
    kept = stage.kept_jacobian(lab)
    assert (kept.texts, kept.tokens, kept.texts_sha256) == (11, tokens, fingerprint(used))
    # 6 texts of even number in two parts, 5 of odd number in two
    assert len(list((lab.run.parts("jacobian")).glob("*.safetensors"))) == 4


@pytest.mark.slow
def test_a_killed_stage_goes_on_at_its_next_part_to_the_same_file(tmp_path, monkeypatch):
    plain, calls = jacobian.jacobian_of, []

    def stops(*arguments):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(stage.jacobian, "jacobian_of", stops)
    killed = lab_of(tiny(), tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        stage.fit_jacobian(killed)
    assert killed.run.marker("jacobian") is None and not (killed.run / stage.FILE).exists()
    stage.fit_jacobian(killed)
    assert len(calls) == 6 + 7  # the part of four that was finished is not made again
    stage.fit_jacobian(killed)
    assert len(calls) == 13
    part = killed.run.parts("jacobian") / "000000.safetensors"
    whole = lab_of(tiny(), tmp_path / "whole")
    stage.fit_jacobian(whole)
    assert killed.run.done("jacobian")["files"] == whole.run.done("jacobian")["files"]
    # A damaged part is noticed and made again.
    (killed.run / "stages" / "jacobian.json").unlink()
    part.write_bytes(part.read_bytes()[:-1] + b"\x7f")
    stage.fit_jacobian(killed)
    assert killed.run.done("jacobian")["files"] == whole.run.done("jacobian")["files"]


@pytest.mark.slow
def test_forks_give_the_same_file(tmp_path):
    alone, shared = lab_of(tiny(), tmp_path / "alone"), lab_of(tiny(), tmp_path / "shared")
    shared.processes = lambda jobs: 2
    for lab in (alone, shared):
        stage.fit_jacobian(lab)
    assert alone.run.done("jacobian")["files"] == shared.run.done("jacobian")["files"]


def test_a_run_that_asks_for_none_has_no_such_stage(tmp_path, toy_run):
    lab = lab_of(tiny(), tmp_path)
    lab.settings = settings.toy()
    stage.check_jacobian(lab)
    stage.fit_jacobian(lab)
    assert stage.kept_jacobian(lab) is None and not (tmp_path / stage.FILE).exists()
    folder, record = toy_run
    assert "jacobian" not in run_status(folder)["stages"] and "jacobian" not in record["timings"]
    assert "jacobian" not in record["experiments"]["lens"] and record["settings"]["jacobian_texts"] == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "through the Jacobian lens: the vectors" in page and "not measured" in page
    # An unfinished run of that kind doesn't wait for it either.
    write_json(tmp_path / "run.json", {"schema": 2, "settings": {}, "model": {"sha256": "0"}, "stimuli": {}, "writer": {}})  # fmt: skip
    assert not RunFolder(tmp_path).lacks("jacobian")
    write_json(tmp_path / "run.json", {"schema": 2, "settings": {"jacobian_texts": 4}, "model": {"sha256": "0"}, "stimuli": {}, "writer": {}})  # fmt: skip
    assert RunFolder(tmp_path).lacks("jacobian")


def test_texts_that_are_all_too_short_are_told(tmp_path):
    with pytest.raises(UserError, match="needs two neutral texts of 18 tokens"):
        stage.fit_jacobian(lab_of(tiny(), tmp_path, written=["Too short."] * 5))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"jacobian_texts": 1}, "no second half"),
        ({"jacobian_texts": 7}, "more than the 6 neutral texts"),
        ({"jacobian_texts": 4, "quantize": "4bit", "model": "embedded"}, "quantised"),
    ],
    ids=["one", "too many", "quantised"],
)
def test_what_can_not_be_fitted_is_refused_before_anything_is_made(changes, sentence, tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_vectors.lm.quantized.check", lambda *_: None)  # where bitsandbytes is not installed
    monkeypatch.setattr("emotion_vectors.lab.load_model", lambda *_: pytest.fail("no model is to be loaded"))
    if "quantize" in changes:
        located = SimpleNamespace(folder="toy", gguf=None, adapter=None)
        monkeypatch.setattr("emotion_vectors.opening.locate", lambda *_: located)
    with pytest.raises(UserError, match=sentence):
        run_experiment(settings.change(settings.toy(), **changes), tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()


def test_a_model_without_derivatives_is_refused_before_any_text_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_vectors.pipeline.check_instrument", lambda _: pytest.fail("refused too late"))
    monkeypatch.setattr("emotion_vectors.lm.jacobian.why_not", lambda _: "the weights are quantised")
    with pytest.raises(UserError, match="can't be fitted to toy: the weights are quantised"):
        run_experiment(settings.change(settings.toy(), jacobian_texts=4), tmp_path / "run", QUIET)
    assert not (tmp_path / "run" / "stories.parquet").exists()


@pytest.mark.slow
def test_a_whole_run_has_it_in_its_record_and_on_its_page(tmp_path):
    chosen = settings.change(settings.toy(), jacobian_texts=4, **SMALL)
    with without_pictures():
        record = run_experiment(chosen, tmp_path / "run", QUIET)
    part = record["experiments"]["lens"]["jacobian"]
    assert part["texts"] == 4 and part["of"] == 12 and record["timings"]["jacobian"]["unit"] == "tokens"
    with safe_open(tmp_path / "run" / stage.FILE, framework="np") as file:
        assert json.loads(file.metadata()["jacobian"])["fingerprint"] == record["fingerprint"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "J fitted on 4 neutral texts" in page and "Best rank, Jacobian lens" in page
    assert run_status(tmp_path / "run")["stages"]["jacobian"]["state"] == "done"
    with pytest.raises(UserError, match=r"settings\.jacobian_texts"):
        run_experiment(settings.change(settings.toy(), jacobian_texts=5, **SMALL), tmp_path / "run", QUIET)
