"""The Jacobian lens of a run: parts and resuming, a model whose later blocks turn what it says, and what is refused before it begins."""

import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from small import SMALL
from transformers import LlamaConfig, LlamaForCausalLM

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.experiments.lens import jacobian as lens
from emotion_vectors.experiments.lens import measure
from emotion_vectors.lm import jacobian
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime
from emotion_vectors.stages import jacobian as stage
from emotion_vectors.store.atomic import write_json
from emotion_vectors.store.run_folder import RunFolder, fingerprint
from emotion_vectors.upkeep.status import run_status
from tests.tiny import tiny

QUIET = Runtime(device="cpu", quiet=True, threads=1)
LAYER = 1
WORDS = (
    "help swap team book walk home music light water garden letter story river small early quiet table paper".split()
)


def texts(count):
    draw = np.random.default_rng(5)
    return [" ".join(draw.choice(WORDS, 40)) for _ in range(count)]


def lab_of(lm, folder, asked=11, written=None):
    """As much of a run as the stage looks at; of its neutral texts one is too short and one was not kept."""
    written = written or ["Too short.", *texts(asked + 1)]
    folder.mkdir(exist_ok=True)
    table = pl.DataFrame({"text": written, "kept": [i != 2 for i in range(len(written))]})
    table.write_parquet(folder / "neutral.parquet")
    (folder / "stages").mkdir(exist_ok=True)
    write_json(
        folder / "stages" / "neutral.json",
        {"inputs": fingerprint([]), "files": {}, "facts": {}, "seconds": 0, "unit": "texts"},
    )
    lab = SimpleNamespace(
        lm=lm, layer=LAYER, run=RunFolder(folder), reporter=Reporter(quiet=True), runtime=Runtime(tokens_per_batch=300),
        settings=settings.change(settings.toy(), jacobian_texts=asked), fingerprint="f", processes=lambda jobs: 1,
    )  # fmt: skip
    return lab


def one_by_one(lm, some, layer=LAYER):
    """J of each text by itself (texts, d, d)."""
    room = Room(500, "tokens", "reading", lm.device)
    return np.stack([jacobian.jacobian_of(lm, story_prompt(lm, text, False).ids, layer, room) for text in some])


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


WIDTH, DRIVE, EPSILON = 64, 128.0, 1e6


def turning(seed=0):
    """A model whose blocks 2 and 3 turn all but the first coordinate, by a rotation each, and the rotation of both (64, 64).

    Linear by construction: an epsilon so large that a norm is a constant, attention of zeros, gated units with a constant gate.
    """
    base, generator = tiny.__wrapped__("llama"), np.random.default_rng(seed)
    config = LlamaConfig(
        vocab_size=len(base.tokenizer), hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=4, num_attention_heads=4,
        rms_norm_eps=EPSILON, tie_word_embeddings=False, pad_token_id=1, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model, both = LlamaForCausalLM(config).float().eval().requires_grad_(False), np.eye(WIDTH)
    for name, parameter in model.named_parameters():
        parameter.fill_(math.sqrt(EPSILON) if "norm" in name else 0.0)
    embedding = generator.standard_normal((len(base.tokenizer), WIDTH)) / 8
    embedding[:, 0] = 1
    model.model.embed_tokens.weight.copy_(torch.from_numpy(embedding))
    for block in model.model.layers[2:]:
        rotation = np.eye(WIDTH)
        rotation[1:, 1:] = np.linalg.qr(generator.standard_normal((WIDTH - 1, WIDTH - 1)))[0]
        block.mlp.gate_proj.weight[:, 0] = DRIVE
        block.mlp.up_proj.weight.copy_(torch.eye(WIDTH))
        block.mlp.down_proj.weight.copy_(torch.from_numpy((rotation - np.eye(WIDTH)) / DRIVE))
        both = rotation @ both
    lm = dataclasses.replace(base, model=model, parts=find_parts(model))
    return lm, both


def judged(lm, names, vectors, transport):
    static = np.random.default_rng(9).standard_normal(vectors.shape)
    logit, _ = measure.run(lm, names, vectors, static, measure.Pairs(), dict.fromkeys(names, "positive"), 20, False, 200, 0)  # fmt: skip
    hits = [row.hit for row in logit.emotions]
    return logit, lens.run(lm, names, vectors, static, transport, hits, 20, False, 200, 0)


def named(lm, count):
    """Words that are one token, and the token of each."""
    found = {lm.tokenizer.decode([i])[1:]: i for i in range(len(lm.tokenizer)) if lm.tokenizer.decode([i])[:1] == " "}
    words = sorted(word for word in found if word.isalpha() and word.islower() and len(word) > 3)[:count]
    return words, [found[word] for word in words]


def planted(tmp_path, words_are_said_at_the_end):
    """The turning model with random rows of 40 words: read at the last layer where they are said at the end, else at layer 1."""
    lm, both = turning()
    names, tokens = named(lm, 40)
    drawn = np.random.default_rng(2).standard_normal((len(names), WIDTH))
    drawn[:, 0] = 0
    rows = torch.from_numpy(np.random.default_rng(3).standard_normal(lm.parts.head.weight.shape)).float()
    rows[tokens] = torch.from_numpy(drawn @ both.T if words_are_said_at_the_end else drawn).float()
    lm.parts.head.weight.copy_(rows)
    lab = lab_of(lm, tmp_path, 4)
    stage.fit_jacobian(lab)
    return lm, names, drawn, both, stage.kept_jacobian(lab)


def test_words_that_later_blocks_turn_to_are_read_by_the_jacobian_lens_and_not_by_the_logit_lens(tmp_path):
    lm, names, vectors, both, transport = planted(tmp_path, True)
    np.testing.assert_allclose(transport.jacobian[1:, 1:], both[1:, 1:], atol=1e-3)
    logit, found = judged(lm, names, vectors, transport)
    assert logit.count <= 3 and found.count == found.of == 40
    assert found.p == 1 / 201 and found.dealt < 3 and found.random < 3 and found.static < 4
    low, high = found.interval
    assert low > 35 and high == pytest.approx(40)
    assert found.against_logit.jacobian_only == 40 - logit.count and found.against_logit.p < 1e-6
    assert found.against_static.vectors_only == 40 - found.static
    assert found.lowest_agreement > 0.999 and abs(found.kept) < 0.5
    assert all(row.best_rank == 1 and row.top[0] == f" {row.emotion}" for row in found.emotions)


def test_words_that_lie_at_the_analysis_layer_are_read_by_the_logit_lens_alone(tmp_path):
    lm, names, vectors, _, transport = planted(tmp_path, False)
    logit, found = judged(lm, names, vectors, transport)
    assert logit.count == 40 and found.count <= 3 and found.p > 0.05
    assert found.against_logit.logit_only >= 37 and found.against_logit.p < 1e-6


def test_through_an_identity_it_is_the_logit_lens():
    lm = tiny()
    names, tokens = named(lm, 30)
    vectors = lm.parts.head.weight[tokens].double().numpy() + np.random.default_rng(4).standard_normal((30, 32))
    same = lens.Transport(np.eye(32), np.stack([np.eye(32)] * 2), 2, 100, "0")
    logit, found = judged(lm, names, vectors, same)
    assert found.count == logit.count > 0 and found.other.count == logit.other.count
    assert [row.best_rank for row in found.emotions] == [row.best_rank for row in logit.emotions]
    controls = {row.what: row.count for row in logit.baselines}
    assert found.dealt == controls["words shuffled over the emotions' vectors"]
    assert found.random == controls["random directions"] and found.static == controls["token embeddings of the stories"]
    assert found.against_static == logit.against_static and found.against_logit.p == 1
    assert found.kept == pytest.approx(1)


def test_halves_that_say_the_opposite_do_not_agree():
    lm = tiny()
    names, tokens = named(lm, 12)
    vectors, eye = lm.parts.head.weight[tokens].double().numpy(), np.eye(32)
    # A mean of halves that cancel for one direction only.
    first = vectors[0] / np.linalg.norm(vectors[0])
    other = eye - 2 * np.outer(first, first)
    _, found = judged(lm, names, vectors, lens.Transport((eye + other) / 2, np.stack([eye, other]), 2, 100, "0"))
    assert found.emotions[0].agreement == pytest.approx(-1) == found.lowest_agreement and found.agreement > 0
    assert not found.emotions[0].hit  # J makes nothing of it


@pytest.mark.slow
def test_a_whole_run_has_it_in_its_record_and_on_its_page(tmp_path):
    chosen = settings.change(settings.toy(), jacobian_texts=4, **SMALL)
    record = run_experiment(chosen, tmp_path / "run", QUIET)
    part = record["experiments"]["lens"]["jacobian"]
    assert part["texts"] == 4 and part["of"] == 12 and record["timings"]["jacobian"]["unit"] == "tokens"
    with safe_open(tmp_path / "run" / stage.FILE, framework="np") as file:
        assert json.loads(file.metadata()["jacobian"])["fingerprint"] == record["fingerprint"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "J of 4 neutral texts" in page and "Best rank, Jacobian lens" in page
    assert run_status(tmp_path / "run")["stages"]["jacobian"]["state"] == "done"
    with pytest.raises(UserError, match=r"settings\.jacobian_texts"):
        run_experiment(settings.change(settings.toy(), jacobian_texts=5, **SMALL), tmp_path / "run", QUIET)
