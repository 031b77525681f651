"""Rendering and spans: what the model is fed is what was meant."""

import dataclasses

import pytest
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import prompts


def test_a_chat_prompt_ends_at_the_answer():
    lm = tiny()
    prompt = prompts.chat_prompt(lm, "{message}", {"message": "Hello there"}, "(")
    assert prompt.text == "<|im_start|>user\nHello there<|im_end|>\n<|im_start|>assistant\n("
    assert lm.tokenizer.decode(prompt.ids) == prompt.text
    first, last = prompt.spans["message"]
    assert lm.tokenizer.decode(prompt.ids[first:last]) == "Hello there"


def test_a_base_model_gets_the_plain_format():
    prompt = prompts.chat_prompt(tiny(chat=False), "{message}", {"message": "Hello"}, "(")
    assert prompt.text == "Human: Hello\n\nAssistant: ("


def test_exactly_one_bos_where_the_tokenizer_wants_one():
    lm = tiny()
    tokenizer = prompts_tokenizer_with_bos(lm)
    plain = prompts.locate(tokenizer, "Hello there", {"x": (6, 11)})
    assert plain.ids.count(tokenizer.bos_token_id) == 1 and plain.ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(plain.ids[slice(*plain.spans["x"])]).strip() == "there"
    own = prompts.locate(tokenizer, tokenizer.bos_token + "Hello", {})
    assert own.ids.count(tokenizer.bos_token_id) == 1


def prompts_tokenizer_with_bos(lm):
    from copy import deepcopy

    from tokenizers.processors import TemplateProcessing

    tokenizer = deepcopy(lm.tokenizer)
    bos = (tokenizer.bos_token, tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(f"{bos[0]} $A", f"{bos[0]} $A {bos[0]} $B", [bos])
    assert tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    return tokenizer


def test_a_template_that_repeats_the_message_is_refused():
    lm = tiny()
    from copy import deepcopy

    tokenizer = deepcopy(lm.tokenizer)
    tokenizer.chat_template = "{{ messages[0]['content'] }} {{ messages[0]['content'] }}"
    with pytest.raises(UserError, match="repeats"):
        prompts.chat_prompt(dataclasses.replace(lm, tokenizer=tokenizer), "{message}", {"message": "Hello"})


def test_a_span_that_is_off_by_a_token_is_refused():
    lm = tiny()
    ids = lm.tokenizer("count the words", add_special_tokens=False)["input_ids"]
    prompts.check_span(lm.tokenizer, ids, "count the words")
    with pytest.raises(UserError, match="decode"):
        prompts.check_span(lm.tokenizer, ids[1:], "count the words")


def melting(*joined):
    """The tiny model with a tokenizer that joins a bracket with the letter after it, as those of Llama 3 and Qwen do."""
    from copy import deepcopy

    tokenizer = deepcopy(tiny().tokenizer)
    tokenizer.add_tokens(list(joined))
    return dataclasses.replace(tiny(), tokenizer=tokenizer)


@pytest.mark.parametrize("joined", [("(A", "(B"), ("(A",)], ids=str)
def test_answers_that_melt_into_the_prefill_are_letters_of_their_own(joined):
    lm, plain = melting(*joined), tiny()
    prompt = prompts.chat_prompt(lm, "{m}", {"m": "Hello"}, "(")
    assert [len(one.tokenizer("(A", add_special_tokens=False)["input_ids"]) for one in (lm, plain)] == [1, 2]
    found = prompts.option_tokens(lm, prompt)
    assert found == prompts.option_tokens(plain, prompts.chat_prompt(plain, "{m}", {"m": "Hello"}, "("))
    assert [lm.tokenizer.decode([*prompt.ids, one])[-2:] for one in found] == ["(A", "(B"]


def test_an_answer_of_several_tokens_is_refused(monkeypatch):
    lm = melting("(A", "(B")
    prompt = prompts.chat_prompt(lm, "{m}", {"m": "Hello"}, "(")
    whole = lm.tokenizer.get_vocab()
    monkeypatch.setattr(lm.tokenizer, "get_vocab", lambda: {name: i for name, i in whole.items() if name != "A"})
    with pytest.raises(UserError, match=r"After '.*assistant\\n\(' the answer 'A' is not a token of its own"):
        prompts.option_tokens(lm, prompt)


def test_fill_gives_the_range_of_every_value():
    text, ranges = prompts.fill("(A) {a} or {b}?", {"a": "swim", "b": "run"})
    assert text == "(A) swim or run?"
    assert [text[slice(*ranges[name])] for name in "ab"] == ["swim", "run"]


def test_a_story_is_raw_or_the_assistants_answer():
    lm = tiny()
    raw, chat = (
        prompts.story_prompt(lm, "A short tale.", chat=False),
        prompts.story_prompt(lm, "A short tale.", chat=True),
    )
    assert raw.text == "A short tale." and raw.spans["story"] == (0, len(raw.ids))
    assert chat.text.endswith("assistant\nA short tale.")
    first, last = chat.spans["story"]
    assert lm.tokenizer.decode(chat.ids[first:last]) == "A short tale."
