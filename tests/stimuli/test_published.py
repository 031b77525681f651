"""Nothing is copied from the published stimuli."""

from __future__ import annotations

from emotion_vectors.stimuli import Pack
from emotion_vectors.stimuli.published import published_items_among


def test_nothing_is_copied_from_the_published_stimuli(pack: Pack) -> None:
    assert published_items_among("emotions", pack.emotions) == 171  # that list is a fact, and shows that marks match
    assert published_items_among("topics", pack.topics) == 0
    assert published_items_among("activities", [activity.text for activity in pack.activities]) == 0
    assert published_items_among("scenarios", [scenario.prompt for scenario in pack.scenarios]) == 0
    assert published_items_among("numeric_templates", [item.template for item in pack.numeric_templates]) == 0
