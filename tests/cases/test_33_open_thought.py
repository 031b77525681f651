"""Case 33: a template that opens a thought is closed or refused by `steer`, with --system as without."""

import json

import pytest

from cases.folders import CHATML, command, refused, saved, vectors_of
from emotion_vectors.lm.model import load_model
from emotion_vectors.vectors.writing import _rendered

pytestmark = pytest.mark.case
CLOSED = {
    "<think>\\n": "\n</think>\n\n", "<think>": "</think>", "<thought>\\n": "\n</thought>\n\n", "<seed:think>": "</seed:think>",
    "<|START_THINKING|>": "<|END_THINKING|>", "\u25c1think\u25b7": "\u25c1/think\u25b7", "[THINK]": "[/THINK]",
}  # fmt: skip
REFUSED = ("<|channel|>analysis<|message|>", "<scratchpad>\\n", "<think>\\nOkay, ", "<|deliberate|>")


def opens(mark):
    return CHATML.replace("'<|im_start|>assistant\\n' }}{% endif", "'<|im_start|>assistant\\n" + mark + "' }}{% endif")


@pytest.mark.parametrize("mark", CLOSED)
def test_a_known_thought_is_closed(tmp_path, mark):
    folder = saved(tmp_path / "m", opens(mark))
    vectors_of(folder, tmp_path / "v.safetensors")
    lm = load_model(str(folder), "cpu", "float32")
    for system in ([], ["Be kind."]):
        asked = (
            "steer",
            tmp_path / "v.safetensors",
            "Hello.",
            "--emotion",
            "calm=0.1",
            "--max-tokens",
            2,
            "--json",
            "--device",
            "cpu",
        )
        done = command(*asked, *(["--system", *system] if system else []))
        assert done.exit_code == 0 and json.loads(done.stdout)["opening"] == CLOSED[mark]
        chat = [{"role": "system", "content": one} for one in system] + [{"role": "user", "content": "Hello."}]
        own = lm.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        assert own.endswith(mark.replace("\\n", "\n")) and _rendered(lm, chat) == own + CLOSED[mark]


@pytest.mark.parametrize("mark", REFUSED)
def test_what_is_not_known_for_certain_is_refused(tmp_path, mark):
    vectors_of(saved(tmp_path / "m", opens(mark)), tmp_path / "v.safetensors")
    asked = (
        "steer",
        tmp_path / "v.safetensors",
        "Hello.",
        "--emotion",
        "calm=0.1",
        "--max-tokens",
        2,
        "--device",
        "cpu",
    )
    for system in ([], ["--system", "Be kind."]):
        said = refused(*asked, *system)
        assert "can't be closed for certain" in said or "a form that is not known" in said
    done = command("doctor", "--model", tmp_path / "m", "--set", "dtype=float32", "--device", "cpu")
    assert done.exit_code == 1 and "prompt" in done.output
