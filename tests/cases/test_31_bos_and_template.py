"""Case 31: a chat is fed as `apply_chat_template(tokenize=True)` gives it, whatever the tokenizer puts before plain texts."""

import copy
import dataclasses

import pytest
from tiny import tiny
from tokenizers.processors import TemplateProcessing

from cases.folders import ANSWER, CHATML, USER
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.prompts import chat_prompt, option_tokens, story_prompt
from emotion_vectors.vectors.writing import _rendered, compare_writing

pytestmark = pytest.mark.case
SYSTEM = {"role": "system", "content": "Be kind."}


def beginning(template):
    """The tiny model with a tokenizer that puts a BOS before plain texts."""
    lm = copy.deepcopy(tiny())
    words = lm.tokenizer
    words.chat_template = template
    words.add_special_tokens({"bos_token": "<s>"})
    first = [("<s>", words.bos_token_id)]
    words.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=first)
    lm.model.resize_token_embeddings(len(words))
    return dataclasses.replace(lm, parts=find_parts(lm.model), is_chat=template is not None)


@pytest.mark.parametrize("begin", ["", "{{ bos_token }}"], ids=["without", "with"])
def test_chats_are_the_templates(begin, monkeypatch):
    lm = beginning(begin + CHATML)

    def plain(*chat, answer=True):
        return lm.tokenizer.apply_chat_template(list(chat), add_generation_prompt=answer, return_dict=False)

    assert (plain(USER)[0] == lm.tokenizer.bos_token_id) == bool(begin)
    assert lm.inputs([USER])["input_ids"][0].tolist() == plain(USER) == list(chat_prompt(lm, USER["content"]).ids)
    assert list(converse(lm, [SYSTEM, USER, ANSWER]).ids) == plain(SYSTEM, USER, ANSWER, answer=False)
    opened = lm.tokenizer.apply_chat_template([USER], add_generation_prompt=True, tokenize=False)
    asked = chat_prompt(lm, USER["content"], prefill="(")
    assert list(asked.ids) == lm.tokenizer(opened + "(", add_special_tokens=False)["input_ids"]
    assert len(set(option_tokens(lm, asked))) == 2
    begun = lm.tokenizer.apply_chat_template(
        [{"role": "user", "content": "Write a short story."}], add_generation_prompt=True, return_dict=False
    )
    assert list(story_prompt(lm, "A calm day.", chat=True).ids[: len(begun)]) == begun
    fed = []
    monkeypatch.setattr(
        "emotion_vectors.vectors.writing._write", lambda lm, kind, ids, *rest: fed.append(list(ids)) or []
    )
    monkeypatch.setattr("emotion_vectors.vectors.writing._warnings", lambda *_: [])
    from vectors.worlds import make_vectors

    compare_writing(make_vectors(), lm, USER["content"], {"calm": 0.1}, system="Be kind.")
    assert fed == [plain(SYSTEM, USER)] * 3 and _rendered(lm, [USER]) == opened


def test_plain_texts_base_models_and_gguf_files_begin_as_the_tokenizer_says(tmp_path):
    lm = beginning(CHATML)
    assert list(converse(lm, "A calm day.").ids) == lm.tokenizer("A calm day.")["input_ids"]
    base = beginning(None)
    assert chat_prompt(base, "Hello").ids[0] == base.tokenizer.bos_token_id
    # llama.cpp puts the BOS that a file asks for before chats as well.
    file = dataclasses.replace(lm, gguf=tmp_path / "m.gguf")
    assert converse(file, [USER]).ids == (lm.tokenizer.bos_token_id, *converse(lm, [USER]).ids)
