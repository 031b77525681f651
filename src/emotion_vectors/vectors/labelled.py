"""Texts with labels, checked before any model is loaded: what vectors of one's own concepts are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from emotion_vectors.errors import UserError

FEWEST = 2  # labels, and texts of each
LONGEST_NAME = 100


class Labelled(NamedTuple):
    """Texts with their labels, and their topics where they have some. `names` are the labels in the order of the vectors."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    groups: tuple[str, ...] | None
    repeated: int = 0  # texts that were left out because their label had them already


def labelled(rows: Iterable[tuple[str, object, object, object]]) -> Labelled:
    """Check rows of place ("row 3"), label, text and topic ("" or None: none), and put them together.

    Raises `UserError` for a label or a text that is empty or not a text, a text under two labels, fewer than two labels, a label
    with fewer than two different texts, and topics of some texts only.
    """
    labels: list[str] = []
    texts: list[str] = []
    groups: list[str] = []
    seen: dict[str, str] = {}
    repeated = 0
    for place, label, text, group in rows:
        name, words = check_name(label, place), _words(text, place)
        if (known := seen.setdefault(words, name)) != name:
            raise UserError(f"The text of {place} has two labels, '{known}' and '{name}'; keep one of them.")
        if len(seen) == len(texts):
            repeated += 1
            continue
        labels.append(name)
        texts.append(words)
        groups.append(str(group or "").strip())
    _enough(labels)
    without = groups.count("")
    if 0 < without < len(groups):
        raise UserError(
            f"{without} of {len(groups)} texts have no topic; give each text one, or leave the topics out altogether."
        )
    names = tuple(dict.fromkeys(labels))
    return Labelled(names, tuple(labels), tuple(texts), tuple(groups) if not without else None, repeated)


def from_mapping(texts: Mapping[str, Sequence[str]], groups: Mapping[str, Sequence[str]] | None = None) -> Labelled:
    """`labelled` for texts by label, with topics by label in the same order."""
    if not isinstance(texts, Mapping) or any(isinstance(some, str) for some in texts.values()):
        raise UserError('Give the texts of every label as a list: {"pirate": ["...", "..."], "plain": ["...", "..."]}.')
    if groups is not None and [len(groups.get(name, ())) for name in texts] != [len(some) for some in texts.values()]:
        raise UserError("The groups don't match the texts; give one for each text, under the same labels.")
    rows = [
        (f"text {number + 1} of '{name}'", name, text, None if groups is None else groups[name][number])
        for name, some in texts.items()
        for number, text in enumerate(some)
    ]
    return labelled(rows)


def check_name(label: object, place: str) -> str:
    """A label as the name of a vector; one that commands can't take is a `UserError`."""
    if not isinstance(label, str) or not label.strip():
        raise UserError(f"The label of {place} is empty or not a text; name what the text shows.")
    name = label.strip()
    if len(name) > LONGEST_NAME or not name.isprintable() or {",", "="} & set(name):
        raise UserError(
            f"'{name[:40]!a}', the label of {place}, can't be a name; write up to {LONGEST_NAME} characters without commas and =."
        )
    return name


def _words(text: object, place: str) -> str:
    if not isinstance(text, str):
        raise UserError(f"The text of {place} is not a text but {type(text).__name__}; write it as a string.")
    if not text.strip():
        raise UserError(f"The text of {place} is empty; write it or remove the row.")
    return text


def _enough(labels: Sequence[str]) -> None:
    counts = Counter(labels)
    if len(counts) < FEWEST:
        only = f"only one label, '{next(iter(counts))}'" if counts else "no texts"
        raise UserError(
            f"There {'is' if counts else 'are'} {only}; a vector is what sets one label apart from the others, so give two or more."
        )
    few = [name for name, count in counts.items() if count < FEWEST]
    if few:
        raise UserError(
            f"The label '{few[0]}' has one text{f', and so have {len(few) - 1} more' if few[1:] else ''}; give {FEWEST} or more "
            "different texts for each label (20 make a good start)."
        )
