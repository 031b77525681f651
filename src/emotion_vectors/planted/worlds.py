"""The planted model of a whole stimulus pack, in which all that a run asks has a known answer, and the two that go by a name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from emotion_vectors.planted.content import NumericPlan
from emotion_vectors.planted.making import make_planted
from emotion_vectors.planted.truth import Planted
from emotion_vectors.stimuli.items import CATEGORIES, Activity
from emotion_vectors.stimuli.pack import Pack, load_pack

CATEGORY_STEP = 0.4  # nats between the mean values of neighbouring categories
WITHIN_CATEGORY = 0.4  # nats, standard deviation of values inside a category
OPTIONS: dict[str, dict[str, Any]] = {"planted": {}, "planted-none": {"effect": 0.0, "structure": False}}


def plant_pack(
    pack: Pack,
    emotions: Sequence[str] | None = None,
    *,
    effect: float = 1.0,
    contraction: bool = False,
    structure: bool = True,
    layers: int = 6,
    seed: int = 0,
) -> Planted:
    """The planted model of `pack` for `emotions` (default: all of the pack).

    Valences have the pack's sign and a random size from 0.2 to 1, ambiguous words 0.05 to 0.2. The value of an
    activity falls with the place of its category in `CATEGORIES`. The scenarios of the chosen emotions (all three
    lists) and the expected signs of the numeric templates are planted as the pack states them; "none" is planted as
    flat. With `structure=False` and `effect=0` nothing of this is there.
    """
    chosen = tuple(pack.emotions if emotions is None else emotions)
    generator = np.random.default_rng((seed, 2))
    plans = []
    # Of a template with twins the template is planted alone: its twin is a text whose number means nothing.
    twinned = pack.more_numeric_templates
    for template in (*pack.numeric_templates, *(one.base for one in twinned)):
        signs = {e: {"+": 1, "-": -1, "none": 0}[sign] for e, sign in template.expected.items() if e in chosen}
        if signs:
            plans.append(NumericPlan(template.template, tuple(template.values), signs))
    prompts = [*pack.scenarios, *pack.heldout_scenarios, *pack.retrieval_scenarios]
    return make_planted(
        chosen,
        [activity.text for activity in pack.activities],
        scenarios={item.prompt: item.emotion for item in prompts if item.emotion in chosen},
        numeric=plans,
        texts=[
            *(text for one in twinned for text in one.prompts()[1]),
            *pack.topics,
            *pack.neutral_questions,
            pack.prompts.neutral,
            pack.prompts.feeling,
        ],
        free_texts=[text for one in twinned for text in one.prompts()[2]],
        preference_prompt=pack.prompts.preference,
        story_prompt=pack.prompts.story,
        valences=_valences(pack, chosen, generator),
        activity_values=_values(pack.activities, generator),
        effect=effect,
        contraction=contraction,
        structure=structure,
        layers=layers,
        seed=seed,
    )


def _valences(pack: Pack, emotions: Sequence[str], generator: np.random.Generator) -> list[float]:
    """The positive ones are scaled so that all sum to 0: centring then leaves every sign as the pack states it."""
    sizes = []
    for emotion in emotions:
        low, high = (0.05, 0.2) if emotion in pack.valence_ambiguous else (0.2, 1.0)
        sizes.append((1 if pack.valence[emotion] == "positive" else -1) * generator.uniform(low, high))
    positive, negative = sum(size for size in sizes if size > 0), -sum(size for size in sizes if size < 0)
    if not positive or not negative:
        raise ValueError("the chosen emotions need both valences")
    return [size * negative / positive if size > 0 else size for size in sizes]


def _values(activities: Sequence[Activity], generator: np.random.Generator) -> np.ndarray:
    """Nats, mean 0: the first category is liked most."""
    places = np.array([CATEGORIES.index(activity.category) for activity in activities], dtype=float)
    values = -CATEGORY_STEP * places + WITHIN_CATEGORY * generator.standard_normal(len(activities))
    return values - values.mean()


@cache
def world(name: str) -> Planted:
    """The model called `name` (one of `planted.NAMES`): our pack with all its emotions, seed 0; built once a process."""
    return plant_pack(load_pack(), **OPTIONS[name])
