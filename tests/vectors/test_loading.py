"""The model of vectors: the same weights and the same dtype for every command that takes vectors."""

import dataclasses
import json
from contextlib import contextmanager

import pytest
import torch
from typer.testing import CliRunner

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Models
from emotion_vectors.explorer.runs import open_run
from emotion_vectors.lm import devices
from emotion_vectors.lm import model as loading
from emotion_vectors.lm.model import load_model, locate
from emotion_vectors.vectors.file import EmotionVectors
from vectors.worlds import make_vectors


@pytest.fixture
def folder(tmp_path):
    """A model folder of one's own; other weights can be put in it later."""
    toy = load_model("toy", "cpu", "float32")
    toy.model.save_pretrained(tmp_path / "model")
    toy.tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def file(folder, tmp_path):
    """Vectors of that model, made in bfloat16."""
    header = {"model": str(folder), "model_sha256": locate(str(folder)).sha256, "dtype": "bfloat16"}
    dataclasses.replace(make_vectors(), header=header).save(tmp_path / "some.safetensors")
    return tmp_path / "some.safetensors"


def other_weights(folder):
    with torch.random.fork_rng(devices=[]):
        model = load_model(str(folder), "cpu", "float32").model
        model.lm_head.weight.data[5] += 1
        model.save_pretrained(folder)


def command(*words):
    found = CliRunner().invoke(app, [*map(str, words), "--device", "cpu"])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def read(file, *options):
    (text := file.with_name("text.jsonl")).write_text(json.dumps({"text": "Rain fell on the roof."}))
    return command("read", text, "--vectors", file, *options)


def steer(file, *options):
    return command("steer", file, "Hello.", "--emotion", "calm=0.1", "--max-tokens", "2", *options)


def explore(file, model=None):
    Models(model, "cpu").of(open_run("some", file))


def lens(file):
    EmotionVectors.load(file).lens("calm")


WAYS = [read, steer, explore, lens]


@contextmanager
def seen(monkeypatch):
    """The models that are loaded."""
    models, real = [], loading.load_model

    def spy(*arguments, **options):
        models.append(real(*arguments, **options))
        return models[-1]

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load_model", spy)
        yield models


@pytest.mark.parametrize("way", WAYS)
def test_the_model_is_loaded_in_the_precision_of_the_vectors(way, file, monkeypatch):
    monkeypatch.setattr(devices, "_cpu_has_bfloat16", lambda: False)  # so that auto is another one
    with seen(monkeypatch) as models:
        way(file)
    assert [lm.dtype for lm in models] == [torch.bfloat16]


@pytest.mark.parametrize("way", WAYS)
def test_other_weights_under_its_name_are_refused_before_they_are_loaded(way, file, folder, monkeypatch):
    other_weights(folder)
    with (
        seen(monkeypatch) as models,
        pytest.raises(UserError, match="are not those that the vectors were made from; ") as refused,
    ):
        way(file)
    assert not models and str(refused.value).count(".") == str(folder).count(".") + 1


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_gone_is_one_sentence(way, file, folder):
    folder.rename(folder.with_name("moved"))
    with pytest.raises(UserError, match=r"model of these vectors isn't here: .*; .*(--model|load_model)"):
        way(file)


@pytest.mark.parametrize("way", [read, steer])
def test_other_weights_are_taken_where_they_are_asked_for_and_told(way, file, folder):
    assert "other weights" not in way(file, "--model", folder)
    other_weights(folder)
    assert "The model's weights are not those that the vectors were made from." in way(file, "--model", folder)


def test_the_explorer_takes_the_same_weights_from_another_place_and_no_others(file, folder):
    folder.rename(moved := folder.with_name("moved"))
    explore(file, str(moved))
    other_weights(moved)
    with pytest.raises(UserError, match="not those that the vectors were made from; start explore with --model"):
        explore(file, str(moved))


def test_vectors_of_one_model_in_two_precisions_get_a_model_each_and_share_it_otherwise(file):
    vectors = EmotionVectors.load(file)
    exact, again = file.with_name("exact.safetensors"), file.with_name("again.safetensors")
    dataclasses.replace(vectors, header=vectors.header | {"dtype": "float32"}).save(exact)
    vectors.save(again)
    models = Models(device="cpu")
    first, second, third = (models.of(open_run("some", one)) for one in (file, exact, again))
    assert (first.lm.dtype, second.lm.dtype) == (torch.bfloat16, torch.float32) and third is first


def test_vectors_that_name_no_hash_take_the_weights_that_are_there(file, folder):
    vectors = EmotionVectors.load(file)
    del vectors.header["model_sha256"]
    vectors.save(file)
    other_weights(folder)
    for way in WAYS:
        way(file)


def test_a_mistake_of_the_prompt_is_told_before_a_model_is_loaded(file, monkeypatch):
    with seen(monkeypatch) as models, pytest.raises(UserError, match="did you mean 'calm'"):
        command("steer", file, "Hello.", "--emotion", "clam=0.1")
    assert not models
