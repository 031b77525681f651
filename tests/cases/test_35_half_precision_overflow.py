"""Case 35: NaN and infinity are a sentence, never a number: where a whole model overflows, and where one word makes it."""

import copy
import json

import numpy as np
import polars as pl
import pytest
import torch
from tiny import tiny
from transcripts.planted_texts import words

from cases.folders import CHATML, lines, read, refused, saved, vectors_of
from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Loaded
from emotion_vectors.explorer.writing import Sampling as Drawn
from emotion_vectors.explorer.writing import write
from emotion_vectors.lm import choices, lens
from emotion_vectors.lm.continuations import spell, word_log_probabilities
from emotion_vectors.lm.finite import NotFiniteError
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.sampling import draw
from emotion_vectors.lm.writers.base import Request, Sampling
from emotion_vectors.lm.writers.transformers_writer import TransformersWriter
from emotion_vectors.vectors import activations
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.writing import compare_writing

pytestmark = pytest.mark.case
HOT = words(tiny())[11]
HELLO = [{"role": "user", "content": "How was the day?"}]


@pytest.fixture(scope="module")
def hot(tmp_path_factory):
    """A model whose residual stream leaves float16 at one word: folder, vectors file."""
    folder = tmp_path_factory.mktemp("hot")
    model = copy.deepcopy(tiny().model)
    with torch.no_grad():
        model.get_input_embeddings().weight[tiny().tokenizer.get_vocab()["Ġ" + HOT]] *= 1e7
    vectors_of(saved(folder / "m", CHATML, model), folder / "v.safetensors", "float16")
    return folder


@pytest.fixture(scope="module")
def lm(hot):
    return load_model(str(hot / "m"), "cpu", "float16")


@pytest.fixture(scope="module")
def vectors(hot):
    return EmotionVectors.load(hot / "v.safetensors")


def test_plain_transformers_gives_what_is_no_number(lm):
    ids = torch.tensor([lm.tokenizer(f"They had a {HOT} there")["input_ids"]])
    assert not lm.model(ids).logits.isfinite().all()


def test_a_model_that_always_overflows_is_refused_by_every_command(tmp_path):
    model = copy.deepcopy(tiny().model)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight.mul_(3e7)
    folder = saved(tmp_path / "m", CHATML, model)
    vectors_of(folder, tmp_path / "v.safetensors", "float16")
    texts = lines(tmp_path / "t.jsonl", {"text": "It was raining."})
    labelled = lines(tmp_path / "l.jsonl", *({"label": one, "text": f"{one} {i}"} for one in "ab" for i in range(2)))
    out = tmp_path / "out.parquet"
    for asked in (
        ("read", texts, "--vectors", tmp_path / "v.safetensors", "--out", out),
        ("steer", tmp_path / "v.safetensors", "Hello.", "--emotion", "calm=0.1", "--json"),
        ("doctor", "--model", folder, "--set", "dtype=float16"),
        ("run", "--preset", "toy", "--model", folder, "--set", "dtype=float16", "--out", tmp_path / "run"),
    ):
        assert "are not finite in float16 (NaN or infinity); use bfloat16 or float32" in refused(
            *asked, "--device", "cpu"
        )
    assert not out.exists()
    half = load_model(str(folder), "cpu", "float32")
    with pytest.raises(UserError, match="not finite in float16"):
        type(half).of(copy.deepcopy(half.model).to(torch.float16), half.tokenizer)
    # In float32 the same weights are read; `vectors` and the library say nothing of NaN then.
    assert refused("vectors", labelled, "--model", tmp_path / "none", "--out", tmp_path / "x.safetensors") != ""


def test_read_says_which_text_and_reads_the_others(hot, tmp_path):
    plain = ["It was raining when they came home.", "The sea was calm."]
    far = "The sea was calm. " * 40 + f"A {HOT} came."
    rows = [
        {"text": plain[0]},
        {"text": f"They had a {HOT} there."},
        {"messages": [*HELLO]},
        {"text": plain[1]},
        {"text": far},
    ]
    rows.append({"messages": [{"role": "user", "content": f"A {HOT}?"}]})
    found = read(tmp_path, lines(tmp_path / "t.jsonl", *rows), hot / "v.safetensors", "--window", 64)
    bad = found.filter(pl.col("problem").is_not_null())
    assert bad["item"].to_list() == [2, 5, 6] and bad["mean_raw"].null_count() == 3
    assert all("not finite in float16 (NaN or infinity)" in one for one in bad["problem"])
    alone = read(
        tmp_path, lines(tmp_path / "a.jsonl", rows[0], rows[2], rows[3]), hot / "v.safetensors", "--window", 64
    )
    kept = found.filter(pl.col("problem").is_null())
    np.testing.assert_allclose(kept["mean_raw"], alone["mean_raw"], atol=2e-3)

    def no_number(name):
        raise AssertionError(name)

    record = json.loads((tmp_path / "t-scores.parquet.json").read_text(), parse_constant=no_number)
    assert record["counts"]["problems"] == 3 and {one["item"] for one in record["passages"]} == {1, 3, 4}


def test_the_library_refuses(lm, vectors):
    text = f"They had a {HOT} there."
    ids = lm.tokenizer(text)["input_ids"]
    span = [(ids, (1, len(ids)))]
    writer = TransformersWriter(lm)
    asked = {
        "read": lambda: vectors.read(lm, text),
        "read_many": lambda: list(vectors.read_many(lm, ["Hello.", text])),
        "from_texts": lambda: EmotionVectors.from_texts(lm, {"a": ["One day.", text], "b": ["Two.", "Four."]}, ["A b.", "B c.", "C d."]),
        "neutral": lambda: EmotionVectors.from_texts(lm, {"a": ["One day.", "So."], "b": ["Two.", "Four."]}, ["A b.", text, "C d."]),
        "pool": lambda: activations.pool(lm, span),
        "pool_groups": lambda: activations.pool_groups(lm, span, [0], 2),
        "token_rows": lambda: activations.token_rows(lm, span),
        "steer": lambda: compare_writing(vectors, lm, text, {"calm": 0.1}, sampling=Sampling(max_new_tokens=2)),
        "greedy": lambda: compare_writing(vectors, lm, text, {"calm": 0.1}, sampling=Sampling(0, max_new_tokens=2)),
        "writer": lambda: list(writer.write([Request("k", tuple(ids), 0)], Sampling(max_new_tokens=2))),
        "explorer": lambda: list(write(Loaded(lm), [[{"role": "user", "content": text}]], [()], "all", Drawn(0, 4, 0.9))),
        "words": lambda: word_log_probabilities(lm, spell(lm, text, ["calm"]), 2, np.zeros((1, 32))),
        "lens": lambda: lens.project(lm, np.full((1, 32), np.nan), False),
    }  # fmt: skip
    for name, ask in asked.items():
        with pytest.raises(NotFiniteError, match="not finite"):
            ask()
            pytest.fail(f"{name} gave something")
    with vectors.steer(lm, {"calm": 0.1}), pytest.raises(UserError, match="not finite"):
        lm.generate(**lm.inputs(text), max_new_tokens=4, do_sample=True, pad_token_id=0)
    assert np.isfinite(vectors.read(lm, "Hello there.").raw).all()


def test_choices_refuse(lm):
    options = ["read a book", f"have a {HOT}"]
    prepared = choices.prepare(lm, "Would you rather (A) {activity_a} or (B) {activity_b}?", "(", options)
    with pytest.raises(NotFiniteError, match="The answers of m are not finite in float16"):
        choices.read_baseline(lm, prepared)
    cool = choices.prepare(
        lm, "Would you rather (A) {activity_a} or (B) {activity_b}?", "(", ["read a book", "have a day"]
    )
    baseline = choices.read_baseline(lm, cool, keep_layer=2)
    with pytest.raises(NotFiniteError, match="The steered answers"):
        choices.read_steered(lm, cool, baseline, {2: torch.full((1, 32), 1e6)}, "all")


@pytest.mark.parametrize("strength", [1e6, 1e300])
def test_a_strength_that_overflows_is_a_sentence(vectors, lm, strength):
    with pytest.raises(UserError, match="not finite"):
        compare_writing(vectors, lm, "Hello.", {"calm": strength}, sampling=Sampling(max_new_tokens=2))
    with pytest.raises(UserError, match="not finite"), vectors.steer(lm, {"calm": strength}):
        lm.generate(**lm.inputs("Hello."), max_new_tokens=2, do_sample=False, pad_token_id=0)


@pytest.mark.parametrize("temperature", [0, 0.8])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_token_is_drawn_from_what_is_no_number(temperature, value):
    logits = torch.zeros(2, 8)
    logits[1, 3] = value
    with pytest.raises(NotFiniteError):
        draw(logits, torch.tensor([0.5, 0.5], dtype=torch.float64), Sampling(temperature))
    # A token that can't be is no fault.
    logits[1, 3] = float("-inf")
    assert draw(logits, torch.tensor([0.5, 0.5], dtype=torch.float64), Sampling(temperature)).shape == (2,)


@pytest.mark.parametrize("name", ["raw", "projected", "residual_norm", "centre"])
def test_a_vectors_file_with_nan_is_refused(vectors, tmp_path, name):
    broken = copy.deepcopy(vectors)
    getattr(broken, name)[1] = np.nan
    broken.save(tmp_path / "v.safetensors")
    said = refused("read", tmp_path / "v.safetensors", "--vectors", tmp_path / "v.safetensors")
    assert f"its tensor {name} has NaN or infinity" in said
