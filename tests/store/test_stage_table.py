"""Every setting reaches a stage, and what changes the texts changes the neutral texts too."""

from emotion_vectors.settings import Settings
from emotion_vectors.store.stage_table import EVERYWHERE, ORDER, STAGES, reached_by


def test_every_setting_reaches_a_stage_and_every_stage_is_made_from_earlier_ones():
    assert EVERYWHERE.union(*(stage.settings for stage in STAGES)) == set(Settings.model_fields)
    assert all(ORDER.index(need) < ORDER.index(stage.name) for stage in STAGES for need in stage.needs)


def test_what_changes_the_texts_changes_the_neutral_texts_too():
    for name in (
        "min_tokens",
        "min_words",
        "story_tokens",
        "story_tries",
        "writer",
        "temperature",
        "top_p",
        "repetition_penalty",
    ):
        assert {"stories", "neutral", "activations"} <= set(reached_by(name))
    assert "doctor" in reached_by("layer") and "stories" not in reached_by("layer")
