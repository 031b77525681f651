"""Cases 05, 06, 07: thoughts in the history, harmony's open turn, and thoughts in other words than <think>.

05: ollama#10448, mlc-llm#3484. 06: Rapid-MLX#1093, Megatron-Bridge#5389. 07: vllm#21718, pocketpal-ai#248. The templates are written
for this test; what is expected is the prompt written out by hand, put through plain transformers.
"""

import pytest

from cases.saved import greedy, plain_mean, random_model, read_rows, refusal, save, save_vectors, tokenizer, unsteered
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.lm.writers.base import end_tokens

pytestmark = pytest.mark.case
USER, ANSWER = {"role": "user", "content": "My exam is tomorrow."}, "Sleep well tonight."
# As reasoning models' templates do: thoughts go from the history, an empty one stands before the last answer.
DROPS = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}{% set said = m.content.split('</think>')[-1].lstrip('\\n') %}"
    "{{ ('<think>\\n\\n</think>\\n\\n' if loop.last else '') + said }}{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' + ('<think>\\n\\n</think>\\n\\n' if enable_thinking is defined and not enable_thinking else '') }}{% endif %}"
)
THOUGHTS = {
    "in tags": {"content": f"<think>\nNerves.\n</think>\n\n{ANSWER}"},
    "closing tag alone": {"content": f"Nerves.\n</think>\n\n{ANSWER}"},
    "in a field": {"content": ANSWER, "reasoning_content": "Nerves."},
    "in another field": {"content": ANSWER, "reasoning": "Nerves."},
    "in a part": {"content": [{"type": "thinking", "thinking": "Nerves."}, {"type": "text", "text": ANSWER}]},
    "another tag": {"content": f"<thought>Nerves.</thought>{ANSWER}"},
    "blank lines before": {"content": f"\n\n{ANSWER}"},
}  # fmt: skip


def world(folder, words):
    model = random_model(words)
    return model, save_vectors(save(model, words, folder / "m"), folder / "v.safetensors")


@pytest.mark.parametrize("last", [True, False], ids=["last", "earlier"])
def test_an_answer_is_read_without_the_thought_before_it(tmp_path, last):
    words = tokenizer(DROPS)
    model, vectors = world(tmp_path, words)
    tail = [] if last else [{"role": "user", "content": "Thanks."}]
    rows = read_rows(
        tmp_path,
        [{"id": name, "messages": [USER, {"role": "assistant", **said}, *tail]} for name, said in THOUGHTS.items()],
    )
    ids = words.apply_chat_template(
        [USER, {"role": "assistant", "content": ANSWER}, *tail], tokenize=True, return_dict=False, add_generation_prompt=not last, enable_thinking=False
    )  # fmt: skip
    own = words(ANSWER)["input_ids"]
    first = next(n for n in range(len(ids)) if ids[n : n + len(own)] == own)
    wanted = plain_mean(model, ids, first, first + len(own), vectors)
    found = [row for row in rows if row["role"] == "assistant"]
    assert len(found) == len(THOUGHTS)
    for row in found:
        assert (
            row["problem"] is None and row["tokens"] == len(own) and row["mean_raw"] == pytest.approx(wanted, abs=1e-5)
        ), row["id"]
        assert row["thought_tokens"] == (0 if row["id"] == "blank lines before" else len(words("Nerves.")["input_ids"]))


HARMONY = (
    "{{ '<|start|>system<|message|>Channels: analysis, final.<|end|>' }}{% for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + ('<|return|>' if loop.last else '<|end|>') }}{% else %}"
    "{{ '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)


def tagged(begin):
    return (
        "{% for m in messages %}{{ '[|' + m.role + '|]' + m.content + ('\\n' if m.role == 'user' else '[|endofturn|]\\n') }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '[|assistant|]BEGIN' }}{% endif %}"
    ).replace("BEGIN", begin.replace("\n", "\\n"))


HEAD = "[|user|]How was the day?\n[|assistant|]"
# Template, marks that are single tokens, and the prompt that the model must get.
OPENED = {
    "harmony": (
        HARMONY, ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>"),
        "<|start|>system<|message|>Channels: analysis, final.<|end|><|start|>user<|message|>How was the day?<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    "EXAONE Deep": (tagged("<thought>\n"), ("[|user|]", "[|assistant|]", "[|endofturn|]", "<thought>", "</thought>"), HEAD + "<thought>\n\n</thought>\n\n"),
    "thinking": (tagged("<thinking>\n"), (), HEAD + "<thinking>\n\n</thinking>\n\n"),
    "reasoning": (tagged("<reasoning>"), (), HEAD + "<reasoning></reasoning>"),
    "Seed": (tagged("<seed:think>"), ("<seed:think>", "</seed:think>"), HEAD + "<seed:think></seed:think>"),
    "Command": (tagged("<|START_THINKING|>"), ("<|START_THINKING|>", "<|END_THINKING|>"), HEAD + "<|START_THINKING|><|END_THINKING|>"),
}  # fmt: skip


@pytest.mark.parametrize("family", OPENED)
def test_runs_and_steer_write_where_the_answer_begins(tmp_path, family):
    template, special, prompt = OPENED[family]
    words = tokenizer(template, special)
    model, _ = world(tmp_path, words)
    lm = load_model(str(tmp_path / "m"), "cpu", "float32")
    assert chat_prompt(lm, "How was the {a}?", {"a": "day"}, "(").text == prompt + "("
    written, _ = greedy(model, words(prompt, add_special_tokens=False)["input_ids"], 8, tuple(end_tokens(lm)))
    text, whole = unsteered(tmp_path, "How was the day?")
    assert text["text"] == words.decode(written, skip_special_tokens=True).strip() and text["tokens"] == len(written)
    assert whole["opening"] and prompt.endswith(whole["opening"])
    if family == "harmony":
        assert words.convert_tokens_to_ids("<|return|>") in end_tokens(lm)


@pytest.mark.parametrize("begin", ["<scratchpad>\n", "<|deliberate|>", "<thought>\nWell, "])
def test_a_thought_that_cannot_be_closed_is_refused_by_steer_and_doctor(tmp_path, begin):
    words = tokenizer(tagged(begin))
    world(tmp_path, words)
    for more in ((), ("--system", "Be brief.")):
        said = refusal(
            "steer", tmp_path / "v.safetensors", "How was the day?", "--emotion", "calm=0.2", "--device", "cpu", *more
        )
        assert "use a model that answers at once" in said
