"""Settings that somebody gave and that change nothing beside the others: one line for each reason, before anything is loaded.

A table for all of them. What a preset sets itself is not asked about, nor a setting that has the preset's value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from emotion_vectors.corpus import shipped
from emotion_vectors.corpus.checking import is_written
from emotion_vectors.settings import Settings


class Idle(NamedTuple):
    """Settings that change nothing where `holds`; why, and what to do, are the ends of a sentence with the run's settings filled in."""

    names: tuple[str, ...]
    holds: Callable[[Settings], bool]
    why: str
    todo: str


def _from_elsewhere(name: str | None) -> bool:
    return name is not None and name != shipped.NAME


WRITTEN = "--set stories_from=none to have the stories written"
IDLE = (
    Idle(
        ("writer", "story_tokens", "story_tries", "repetition_penalty"),
        lambda settings: not is_written(settings),
        "nothing is written: the stories are those of '{stories_from}' and the neutral texts those of '{neutral_from}'",
        WRITTEN,
    ),
    Idle(
        ("stories_per_topic",),
        lambda settings: settings.stories_from is not None,
        "the stories are not written but those of '{stories_from}'",
        WRITTEN,
    ),
    Idle(
        ("topics",),
        lambda settings: _from_elsewhere(settings.stories_from),
        "all stories of '{stories_from}' are read",
        WRITTEN,
    ),
    Idle(
        ("neutral_texts",),
        lambda settings: _from_elsewhere(settings.neutral_from),
        "all neutral texts of '{neutral_from}' are read",
        "--set neutral_from=none to have them written",
    ),
    Idle(
        ("dialogue_emotions",),
        lambda settings: settings.dialogues != "write",
        "no dialogues are written",
        "--set dialogues=write",
    ),
    Idle(
        ("steered_count",),
        lambda settings: settings.steered_emotions == "all",
        "all emotions are steered",
        "--set steered_emotions=spread",
    ),
    Idle(
        ("sweep_strengths", "sweep_every"),
        lambda settings: settings.sweep_emotions == 0,
        "no emotion is in the sweeps",
        "--set sweep_emotions=2",
    ),
)


def without_effect(settings: Settings, preset: Settings, given: Collection[str]) -> Iterator[str]:
    """A sentence for each reason why some of the settings called `given` change nothing in a run of `settings`, begun from `preset`."""
    values = settings.model_dump()
    for idle in IDLE:
        names = [name for name in idle.names if name in given and values[name] != getattr(preset, name)]
        if names and idle.holds(settings):
            shown = ", ".join(f"{name}={_shown(values[name])}" for name in names)
            has = "settings {} have" if len(names) > 1 else "setting {} has"
            yield f"The {has.format(shown)} no effect: {idle.why.format(**values)}; add {idle.todo}."


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
