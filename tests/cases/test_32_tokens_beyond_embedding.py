"""Case 32: ids beyond the model's embedding are a sentence for every command, before the model sees them."""

import copy

import pytest
import torch
from tiny import tiny

from cases.folders import CHATML, USER, lines, read, refused, saved, tokenizer, vectors_of
from cases.folders import command as run_command
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import LanguageModel, load_model
from emotion_vectors.vectors.file import EmotionVectors

pytestmark = pytest.mark.case
SAYS = r"token '<\|turn\|>' \(id 1500\), but the embedding of m ends at 1499"


def changed(template=CHATML.replace("<|im_start|>", "<|turn|>")):
    """A tokenizer that was given a token without the model being resized."""
    words = tokenizer(template)
    words.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    return words


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    vectors_of(saved(folder / "m", words=changed()), folder / "v.safetensors")
    return folder


def test_plain_transformers_ends_in_an_index_error(world):
    lm = load_model(str(world / "m"), "cpu", "float32")
    ids = lm.tokenizer.apply_chat_template([USER], return_tensors="pt", return_dict=True)["input_ids"]
    with pytest.raises(IndexError):
        lm.model(ids)


def test_read_gives_a_row_with_the_reason_and_reads_the_rest(world, tmp_path):
    texts = lines(tmp_path / "t.jsonl", {"text": "It was raining."}, {"messages": [USER]}, {"text": "a <|turn|> b"})
    rows = read(tmp_path, texts, world / "v.safetensors")
    assert rows["problem"][0] is None and rows["mean_raw"][0] is not None
    assert all(
        "embedding of m ends at 1499; use the tokenizer that the model was trained with" in one
        for one in rows["problem"][1:]
    )


def test_the_other_commands_are_refused(world, tmp_path):
    import re

    labelled = lines(
        tmp_path / "l.jsonl", *({"label": one, "text": f"A day of {one} {i}"} for one in ("calm", "fear") for i in "ab")
    )
    steer = ("steer", world / "v.safetensors", "Hello.", "--emotion", "calm=0.1")
    vectors = ("vectors", labelled, "--model", world / "m", "--out", tmp_path / "x.safetensors", "--neutral-texts", 3)
    for asked in (steer, vectors):
        assert re.search(SAYS, refused(*asked, "--device", "cpu"))
    run = ("run", "--preset", "toy", "--model", world / "m", "--set", "dtype=float32", "--out", tmp_path / "run")
    assert re.search(SAYS, refused(*run, "--device", "cpu")) and not (tmp_path / "run" / "doctor.json").exists()
    done = run_command("doctor", "--model", world / "m", "--set", "dtype=float32", "--device", "cpu")
    assert done.exit_code == 1 and "Traceback" not in done.output


def test_the_library_is_refused(world):
    lm, vectors = load_model(str(world / "m"), "cpu", "float32"), EmotionVectors.load(world / "v.safetensors")
    with pytest.raises(UserError, match=SAYS):
        lm.inputs([USER])
    with pytest.raises(UserError, match=SAYS):
        vectors.read(lm, "a <|turn|> b")
    ids = torch.tensor([lm.tokenizer("a <|turn|> b")["input_ids"]])
    with (
        vectors.steer(lm, {"calm": 0.1}),
        pytest.raises(UserError, match="has the id 1500, but the model's embedding ends at 1499"),
    ):
        lm.model(ids)


def test_a_tokenizer_of_another_model_is_refused_at_load(tmp_path):
    """All its ordinary tokens may lie beyond the embedding, not only what was added."""
    small = copy.deepcopy(tiny().model)
    small.resize_token_embeddings(40)
    with pytest.raises(UserError, match="embedding of m ends at 39"):
        load_model(str(saved(tmp_path / "m", model=small)), "cpu", "float32")
    with pytest.raises(UserError, match="ends at 39"):
        LanguageModel.of(small, tokenizer())
