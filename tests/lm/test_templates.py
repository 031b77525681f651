"""Which template is a model's, and how plain texts begin."""

from dataclasses import replace

import pytest
from tokenizers.processors import TemplateProcessing

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.lm.templates import prefix_of, prompt_ids, settle_template
from lm.odd_templates import CHATML, Rows, plain_ids
from lm.test_messages import USER, with_template


@pytest.mark.parametrize("prefix", [["<sop>"], ["[gMASK]", "<sop>"], ["[gMASK]", "<sop>", "[gMASK]"], []], ids=len)
@pytest.mark.parametrize("suffix", [[], ["<eop>"]], ids=len)
def test_plain_texts_begin_as_the_tokenizer_begins_them(prefix, suffix):
    lm = with_template("".join(prefix) + CHATML)
    lm.tokenizer.add_special_tokens({"additional_special_tokens": ["[gMASK]", "<sop>", "<eop>"]})
    numbers = [(name, lm.tokenizer.convert_tokens_to_ids(name)) for name in ("[gMASK]", "<sop>", "<eop>")]
    lm.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=[*prefix, "$A", *suffix], special_tokens=numbers
    )
    lm = replace(lm, model=Rows(lm.model, len(lm.tokenizer)))
    own = lm.tokenizer("The sea was calm.")["input_ids"]
    wanted = own[: len(own) - len(suffix)]
    found = converse(lm, "The sea was calm.")
    assert list(found.ids) == wanted == list(story_prompt(lm, "The sea was calm.", chat=False).ids)
    assert (
        found.front == len(prefix)
        and found.messages[0].first == len(prefix)
        and prefix_of(lm.tokenizer) == wanted[: len(prefix)]
    )
    # A chat template that writes them itself is left as it is.
    assert converse(lm, [USER]).ids == plain_ids(lm, [USER], add_generation_prompt=True)
    assert prompt_ids(lm.tokenizer, "".join(prefix) + "a")[0] == [
        *wanted[: len(prefix)],
        *lm.tokenizer("a", add_special_tokens=False)["input_ids"],
    ]


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({"default": "D", "tool_use": "T"}, "D"), ({"chat": "C"}, "C"), ([{"name": "default", "template": "D"}], "D"), ("one", "one"), (None, None),
        ({"chat": "C", "tool_use": "T"}, UserError), ({"rag": "R", "tool_use": "T"}, UserError),
    ],
)  # fmt: skip
def test_one_template_is_settled_on(tmp_path, given, outcome):
    tokenizer = with_template("x").tokenizer
    tokenizer.chat_template = given
    if outcome is UserError:
        with pytest.raises(UserError, match=r"several chat templates \(\w+, tool_use\) and none is called default"):
            settle_template(tokenizer, str(tmp_path), "m")
        return
    settle_template(tokenizer, str(tmp_path), "m")
    assert tokenizer.chat_template == outcome
