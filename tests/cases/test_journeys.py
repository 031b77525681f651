"""Journeys J2, J4, J5 and J6: arrays, stories, prompts and packs of a user's own, as other tools and other systems write them."""

import codecs
import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from corpus.test_importing import take

import emotion_vectors
from cases.saved import command, greedy, random_model, refusal, save, save_vectors, tokenizer, unsteered
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import load_model
from emotion_vectors.stimuli.pack import load_pack
from emotion_vectors.vectors.file import EmotionVectors

pytestmark = pytest.mark.case


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder, words = tmp_path_factory.mktemp("case"), tokenizer()
    model = random_model(words)
    save_vectors(save(model, words, folder / "m"), folder / "v.safetensors", ("calm", "at ease"))
    return folder, words, model


CUBE = np.random.default_rng(0).normal(size=(2, 4, 32))
TWO = np.array(["calm", "sad"])
ARRAYS = {
    "float64": {"vectors": CUBE, "emotions": TWO},
    "float16": {"vectors": CUBE.astype(np.float16), "emotions": TWO},
    "Fortran order": {"vectors": np.asfortranarray(CUBE), "emotions": TWO},
    "big endian": {"vectors": CUBE.astype(">f4"), "emotions": TWO},
    "names as bytes": {"vectors": CUBE, "emotions": TWO.astype("S")},
    "names with spaces": {"vectors": CUBE, "emotions": np.array(["calm ", "\tsad"])},
    "layers as floats": {"vectors": CUBE, "emotions": TWO, "layers": np.arange(4.0)},
    "layers turned round": {"vectors": CUBE[:, ::-1], "emotions": TWO, "layers": np.arange(4)[::-1].astype(np.uint8)},
}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
def test_j2_arrays_of_other_types_become_vectors_that_can_be_asked_for(world, kind):
    folder = world[0]
    np.savez_compressed(folder / "x.npz", **ARRAYS[kind])
    out = folder / "o.safetensors"
    out.unlink(missing_ok=True)
    done = command(
        "import", folder / "x.npz", "--format", "npz", "--model", folder / "m", "--out", out, "--device", "cpu"
    )
    assert done.exit_code == 0, done.output or done.exception
    found = EmotionVectors.load(out)
    assert found.emotions == ("calm", "sad")
    np.testing.assert_allclose(found.raw.swapaxes(0, 1), CUBE, atol=2e-3 if kind == "float16" else 1e-6)
    (folder / "t.txt").write_text("It was raining.")
    words = (
        "read",
        folder / "t.txt",
        "--vectors",
        out,
        "--emotions",
        "calm,sad",
        "--out",
        folder / "j2.jsonl",
        "--device",
        "cpu",
        "--quiet",
    )
    (folder / "j2.jsonl").unlink(missing_ok=True), (folder / "j2.jsonl.json").unlink(missing_ok=True)
    assert command(*words).exit_code == 0


NO_VECTORS = {
    "objects": ({"vectors": CUBE, "emotions": TWO.astype(object)}, "'emotions' holds Python objects"),
    "vectors as objects": ({"vectors": CUBE.astype(object), "emotions": TWO}, "'vectors' holds Python objects"),
    "layers from 1": ({"vectors": CUBE, "emotions": TWO, "layers": np.arange(1, 5)}, "counted from 0"),
    "half layers": ({"vectors": CUBE, "emotions": TWO, "layers": np.arange(4) + 0.5}, "0.5 is not a whole number"),
    "swapped": ({"vectors": CUBE.swapaxes(0, 1), "emotions": TWO}, "other numbers of names"),
    "too large": ({"vectors": CUBE * 1e39, "emotions": TWO}, "not finite"),
    "one name twice": ({"vectors": CUBE, "emotions": np.array(["calm", "calm "])}, "given twice"),
    "no name": ({"vectors": CUBE, "emotions": np.array(["calm", "  "])}, "not the name of an emotion"),
    "a comma": ({"vectors": CUBE, "emotions": np.array(["calm", "sad, lonely"])}, "without commas"),
    "an equals sign": ({"vectors": CUBE, "emotions": np.array(["calm", "sad=1"])}, "without commas"),
    "whole numbers": ({"vectors": CUBE.astype(np.int32), "emotions": TWO}, "of type int32"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_VECTORS)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_j2_the_sentence_names_the_cause(world, kind):
    folder = world[0]
    arrays, said = NO_VECTORS[kind]
    np.savez(folder / "bad.npz", **arrays)
    assert said in refusal(
        "import",
        folder / "bad.npz",
        "--format",
        "npz",
        "--model",
        folder / "m",
        "--out",
        folder / "never.safetensors",
        "--device",
        "cpu",
    )
    np.save(folder / "bare.npy", CUBE)
    assert "np.savez" in refusal(
        "import",
        folder / "bare.npy",
        "--format",
        "npz",
        "--model",
        folder / "m",
        "--out",
        folder / "never.safetensors",
        "--device",
        "cpu",
    )
    assert not (folder / "never.safetensors").exists()


def test_j2_arrays_in_python_get_the_names_that_commands_can_take(world):
    lm = load_model(str(world[0] / "m"), "cpu", "float32")
    made = EmotionVectors.from_arrays({" calm": CUBE[0], "sad\n": CUBE[1]}, lm, residual_norm=np.ones(4))
    assert made.emotions == ("calm", "sad")
    with pytest.raises(UserError, match="spaces at their ends"):
        EmotionVectors.from_arrays({"calm": CUBE[0], "calm ": CUBE[1]}, lm, residual_norm=np.ones(4))


THREE = ("Afraid", "HAPPY", "worn out ")
STORIES = [
    {"emotion": name, "topic": None, "text": f"Number {place} of {number} came down the road with a lamp, sat on the wall by the river, and told {number + place} people about the long winter that had just gone by them all."}
    for place, name in enumerate(THREE)
    for number in range(7, 11)
]  # fmt: skip


def in_lines(end=b"\n", begin=b"", between=b""):
    return lambda path: path.with_suffix(".jsonl").write_bytes(
        begin + end.join(json.dumps(row).encode() + between for row in STORIES) + end
    )


CORPORA = {
    "Windows": in_lines(b"\r\n", codecs.BOM_UTF8),
    "blank lines": in_lines(b"\n\n \t\n"),
    "blank end": in_lines(between=b"\n\n"),
    "categories": lambda path: pl.DataFrame(STORIES).with_columns(pl.col("emotion").cast(pl.Categorical)).write_parquet(path.with_suffix(".parquet")),
    "kept is null": lambda path: pl.DataFrame(STORIES).with_columns(kept=pl.lit(None, dtype=pl.Boolean)).write_parquet(path.with_suffix(".parquet")),
    "another name": lambda path: pl.DataFrame(STORIES).rename({"text": "story"}).write_parquet(path.with_suffix(".parquet")),
}  # fmt: skip


@pytest.mark.parametrize("kind", CORPORA)
def test_j4_stories_of_my_own_are_read(tmp_path, kind):
    CORPORA[kind](tmp_path / "mine")
    [path] = tmp_path.glob("mine.*")
    summary, table = take(path, tmp_path / "run", ("afraid", "happy", "worn out"))
    assert summary.written == len(STORIES) and table["text"].to_list() == [row["text"] for row in STORIES]
    assert table["emotion"].to_list() == [row["emotion"].strip().lower() for row in STORIES]


def test_j4_rows_that_can_not_be_used_are_named(tmp_path):
    frame = pl.DataFrame(STORIES)
    for number, (change, said) in enumerate((
        (pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(pl.col("text")).alias("text"), "row 4: the column 'text' is missing or empty"),
        (pl.int_range(pl.len()).alias("topic"), "row 1: the column 'topic' is not text but int"),
    )):  # fmt: skip
        frame.with_columns(change).write_parquet(tmp_path / f"{number}.parquet")
        with pytest.raises(UserError, match=said):
            take(tmp_path / f"{number}.parquet", tmp_path / f"run{number}", ("afraid", "happy", "worn out"))


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize(
    "prompt",
    ["Tell me\nabout your day. \U0001f602", "  How was it?  ", "What does <|im_end|> mean?", "-5 is cold, isn't it?"],
)
def test_j5_a_prompt_from_a_file_gives_the_text_that_it_gives_on_the_command_line(world, prompt, end):
    folder, words, model = world
    ids = words.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=True, return_dict=False, add_generation_prompt=True
    )
    written, nats = greedy(model, ids, 8, (0, 1))
    text, _ = unsteered(folder, "-", stdin=prompt + end)
    assert text["text"] == words.decode(written, skip_special_tokens=True).strip()
    assert text["log_probability"] == pytest.approx(nats, abs=1e-3)


def test_j5_layers_twice_two_words_and_too_long_a_prompt(world):
    folder = world[0]
    once, twice = (
        unsteered(folder, "How was it?", "--emotion", "at ease=0.3", "--layers", layers)[1]
        for layers in ("1,2", "2,1,1,2")
    )
    assert sorted(twice["layers"]) == [1, 2] == once["layers"] and [t["text"] for t in once["texts"]] == [
        t["text"] for t in twice["texts"]
    ]
    said = refusal("steer", folder / "v.safetensors", "How was it? " * 400, "--emotion", "calm=0.2", "--device", "cpu")
    assert "reads at most 1024" in said


PACK = Path(emotion_vectors.__file__).parent / "stimuli" / "data" / "ours"
WRITTEN = {
    "a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "Windows' line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "both": lambda text: codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
    "old Mac line ends": lambda text: text.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_j6_a_pack_that_was_saved_by_another_editor_is_the_same_pack(tmp_path, kind):
    shutil.copytree(PACK, tmp_path / "pack")
    for file in (tmp_path / "pack").glob("*.json"):
        file.write_bytes(WRITTEN[kind](file.read_text(encoding="utf-8")))
    assert load_pack(str(tmp_path / "pack")).sha256 == load_pack("ours").sha256


def test_j6_decomposed_letters_load_and_another_encoding_is_named(tmp_path):
    shutil.copytree(PACK, tmp_path / "pack")
    file = tmp_path / "pack" / "topics.json"
    text = file.read_text(encoding="utf-8")
    file.write_bytes(unicodedata.normalize("NFD", text.replace("A ", "Á ", 1)).encode())
    assert load_pack(str(tmp_path / "pack")).topics
    for encoding in ("utf-16", "utf-16-be", "utf-32", "latin-1"):
        file.write_bytes(text.replace("A ", "Á ", 1).encode(encoding, "replace"))
        with pytest.raises(UserError, match=r"topics\.json: .*UTF-8") as caught:
            load_pack(str(tmp_path / "pack"))
        assert "\n" not in str(caught.value) and "codec" not in str(caught.value)
