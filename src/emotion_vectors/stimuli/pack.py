"""A stimulus pack: a folder of plain JSON files, read whole and checked strictly.

`load_pack()` gives ours; `load_pack(folder)` gives another, from a path or an address. Lists that a folder may lack (`OPTIONAL`) come from ours
and are named in `Pack.supplied`; nothing else is ever filled in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import lists
from emotion_vectors.stimuli.items import Activity, NumericTemplate, Prompts, Scenario, TwinnedTemplate
from emotion_vectors.stimuli.parsing import (
    MissingFileError,
    Place,
    canonical_hash,
    expect_object,
    expect_text,
    expect_texts,
    file_place,
    plain_text,
    read_list_file,
)
from emotion_vectors.store.remote import folder_at

OURS = "ours"
REQUIRED = ("pack", "emotions", "topics", "activities", "scenarios", "numeric_templates", "prompts")
OPTIONAL = (
    "valence",
    "opposite_pairs",
    "steered_emotions",
    "subset",
    "synonyms",
    "neutral_questions",
    "heldout_scenarios",
    "retrieval_scenarios",
    "more_opposite_pairs",
    "more_numeric_templates",
)


@dataclass(frozen=True)
class Pack:
    """All stimuli of a run. The lists keep the order of their files; docs/stimuli.md says what each is for.

    valence: "positive" or "negative"; an emotion may lack one. valence_ambiguous: words on which judges could differ.
    steered_emotions: in order of priority, so that the first k are a balanced choice. subset: all emotions, so ordered
    that the first n cover the range. more_opposite_pairs: a word at most twice. synonyms: words that name an emotion besides its own forms; empty where none are
    known. neutral_questions: empty where the neutral prompt works from topics. heldout_scenarios: none of them is in
    `scenarios`, an emotion may have several. retrieval_scenarios: at most one for each emotion. sha256: canonical hash of each list;
    each prompt on its own, as "prompts.story". supplied: the lists that the folder lacks and that come from ours.
    """

    name: str
    version: str
    source: str
    emotions: tuple[str, ...]
    topics: tuple[str, ...]
    activities: tuple[Activity, ...]
    scenarios: tuple[Scenario, ...]
    heldout_scenarios: tuple[Scenario, ...]
    retrieval_scenarios: tuple[Scenario, ...]
    numeric_templates: tuple[NumericTemplate, ...]
    prompts: Prompts
    neutral_questions: tuple[str, ...]
    valence: dict[str, str]
    valence_ambiguous: frozenset[str]
    opposite_pairs: tuple[tuple[str, str], ...]
    more_opposite_pairs: tuple[tuple[str, str], ...]
    more_numeric_templates: tuple[TwinnedTemplate, ...]
    steered_emotions: tuple[str, ...]
    subset: tuple[str, ...]
    synonyms: dict[str, tuple[str, ...]]
    sha256: dict[str, str]
    supplied: tuple[str, ...]


def load_pack(source: str | os.PathLike[str] = OURS) -> Pack:
    """The stimuli called `source`: "ours", which ships with the package, or the path or address of a folder.

    Raises `UserError` naming the file and the place for anything missing, malformed, repeated or inconsistent.
    """
    folder = find_folder(source)
    raw = {name: read_list_file(folder, name) for name in REQUIRED}
    place = {name: file_place(folder, name) for name in REQUIRED}
    name, version, origin = check_head(folder)
    emotions = lists.parse_emotions(raw["emotions"], place["emotions"])
    prompts = lists.parse_prompts(raw["prompts"], place["prompts"], _our_list("prompts")[lists.DIALOGUE_KEY])
    scenarios = lists.parse_scenarios(raw["scenarios"], place["scenarios"], emotions)
    optional = _read_optional(folder, prompts, emotions, scenarios)
    valence, ambiguous = optional.values["valence"]
    return Pack(
        name=name,
        version=version,
        source=origin,
        emotions=emotions,
        topics=expect_texts(raw["topics"], place["topics"]),
        activities=lists.parse_activities(raw["activities"], place["activities"]),
        scenarios=scenarios,
        heldout_scenarios=optional.values["heldout_scenarios"],
        retrieval_scenarios=optional.values["retrieval_scenarios"],
        numeric_templates=lists.parse_numeric_templates(raw["numeric_templates"], place["numeric_templates"]),
        prompts=prompts,
        neutral_questions=optional.values["neutral_questions"],
        valence=valence,
        valence_ambiguous=ambiguous,
        opposite_pairs=optional.values["opposite_pairs"],
        more_opposite_pairs=optional.values["more_opposite_pairs"],
        more_numeric_templates=optional.values["more_numeric_templates"],
        steered_emotions=optional.values["steered_emotions"],
        subset=optional.values["subset"],
        synonyms=optional.values["synonyms"],
        sha256=_hashes(raw) | optional.sha256,  # last: only what has been checked has a canonical form for certain
        supplied=optional.supplied,
    )


def _hashes(raw: dict[str, Any]) -> dict[str, str]:
    whole = {name: canonical_hash(raw[name]) for name in REQUIRED if name not in ("pack", "prompts")}
    return whole | {f"prompts.{key}": canonical_hash(raw["prompts"][key]) for key in lists.PROMPT_KEYS}


def find_folder(source: str | os.PathLike[str]) -> Traversable:
    """The folder of the pack called `source`; refuses what is not a folder."""
    if source == OURS:
        return resources.files("emotion_vectors.stimuli").joinpath("data", "ours")
    path = folder_at(source)
    try:
        is_folder = str(source) != "" and path.is_dir()
    except (OSError, ValueError):  # a name that no file system accepts
        is_folder = False
    if not is_folder:
        raise UserError(
            f"The stimulus pack {str(source)!a} is not a folder; give '{OURS}' or the path or address of a folder with emotions.json."
        )
    return path


def check_head(folder: Traversable) -> tuple[str, str, str]:
    """Name, version and source of the pack, from pack.json; further keys there are left alone."""
    place = file_place(folder, "pack")
    head = expect_object(read_list_file(folder, "pack"), place, ("name", "version", "source"))
    name, version, source = (expect_text(head[key], place.key(key)) for key in ("name", "version", "source"))
    return name, version, source


def check_optional(
    folder: Traversable, name: str, emotions: Sequence[str], scenarios: Sequence[Scenario]
) -> tuple[Any, Any]:
    """The list `name` of a folder: as JSON and parsed; `MissingFileError` where the folder lacks it.

    `emotions` and `scenarios` are those of the same pack, which the list has to fit.
    """
    raw = read_list_file(folder, name)
    place = file_place(folder, name)
    value = _PARSERS[name](raw, place, emotions)
    if name == "heldout_scenarios":
        lists.expect_other_prompts(value, scenarios, place)
    return raw, value


@dataclass(frozen=True)
class _Optional:
    """The lists that a pack may lack: parsed values and hashes by name, and which of them come from ours."""

    values: dict[str, Any]
    sha256: dict[str, str]
    supplied: tuple[str, ...]


# How each optional list is read, and how ours is cut down to the emotions of another pack.
_PARSERS: dict[str, Callable[[Any, Place, Sequence[str]], Any]] = {
    "valence": lists.parse_valence,
    "opposite_pairs": lists.parse_opposite_pairs,
    "more_opposite_pairs": lists.parse_more_opposite_pairs,
    "more_numeric_templates": lambda value, place, emotions: lists.parse_twinned_templates(value, place),
    "steered_emotions": lists.parse_emotion_list,
    "subset": lists.parse_subset,
    "synonyms": lists.parse_synonyms,
    "neutral_questions": lambda value, place, emotions: expect_texts(value, place),
    "heldout_scenarios": lists.parse_heldout_scenarios,
    "retrieval_scenarios": lists.parse_scenarios,
}


def _read_optional(
    folder: Traversable, prompts: Prompts, emotions: tuple[str, ...], scenarios: tuple[Scenario, ...]
) -> _Optional:
    values: dict[str, Any] = {}
    hashes: dict[str, str] = {}
    supplied = []
    for name in OPTIONAL:
        if name == "neutral_questions" and not prompts.neutral_from_questions:
            values[name] = ()
            continue
        try:
            raw, values[name] = check_optional(folder, name, emotions, scenarios)
        except MissingFileError:
            place = file_place(folder, name)
            raw = _supply(name, emotions, scenarios)
            values[name] = _PARSERS[name](raw, place, emotions)
            supplied.append(name)
        hashes[name] = canonical_hash(raw)
    return _Optional(values, hashes, tuple(supplied))


@cache
def _our_list(name: str) -> Any:
    return read_list_file(find_folder(OURS), name)


def _supply(name: str, emotions: tuple[str, ...], scenarios: tuple[Scenario, ...]) -> Any:
    """Our list `name` as raw JSON, restricted to what fits a pack; nothing may be left of it."""
    ours = _our_list(name)
    known = frozenset(emotions)
    if name in ("neutral_questions", "more_numeric_templates"):
        return ours
    if name == "valence":
        return {key: {e: text for e, text in part.items() if e in known} for key, part in ours.items()}
    if name == "synonyms":
        return {emotion: words for emotion, words in ours.items() if emotion in known}
    if name == "subset":
        # Words that ours doesn't know come last, in the pack's own order.
        shared = [emotion for emotion in ours if emotion in known]
        return shared + [emotion for emotion in emotions if emotion not in set(shared)]
    if name == "heldout_scenarios":
        # A pack may use one of these as a scenario of its own; then it isn't held out any more.
        used = {plain_text(scenario.prompt) for scenario in scenarios}
        return [item for item in ours if item["emotion"] in known and plain_text(item["prompt"]) not in used]
    if name == "retrieval_scenarios":
        return [item for item in ours if item["emotion"] in known]
    if name in ("opposite_pairs", "more_opposite_pairs"):
        return [pair for pair in ours if known.issuperset(pair)]
    return [emotion for emotion in ours if emotion in known]
