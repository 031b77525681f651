"""Settings that change nothing: said once, in a line, before a model loads; never of what a preset sets, and never a refusal."""

import pytest
from safetensors.numpy import load_file
from small import without_page

from emotion_vectors import settings as options
from emotion_vectors.idle import IDLE, without_effect


def said(preset, **given):
    usual = options.preset(preset)
    return list(without_effect(options.change(usual, **given), usual, given))


@pytest.mark.parametrize(
    ("preset", "given", "names", "why"),
    [
        ("demo", {"writer": "vllm"}, "setting writer=vllm has", "nothing is written: the stories are those of 'ours'"),
        (
            "screen",
            {"stories_from": "ours", "neutral_from": "ours", "story_tokens": "300", "story_tries": "3"},
            "settings story_tokens=300, story_tries=3 have",
            "add --set stories_from=none",
        ),
        ("demo", {"repetition_penalty": "1.1"}, "setting repetition_penalty=1.1 has", "nothing is written"),
        ("paper", {"stories_from": "ours", "stories_per_topic": "2"}, "setting stories_per_topic=2 has", "not written"),
        ("demo", {"stories_from": "a.jsonl", "topics": "3"}, "setting topics=3 has", "all stories of 'a.jsonl'"),
        ("demo", {"neutral_from": "a.jsonl", "neutral_texts": "9"}, "setting neutral_texts=9 has", "'a.jsonl' are read"),
        ("demo", {"dialogue_emotions": "5"}, "setting dialogue_emotions=5 has", "no dialogues are written"),
        ("demo", {"steered_emotions": "all", "steered_count": "9"}, "setting steered_count=9 has", "all emotions are"),
        (
            "demo",
            {"sweep_emotions": "0", "sweep_strengths": "[1.5]", "sweep_every": "3"},
            "settings sweep_strengths=1.5, sweep_every=3 have",
            "no emotion is in the sweeps",
        ),
    ],
)  # fmt: skip
def test_what_was_given_against_the_grain_is_named(preset, given, names, why):
    (line,) = said(preset, **given)
    assert line.startswith(f"The {names} no effect: ") and why in line and "; add --set " in line and line.endswith(".")


@pytest.mark.parametrize(
    ("preset", "given"),
    [
        ("demo", {}),
        ("demo", {"writer": "auto", "story_tokens": "160"}),  # the preset's own values
        ("toy", {"stories_from": "ours", "neutral_from": "ours"}),  # which sets a writer itself
        ("demo", {"temperature": "0.3", "top_p": "0.5", "min_words": "30", "topics": "3", "neutral_texts": "20"}),
        ("demo", {"stories_from": "none", "writer": "vllm", "story_tokens": "300", "stories_per_topic": "2"}),
        ("screen", {"stories_from": "ours", "writer": "vllm"}),  # it writes the neutral texts
        ("demo", {"dialogues": "write", "writer": "vllm", "dialogue_emotions": "5"}),
        ("demo", {"steered_count": "9", "sweep_strengths": "[1.5]"}),
    ],
)
def test_nothing_is_said_of_what_counts_or_was_not_asked_for(preset, given):
    assert said(preset, **given) == []


def test_a_list_of_every_setting_as_it_is_says_nothing():
    for preset in options.PRESETS:
        assert said(preset, **options.preset(preset).model_dump()) == []


def test_every_name_is_a_setting():
    assert {name for idle in IDLE for name in idle.names} <= set(options.Settings.model_fields)


@pytest.mark.slow
def test_the_command_says_it_first_and_the_vectors_are_the_same(call, tmp_path):
    words = [
        "run",
        "--preset",
        "toy",
        "--stories",
        "ours",
        "--neutral",
        "ours",
        "--until",
        "vectors",
        "--device",
        "cpu",
    ]
    idle = ["--set", "story_tokens=99", "--set", "stories_per_topic=3", "--set", "repetition_penalty=1.5"]
    with without_page():
        plain = call(*words, "--out", str(tmp_path / "plain"))
        told = call(*words, *idle, "--out", str(tmp_path / "idle"))
    assert "no effect" not in plain.stderr and told.stderr.index("no effect") < told.stderr.index("Device cpu")
    one, other = (load_file(tmp_path / name / "vectors.safetensors") for name in ("plain", "idle"))
    assert set(one) == set(other) and all((one[name] == other[name]).all() for name in one)
