"""Cases 19, 20 and 22: the BOS that a GGUF file asks for, and templates in odd places or several at once."""

import copy
import json

import pytest
from lm.gguf_worlds import world
from lm.tiny_gguf import tiny_gguf
from tiny import tiny

from cases.folders import CHATML, USER, lines, read, refused, saved, tokenizer, vectors_of
from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.model import LanguageModel, load_model
from emotion_vectors.vectors.file import EmotionVectors

pytestmark = pytest.mark.case
OTHER = CHATML.replace("<|im_end|>", "<|im_start|>")


@pytest.mark.parametrize("asked", [True, False, None])
def test_a_gguf_file_says_whether_a_text_begins_with_its_bos(asked, tmp_path):
    keys = {"tokenizer.ggml.add_bos_token": asked, "tokenizer.chat_template": CHATML}
    path = tiny_gguf(tmp_path / "m.gguf", world("llama"), "llama", keys)
    lm = load_model(str(path), "cpu", "float32", tmp_path / "cache")
    # A file of this kind of tokenizer that says nothing asks for none; llama.cpp's default.
    front = [lm.tokenizer.bos_token_id] if asked else []
    words = lm.tokenizer("It was raining.", add_special_tokens=False)["input_ids"]
    assert list(converse(lm, "It was raining.").ids) == front + words
    rendered = lm.tokenizer.apply_chat_template([USER], tokenize=False, add_generation_prompt=True)
    chat = lm.tokenizer(rendered, add_special_tokens=False)["input_ids"]
    assert list(converse(lm, [USER]).ids) == front + chat


def without_template(folder):
    """A saved folder whose tokenizer has no template of its own."""
    saved(folder)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("where", ["chat_template.json", "additional_chat_templates", "chat_template.jinja"])
def test_a_template_in_another_file_is_the_models(where, tmp_path):
    folder = without_template(tmp_path / "m")
    if where == "additional_chat_templates":
        (folder / where).mkdir()
        (folder / where / "tool_use.jinja").write_text(OTHER)
        (folder / where / "default.jinja").write_text(CHATML)
    else:
        (folder / where).write_text(json.dumps({"chat_template": CHATML}) if where.endswith("json") else CHATML)
    lm = load_model(str(folder), "cpu", "float32")
    wanted = tokenizer(CHATML).apply_chat_template([USER], tokenize=False, add_generation_prompt=True)
    assert lm.is_chat and converse(lm, [USER]).text == wanted
    vectors_of(folder, tmp_path / "v.safetensors")
    rows = read(tmp_path, lines(tmp_path / "t.jsonl", {"messages": [USER]}), tmp_path / "v.safetensors")
    whole = EmotionVectors.load(tmp_path / "v.safetensors").read(lm, [USER])
    first, last = whole.messages[0].first, whole.messages[0].last
    assert rows["tokens"][0] == last - first and rows["problem"][0] is None
    assert rows["mean_raw"][0] == pytest.approx(float(whole.raw[first:last, 0, 0].mean()), abs=1e-6)


def test_a_template_file_that_holds_none_is_a_sentence(tmp_path):
    folder = without_template(tmp_path / "m")
    for body in ("{", '{"template": "x"}', "[]"):
        (folder / "chat_template.json").write_text(body)
        with pytest.raises(UserError, match=r"chat_template\.json of '.*' has no template"):
            load_model(str(folder), "cpu", "float32")


def test_several_templates_without_a_default_are_refused_by_every_command(tmp_path):
    folder = saved(tmp_path / "m", {"chat": CHATML, "tool_use": OTHER})
    vectors_of(folder, tmp_path / "v.safetensors")
    texts = lines(tmp_path / "t.jsonl", {"messages": [USER]})
    labelled = lines(tmp_path / "l.jsonl", *({"label": one, "text": f"{one} {i}"} for one in "ab" for i in range(2)))
    for asked in (
        ("read", texts, "--vectors", tmp_path / "v.safetensors"),
        ("steer", tmp_path / "v.safetensors", "Hello there.", "--emotion", "calm=0.1"),
        ("doctor", "--model", folder, "--set", "dtype=float32"),
        ("vectors", labelled, "--model", folder, "--out", tmp_path / "x.safetensors"),
        ("run", "--preset", "toy", "--model", folder, "--out", tmp_path / "run"),
    ):
        assert "several chat templates (chat, tool_use) and none is called default" in refused(
            *asked, "--device", "cpu"
        )


def test_a_model_in_memory_gets_its_default_and_keeps_the_others():
    words = tokenizer({"default": CHATML, "tool_use": OTHER})
    lm = LanguageModel.of(copy.deepcopy(tiny().model), words)
    wanted = words.apply_chat_template([USER], add_generation_prompt=True, return_dict=False)
    assert lm.inputs([USER])["input_ids"][0].tolist() == wanted and isinstance(words.chat_template, dict)
    with pytest.raises(UserError, match="none is called default"):
        LanguageModel.of(copy.deepcopy(tiny().model), tokenizer({"chat": CHATML, "rag": OTHER}))
