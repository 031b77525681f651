"""The stages of a run: what each is made from, and which settings it reads. Folder, status and plan derive from this table.

A setting that several stages read stands at each. A test watches a run and compares what was read with what is named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STORIES_PER_SHARD = 256  # fixed: a shard is a unit of resuming and must not depend on the machine
# What decides every number: the model and how it is loaded, the stimuli, and the seed.
EVERYWHERE = frozenset({"model", "dtype", "quantize", "adapter", "stimuli", "seed"})
_WRITING = frozenset(
    "min_tokens min_words repetition_penalty server_model story_format story_tokens story_tries temperature text_column top_p writer".split()
)
_CORPUS = frozenset("emotions emotions_from skip_unknown_emotions stories_from topics vectors_from".split())
_STEERED = frozenset(
    "band_layers control_emotions partners random_directions shuffled_vectors steered_count steered_emotions strength sweep_emotions "
    "sweep_every sweep_strengths".split()
)
_JUDGED = frozenset("elo_k elo_passes resamples".split())


@dataclass(frozen=True)
class Stage:
    """`needs`: stages whose files it reads; it is stale when one of these was made again with another result.

    `settings`: those that it reads beside `EVERYWHERE`. `later`: the stage came after there were finished runs, and a run that was finished
    without it stays finished. `asked_by`: the setting without which, or with 0 of which, a run has no such stage; `asked_as`: the one value of
    it that asks. `brings`: what else of a run's identity comes with the stage.
    """

    name: str
    needs: tuple[str, ...] = ()
    settings: frozenset[str] = frozenset()
    later: bool = False
    asked_by: str = ""
    asked_as: str | None = None
    brings: tuple[str, ...] = ()


STAGES = (
    Stage("doctor", (), frozenset({"layer"})),
    Stage("stories", (), _CORPUS | _WRITING | {"stories_per_topic"}),
    Stage("neutral", (), _WRITING | {"emotions_from", "neutral_from", "neutral_texts", "stories_from"}),
    Stage(
        "dialogues",
        (),
        frozenset(
            "dialogue_emotions dialogues emotions emotions_from min_words repetition_penalty server_model stories_from story_format story_tokens "
            "story_tries temperature top_p vectors_from writer".split()
        ),
        later=True,
        asked_by="dialogues",
        asked_as="write",
        brings=("settings.dialogue_emotions", "stimuli.prompts.speaker_dialogue"),
    ),
    Stage(
        "activations",
        ("stories", "neutral"),
        frozenset({"first_token", "min_tokens", "neutral_pca", "story_format", "layer"}),
    ),
    # Their reliability is measured by resampling, and their file says how they were made.
    Stage(
        "vectors", ("activations",), frozenset({"neutral_variance", "resamples", "story_format", "vectors", "writer"})
    ),
    Stage("calibration", ("neutral", "vectors"), frozenset({"neutral_pca", "story_format"})),
    Stage("jacobian", ("neutral",), frozenset({"jacobian_texts", "layer"}), later=True, asked_by="jacobian_texts"),
    Stage("readings"),
    Stage("responses", later=True),
    Stage("speakers", ("dialogues",), frozenset({"dialogues", "layer"}), later=True, asked_by="dialogues"),
    Stage("preferences"),
    # Which emotions are steered follows from their correlation with preference.
    Stage("steering", ("vectors", "readings", "preferences"), _STEERED | _JUDGED | {"neutral_variance"}),
    Stage("feels", ("vectors",), frozenset({"random_directions", "strength", "temperature", "top_p"})),
    Stage(
        "analysis",
        ("vectors", "jacobian", "readings", "responses", "speakers", "preferences", "steering", "feels"),
        _JUDGED
        | {"layer", "lens_k", "lens_norm", "random_directions", "random_splits", "strength", "temperature", "top_p"}
        | {"clusters", "geometry_components", "norms"}
        # Vectors without the words, or of the words alone, are made here as those of the run were.
        | {"first_token", "neutral_variance", "story_format"},
    ),
    Stage("report", ("analysis",)),
)
ORDER = tuple(stage.name for stage in STAGES)
NEEDS = {stage.name: stage.needs for stage in STAGES}
LATER = frozenset(stage.name for stage in STAGES if stage.later)
ASKED_BY = {stage.name: stage.asked_by for stage in STAGES if stage.asked_by}


def asks(settings: Mapping[str, object], name: str) -> bool:
    """Whether a run with these settings has the stage `name`, which only some runs have."""
    stage = STAGES[ORDER.index(name)]
    value = settings.get(stage.asked_by)
    return bool(value) if stage.asked_as is None else value == stage.asked_as


def downstream(first: set[str]) -> list[str]:
    """The stages of `first` and every stage that is made from one of them, in order."""
    reached: set[str] = set()
    for stage in STAGES:
        if stage.name in first or reached & set(stage.needs):
            reached.add(stage.name)
    return [name for name in ORDER if name in reached]


def reached_by(setting: str) -> list[str]:
    """The stages whose result another value of `setting` can change, in order."""
    if setting in EVERYWHERE:
        return list(ORDER)
    return downstream({stage.name for stage in STAGES if setting in stage.settings})
