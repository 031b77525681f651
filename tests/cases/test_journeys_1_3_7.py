"""Journeys J1, J3 and J7: logs from Windows, a round trip through llama.cpp's format, a model of one's own that is wrapped."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from tiny import tiny
from vectors.worlds import make_vectors

from cases.folders import block_means, command, read, refused, saved, vectors_of
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import load_model
from emotion_vectors.vectors.file import EmotionVectors

pytestmark = pytest.mark.case
WRITTEN = {
    "emoji": "I'm so happy \U0001f602\U0001f469\u200d\U0001f469\u200d\U0001f466!", "right to left": "\u05d0\u05e0\u05d9 \u05de\u05e4\u05d7\u05d3 \u200f(\u05de\u05d0\u05d5\u05d3).",
    "zero width": "I\u200b am\u2060 calm\ufeff.", "separators": "One\u2028line\u2029another\x85 line", "only zero width": "\u200b\u200b", "nul": "a\u0000b is a text",
    "combining": "Fra\u0301 Zoe\u0308 \u1112\u1161\u11ab", "tabs": "a\tb\x0bc\x0cd",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return (
        folder,
        vectors_of(saved(folder / "m"), folder / "v.safetensors"),
        load_model(str(folder / "m"), "cpu", "float32"),
    )


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "as it is"])
def test_logs_from_windows(world, tmp_path, ascii_only):
    folder, vectors, lm = world
    rows = [json.dumps({"id": name, "text": text}, ensure_ascii=ascii_only) for name, text in WRITTEN.items()]
    rows.append('{"id": "half", "text": "half \\ud83d of it"}')
    file = tmp_path / "my logs [1] (copy).jsonl"
    # Two files that were joined, each with its mark.
    file.write_bytes(
        b"".join(b"\xef\xbb\xbf" + "\r\n".join(part).encode("utf-8") + b"\r\n" for part in (rows[:2], rows[2:]))
    )
    found = read(tmp_path, file, folder / "v.safetensors", "--top", 1)
    assert found["id"].to_list() == [*WRITTEN, "half"] and found["problem"].null_count() == len(found)
    for row in found.to_dicts():
        text = WRITTEN.get(row["id"], "half \ufffd of it")
        states = block_means(lm.model, lm.tokenizer(text)["input_ids"], vectors.layer)
        states = states[1:] if len(states) > 1 else states
        cosines = states @ vectors.unit()[vectors.index("calm")] / np.linalg.norm(states, axis=1)
        assert row["tokens"] == len(states) and row["mean_raw"] == pytest.approx(cosines.mean(), abs=1e-5), row["id"]


def test_other_encodings_and_forms_are_a_sentence(world, tmp_path):
    folder, *_ = world
    body = json.dumps({"text": "I am calm."}) + "\r\n"
    (tmp_path / "utf16.jsonl").write_bytes(body.encode("utf-16"))
    (tmp_path / "note.txt").write_bytes("I am calm.\r\n".encode("utf-16"))
    (tmp_path / "ansi.txt").write_bytes("Caf\xe9".encode("cp1252"))
    (tmp_path / "array.json").write_text("[" + body + "]")
    (tmp_path / "pretty.jsonl").write_text(json.dumps({"text": "I am calm."}, indent=1))
    for name in ("utf16.jsonl", "note.txt", "ansi.txt", "array.json", "pretty.jsonl"):
        said = refused("read", tmp_path / name, "--vectors", folder / "v.safetensors", "--out", tmp_path / "o.parquet")
        assert name in said and not (tmp_path / "o.parquet").exists()


def test_a_round_trip_through_llama_cpps_format(world, tmp_path):
    folder, vectors, _ = world
    done = command(
        "export",
        folder / "v.safetensors",
        "--format",
        "gguf",
        "--emotions",
        "calm,on edge",
        "--layers",
        "all",
        "--out",
        tmp_path / "g",
    )
    assert done.exit_code == 0, done.output
    files = sorted((tmp_path / "g").glob("*.gguf"))
    back = tmp_path / "back.safetensors"
    done = command("import", *files, "--model", folder / "m", "--out", back, "--device", "cpu")
    assert len(files) == 2 and done.exit_code == 0, done.output
    ours, theirs = vectors, EmotionVectors.load(back)
    assert set(theirs.emotions) == {"calm", "on edge"} and theirs.layers == (1, 2, 3)
    for name in theirs.emotions:
        for layer in theirs.layers:
            mine, other = ours.unit(layer)[ours.index(name)], theirs.unit(layer)[theirs.index(name)]
            assert float(mine @ other) == pytest.approx(1, abs=1e-5)


def generated(model, ids):
    return model.generate(ids, max_new_tokens=8, do_sample=False, pad_token_id=1, eos_token_id=None).tolist()


def test_models_that_are_wrapped_are_steered():
    lm, vectors = copy.deepcopy(tiny()), make_vectors()
    ids = torch.tensor([lm.tokenizer("The letter has come at last.")["input_ids"]])
    push = {"calm": 1.5, "angry": -0.5}
    plain = generated(lm.model, ids)
    with vectors.steer(lm, push, layers=[1, 2]):
        want = generated(lm.model, ids)
    assert want != plain == generated(lm.model, ids)
    compiled = torch.compile(lm.model, backend="eager")
    with vectors.steer(compiled, push, layers=[1, 2]):
        assert generated(compiled, ids) == want
    half = {name: strength / 2 for name, strength in push.items()}
    with vectors.steer(lm.model, half, layers=[1, 2]), vectors.steer(lm, half, layers=[1, 2]):
        assert generated(lm.model, ids) == want
    with pytest.raises(ZeroDivisionError), vectors.steer(lm.model, push, layers=[1, 2]):
        raise ZeroDivisionError
    assert generated(compiled, ids) == plain == generated(lm.model, ids)


def test_a_model_with_an_adapter_is_steered():
    peft = pytest.importorskip("peft")
    lm, vectors = copy.deepcopy(tiny()), make_vectors()
    ids = torch.tensor([lm.tokenizer("The letter has come at last.")["input_ids"]])
    with vectors.steer(lm, {"calm": 1.5}):
        want = generated(lm.model, ids)
    adapted = peft.get_peft_model(lm.model, peft.LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"]))
    with vectors.steer(adapted, {"calm": 1.5}):
        assert generated(adapted, ids) == want  # a fresh adapter adds nothing


def test_a_model_of_another_shape_is_refused():
    shallow = dataclasses.replace(make_vectors(layers=3))
    with pytest.raises(UserError, match="3 layers of width 32, this one has 4"), shallow.steer(tiny(), {"calm": 1}):
        pass
