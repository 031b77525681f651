"""Every check passes on a right instrument and goes red, by name, when its bug is planted in the production code."""

import copy
import dataclasses

import pytest
import torch
from quick import quick
from tiny import ARCHITECTURES, tiny
from tokenizers.processors import TemplateProcessing

from doctor.bugs import BUGS
from doctor.instruments import FEW, red
from emotion_vectors.doctor import examination, examine, stopping
from emotion_vectors.doctor.bench import own_pass
from emotion_vectors.doctor.check import at_most
from emotion_vectors.doctor.examination import EXAMINATIONS, Examination
from emotion_vectors.errors import UserError
from emotion_vectors.lm import prompts
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.model import load_model
from emotion_vectors.stimuli import load_pack

PACK = load_pack()


STOP = {one.name for one in EXAMINATIONS if one.kind == "stop"}


def with_template(lm, template):
    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.chat_template = template
    return dataclasses.replace(lm, tokenizer=tokenizer)


def melting(lm):
    """With a tokenizer that joins the bracket and the letter, as those of Llama 3 and Qwen do."""
    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.add_tokens(["(A", "(B"])
    model = copy.deepcopy(lm.model)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return dataclasses.replace(lm, model=model, parts=find_parts(model), tokenizer=tokenizer)


RIGHT = {
    **{kind: lambda kind=kind: tiny(kind) for kind in ARCHITECTURES},
    "base": lambda: tiny("gpt_neox", chat=False),
    "melting": lambda: melting(tiny()),
    "toy float32": lambda: load_model("toy", "cpu", "float32"),
    "toy bfloat16": lambda: load_model("toy", "cpu", "bfloat16"),
}


@pytest.mark.parametrize("name", quick(["llama", "base", "toy float32"], RIGHT))
def test_a_right_instrument_passes_every_check_that_stops(name):
    checks = examine(RIGHT[name](), PACK if name == "toy float32" else FEW)
    assert [check.name for check in checks] == [one.name for one in EXAMINATIONS]
    assert stopping(checks) == []


def rounds(lm):
    """Whether the model's own pass gives numbers that half precision can't hold."""
    logits = own_pass(lm, (7, 8, 9)).logits
    return bool((logits != logits.bfloat16().float()).any())


@pytest.mark.parametrize(
    ("in_half", "in_float32", "passes"),
    [
        pytest.param(0.11, 1e-6, True, id="rounding"),
        pytest.param(0.11, 0.11, False, id="the same in float32"),
        pytest.param(0.31, 1e-6, False, id="too much for rounding"),
        pytest.param(float("nan"), 1e-6, False, id="no number"),
    ],
)
def test_a_check_is_above_its_limit_by_rounding_only_where_float32_says_so(monkeypatch, in_half, in_float32, passes):
    def measure(bench):
        exact = rounds(bench.lm)
        assert exact == (bench.lm.dtype == torch.float32), "float32 is said of passes that are computed in it"
        return at_most(in_float32 if exact else in_half, 1e-3 if exact else 0.1, "Good.", "Bad.")

    monkeypatch.setattr(examination, "EXAMINATIONS", [Examination("one", "One", measure)])
    (check,) = examine(load_model("toy", "cpu", "bfloat16"), FEW)
    assert check.passed == passes
    assert ("Good. 0.11 is above the usual 0.1 by rounding to bfloat16" in check.detail) == passes
    assert check.limit == pytest.approx(0.3 if passes else 0.1)


@pytest.mark.slow
def test_the_sizes_are_those_of_the_pack_and_the_model():
    found = {check.name: check for check in examine(tiny(), PACK, layer=1)}
    assert found["spans"].measured == found["spans"].limit == 3 * len(PACK.activities)
    assert found["hooks_fired"].measured == tiny().n_layers
    assert found["strength_zero"].measured == 0 < found["strength"].measured


def test_every_check_that_stops_has_a_bug_that_it_finds():
    assert set().union(*BUGS.values()) == STOP


@pytest.mark.slow
def test_the_layer_with_the_nan_is_named():
    lm = tiny()
    handle = lm.parts.blocks[2].register_forward_hook(lambda _, __, output: output * float("nan"))
    try:
        found = {check.name: check for check in examine(lm, FEW)}
    finally:
        handle.remove()
    assert "block 2 is the first" in found["finite"].detail
    assert found["padding"].measured == "refused" and "not finite" in found["padding"].detail


def test_what_production_refuses_is_a_failed_check_with_its_sentence(monkeypatch):
    def refuse(*_):
        raise UserError("The tokens found for 'x' decode to 'y'; word it better.")

    monkeypatch.setattr(prompts, "check_span", refuse)
    found = {check.name: check for check in examine(tiny(), FEW)}
    assert not found["spans"].passed and "decode to 'y'" in found["spans"].detail


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}{% endif %}"
)


@pytest.mark.slow
def test_a_template_that_can_switch_thinking_off_passes_and_fails_when_nobody_does(monkeypatch):
    lm = with_template(tiny(), THINKING)
    assert not red(examine(lm, FEW)) & STOP

    def forgotten(lm, message):
        said = [{"role": "user", "content": message}]
        return str(lm.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))

    monkeypatch.setattr(prompts, "render", forgotten)
    found = {check.name: check for check in examine(lm, FEW)}
    assert not found["prompt"].passed and "reasoning block" in found["prompt"].detail


def adds_bos(lm):
    """The same model with a tokenizer that puts a BOS before every text, as Llama's does."""
    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    one = [("<s>", tokenizer.convert_tokens_to_ids("<s>"))]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("<s> $A", "<s> $A $B", one)
    lm.model.resize_token_embeddings(len(tokenizer))
    return dataclasses.replace(lm, tokenizer=tokenizer, parts=find_parts(lm.model))


@pytest.mark.parametrize("in_template", [True, False])
@pytest.mark.slow
def test_a_tokenizer_with_a_bos_of_its_own_passes_and_a_second_one_fails(in_template, monkeypatch):
    lm = adds_bos(copy.deepcopy(tiny()))
    if in_template:
        lm = with_template(lm, "{{ bos_token }}" + lm.tokenizer.chat_template)
    assert lm.tokenizer("a")["input_ids"][0] == lm.tokenizer.bos_token_id
    assert not red(examine(lm, FEW)) & STOP
    real = prompts.locate

    def naive(tokenizer, text, ranges, checked=True, **more):
        """Tokenise rendered text with special tokens, as if it had none."""
        found = real(tokenizer, text, ranges, checked, **more)
        spans = {name: (first + 1, last + 1) for name, (first, last) in found.spans.items()}
        return prompts.Prompt((tokenizer.bos_token_id, *found.ids), spans, found.text)

    monkeypatch.setattr(prompts, "locate", naive)
    found = {check.name: check for check in examine(lm, FEW)}
    wanted = int(in_template)  # as apply_chat_template gives it
    assert not found["prompt"].passed and f"{wanted + 1} BOS tokens, expected {wanted}" in found["prompt"].detail


@pytest.mark.slow
def test_steering_the_last_layer_is_refused_because_nothing_reaches_the_answer():
    checks = examine(tiny(), FEW, layer=tiny().n_layers - 1)
    found = {check.name: check for check in checks}
    assert {check.name for check in stopping(checks)} == {"strength"}
    assert found["strength"].measured == 0 and "last one" in found["strength"].detail


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="no layer 9"):
        examine(tiny(), FEW, layer=9)
