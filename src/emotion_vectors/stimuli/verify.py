"""Which lists of a pack equal the published ones, which differ, and what is malformed or missing.

Comparison is by the SHA-256 of the canonical form (`parsing.canonical_hash`), so none of the published text is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import lists
from emotion_vectors.stimuli.items import Scenario
from emotion_vectors.stimuli.pack import OPTIONAL, Pack, check_head, check_optional, find_folder
from emotion_vectors.stimuli.parsing import (
    MissingFileError,
    Place,
    canonical_hash,
    expect_object,
    expect_texts,
    file_place,
    read_list_file,
)
from emotion_vectors.stimuli.published import PUBLISHED_ITEMS, PUBLISHED_SHA256, published_items_among


@dataclass(frozen=True)
class ListCheck:
    """What was found out about one list.

    status: "equal" or "differs" (against the published list), "malformed" or "missing". count: items of the list, 0
    where it couldn't be read. sha256: hash of its canonical form, "" where it couldn't be read. message: one sentence.
    """

    name: str
    status: str
    count: int
    sha256: str
    message: str


def verify_pack(folder: str | os.PathLike[str]) -> list[ListCheck]:
    """One check for each published list (each prompt counts as a list), then one for each other faulty file.

    pack.json and the lists that the paper doesn't publish have nothing to be compared with: they appear only when they
    are malformed (or, for pack.json, missing). Raises `UserError` where `folder` is not a folder.
    """
    root = find_folder(folder)
    emotions, checks = _check_emotions(root)
    checks += [
        _check_list(root, "topics", expect_texts, lambda topic: topic),
        _check_list(root, "activities", lists.parse_activities, lambda activity: activity.text),
        _check_list(
            root,
            "scenarios",
            lambda value, place: lists.parse_scenarios(value, place, emotions),
            lambda scenario: scenario.prompt,
        ),
        _check_list(root, "numeric_templates", lists.parse_numeric_templates, lambda template: template.template),
        *_check_prompts(root),
    ]
    return checks + _faults_elsewhere(root, emotions)


def equal_to_published(pack: Pack) -> tuple[str, ...]:
    """Names of the lists of a loaded pack that equal the published ones, in a fixed order."""
    return tuple(name for name, sha256 in PUBLISHED_SHA256.items() if pack.sha256.get(name) == sha256)


def _check_emotions(root: Traversable) -> tuple[tuple[str, ...] | None, list[ListCheck]]:
    check = _check_list(root, "emotions", lists.parse_emotions, lambda emotion: emotion)
    if check.status in ("malformed", "missing"):
        return None, [check]
    return tuple(read_list_file(root, "emotions")), [check]


def _check_list(
    root: Traversable, name: str, parse: Callable[[Any, Place], Sequence[Any]], text_of: Callable[[Any], str]
) -> ListCheck:
    try:
        raw = read_list_file(root, name)
        items = parse(raw, file_place(root, name))
    except UserError as error:
        return _fault(name, error)
    return _compare(name, raw, [text_of(item) for item in items])


def _check_prompts(root: Traversable) -> list[ListCheck]:
    """One check for each prompt; a fault of the whole file is reported for each of them."""
    checks = []
    for key in lists.PROMPT_KEYS:
        name = f"prompts.{key}"
        try:
            place = file_place(root, "prompts")
            fields = expect_object(read_list_file(root, "prompts"), place)
            if key not in fields:
                raise MissingFileError(f"{place.file}: the key '{key}' is missing; add it.")
            text = lists.parse_prompt(key, fields[key], place.key(key))
        except UserError as error:
            checks.append(_fault(name, error))
        else:
            checks.append(_compare(name, text, [text]))
    return checks


def _compare(name: str, raw: Any, texts: Sequence[str]) -> ListCheck:
    sha256 = canonical_hash(raw)
    if sha256 == PUBLISHED_SHA256[name]:
        return ListCheck(name, "equal", len(texts), sha256, "equals the published one.")
    if name not in PUBLISHED_ITEMS:
        return ListCheck(name, "differs", len(texts), sha256, "is not the published text.")
    shared = published_items_among(name, texts)
    published = len(PUBLISHED_ITEMS[name])
    message = f"{shared} of its {len(texts)} items have a published text, of which there are {published}"
    if shared == len(texts) == published:
        message += "; the order, the spelling in detail or another field differs"
    return ListCheck(name, "differs", len(texts), sha256, f"{message}.")


def _fault(name: str, error: UserError) -> ListCheck:
    status = "missing" if isinstance(error, MissingFileError) else "malformed"
    return ListCheck(name, status, 0, "", str(error))


def _faults_elsewhere(root: Traversable, emotions: tuple[str, ...] | None) -> list[ListCheck]:
    checks = []
    try:
        check_head(root)
    except UserError as error:
        checks.append(_fault("pack", error))
    scenarios = _scenarios_where_sound(root, emotions)
    for name in OPTIONAL:
        # Without the emotions nobody can tell whether a word of the other lists is one of them.
        if emotions is None:
            continue
        try:
            check_optional(root, name, emotions, scenarios)
        except MissingFileError:
            continue  # ours stands in for it, which load_pack records
        except UserError as error:
            checks.append(_fault(name, error))
    return checks


def _scenarios_where_sound(root: Traversable, emotions: tuple[str, ...] | None) -> tuple[Scenario, ...]:
    """The scenarios that held-out ones must not repeat; none where the file is faulty, which has its own check."""
    try:
        return lists.parse_scenarios(read_list_file(root, "scenarios"), file_place(root, "scenarios"), emotions)
    except UserError:
        return ()
