"""Settings: presets, changes, refusals, fingerprints."""

import pytest

from emotion_vectors import settings
from emotion_vectors.cli.options import parse_assignments
from emotion_vectors.errors import UserError


def test_the_presets_have_the_sizes_that_the_sources_give():
    paper, screen, demo = settings.preset("paper"), settings.preset("screen"), settings.preset("demo")
    assert paper.emotions * paper.topics * paper.stories_per_topic == 205_200
    assert (paper.neutral_texts, paper.steered_count) == (200, 35)
    assert (screen.emotions, screen.topics, screen.stories_per_topic) == (30, 10, 5)
    assert demo.emotions == 171 and demo.topics * demo.stories_per_topic >= 6
    assert (demo.neutral_texts, demo.steered_count) == (60, 24)  # docs/decisions.md: the demo steers less


def test_changes_are_parsed_and_checked():
    changed = settings.change(
        settings.demo(), topics="3", min_words="80", layer="none", stimuli="some/dir", strength="-0.5"
    )
    assert (changed.topics, changed.min_words, changed.layer, changed.stimuli, changed.strength) == (
        3,
        80,
        None,
        "some/dir",
        -0.5,
    )
    assert settings.change(changed, topics=6).topics == 6


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("topcis", "3", "did you mean 'topics'"), ("topics", "0", "topics"), ("topics", "many", "topics"), ("topics", "2.5", "topics"),
        ("dtype", "float8", "dtype"), ("min_words", "[1]", "min_words"), ("seed", "-1", "seed"), ("xqz", "1", "choose one of"),
        ("temperature", "NaN", "temperature"), ("model", "", "model"),
    ],
)  # fmt: skip
def test_bad_changes_are_one_sentence(name, value, says):
    with pytest.raises(UserError) as caught:
        settings.change(settings.demo(), **{name: value})
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'demo'"):
        settings.preset("dmo")


def test_assignments_need_an_equals_sign():
    assert parse_assignments(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    with pytest.raises(UserError, match="name=value"):
        parse_assignments(["topics"])


def test_settings_are_frozen_and_described():
    with pytest.raises(Exception, match="frozen"):
        settings.demo().topics = 3
    assert all(field.description for field in settings.Settings.model_fields.values())
