"""What is asked on the command line is understood, and what can't be honoured is refused."""

import pytest
from inspect_ai._util.config import parse_cli_args
from inspect_ai.model import GenerateConfig

from emotion_vectors.errors import UserError
from emotion_vectors.inspecting.asked import asked_arguments, asked_sampling

QUESTIONS = ["The sea was calm.", "Go home and tell them about the letter.", "Why?"]


GREEDY = {"temperature": 0.0, "max_tokens": 6}


def test_what_comes_from_the_command_line_is_understood(folder):
    given = parse_cli_args(
        ["vectors=runs/demo", "steer=calm=0.1,on edge=-0.05", "control=random:1", "layers=2-3,1", "emotions=calm,angry"]
    )
    asked = asked_arguments(given)
    assert asked.steer == {"calm": 0.1, "on edge": -0.05} and asked.control == 1 and asked.layers == "2-3,1"
    assert asked.emotions == ("calm", "angry") and asked.batch_size == 32
    assert asked_arguments(parse_cli_args(["vectors=a", "steer=calm=1", "layers=2"])).layers == "2"
    assert asked_arguments({"vectors": "a", "steer": "calm=1"}).emotions == ("calm",)


@pytest.mark.parametrize(
    "setting",
    [{"top_k": 5}, {"logprobs": True}, {"frequency_penalty": 0.5}, {"reasoning_tokens": 9}, {"logit_bias": {1: 2.0}}],
)
def test_a_setting_that_cannot_be_honoured_is_refused(setting):
    with pytest.raises(UserError, match=f"can't honour {next(iter(setting))};"):
        asked_sampling(GenerateConfig(**setting), 10)
    assert asked_sampling(GenerateConfig(max_connections=4, top_p=0.5, logprobs=False), 10).top_p == 0.5
