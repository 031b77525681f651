"""Write docs/settings.md, docs/cli.md, docs/models.md, docs/api.md and the fields in docs/record.md from the code: `python docs/generate.py`.

A test keeps them in step.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

import emotion_vectors
from emotion_vectors.cli import app
from emotion_vectors.cli.examples import EXAMPLES
from emotion_vectors.record import Record
from emotion_vectors.record.base import Part
from emotion_vectors.report.topic import parts_of
from emotion_vectors.settings import PRESETS, Settings
from emotion_vectors.topics import TOPICS

FOLDER = Path(__file__).parent
HEAD = "<!-- Written by docs/generate.py from the code: change it there, not here. -->"
FIELDS = ("<!-- Fields, written by docs/generate.py from the types of the record. -->", "<!-- End of the fields. -->")
# What the types of record/base.py and of the experiments check, by the name of the check.
RANGES = {
    "_correlation": "number from -1 to 1", "_share": "number from 0 to 1", "_count": "number ≥ 0", "_rank": "number ≥ 1",
    "_ordered": "two numbers, in order", "_consistency": "number from -3 to 1", "_divergence": "number ≥ 0",
}  # fmt: skip
PLAIN = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "`true` or `false`",
    NoneType: "null",
    Any: "any value",
}


def settings_page() -> str:
    """The page of all settings: default, range and meaning of each, and where the presets differ."""
    properties = Settings.model_json_schema()["properties"]
    rows = [
        (f"`{name}`", f"`{shown(field['default'])}`", allowed(field), field["description"])
        for name, field in properties.items()
    ]
    presets = {name: make() for name, make in PRESETS.items()}
    differing = [
        (f"`{name}`", *(f"`{shown(getattr(preset, name))}`" for preset in presets.values()))
        for name in properties
        if len({shown(getattr(preset, name)) for preset in presets.values()}) > 1
    ]
    return "\n".join([
        "# Settings", "", HEAD, "",
        "Settings are what changes the answer of a run. They are frozen when it starts, kept in its record, and hashed into",
        "its fingerprint; a run folder made with other settings is refused. Start from a preset and change single ones with",
        "`--set NAME=VALUE`. `--model`, `--stimuli` and `--layer` are short for the settings of those names. `auto` is",
        "replaced by what it means on the machine before anything runs, and recorded so.", "",
        *table(("setting", "default (`demo`)", "allowed", "meaning"), rows), "",
        "## Presets", "", "The settings in which the presets differ:", "",
        *table(("setting", *(f"`{name}`" for name in presets)), differing), "",
        "## What is no setting", "",
        "Device, batch sizes and threads do not change results beyond float tolerance; they are options of",
        "[`emotion-vectors run`](cli.md) (`Runtime` in Python). Weights are cached in `$EMOTION_VECTORS_CACHE`, or else in",
        "`~/.cache/emotion-vectors`.", "",
    ])  # fmt: skip


def commands_page() -> str:
    """The page of all commands with their arguments and options."""
    root = typer.main.get_command(app)
    lines = ["# Commands", "", HEAD, "", "`emotion-vectors --version` prints the version; `--help` works everywhere."]
    lines += ["A mistake of yours is answered with one sentence and exit code 2, Ctrl-C with exit code 130."]
    lines += [
        'A text or a file name may begin with a dash (`steer RUN "-5 degrees outside."`); one that looks like an option goes after `--`.',
        "",
    ]
    for words, command in verbs(root, ("emotion-vectors",)):
        arguments = " ".join(p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument")
        lines += [f"## {' '.join(words)}", "", command.help, "", "```", f"{' '.join(words)} {arguments}".strip()]
        lines[-1] += " [OPTIONS]" if any(p.param_type_name == "option" for p in command.params) else ""
        rows = [(f"`{title(p)}`", default(p), p.help or "") for p in command.params]
        lines += ["```", "", *table(("", "default", "meaning"), rows), ""]
        lines += ["```", *EXAMPLES[words[-1]], "```", ""]
    return "\n".join(lines)


def models_page() -> str:
    """The page of model families, from the table that the tests hold against plain transformers."""
    families = runpy.run_path(str(FOLDER.parent / "tests" / "families.py"))["FAMILIES"]
    pins = (FOLDER.parent / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in pins if line.startswith(("transformers==", "torch==")))
    works = {"packed": "works", "row by row": "works, one prompt per row", "refused": "refused"}
    rows = [(one.name, f"`{one.model_type}`", works[one.how], one.note) for one in families]
    working = sum(one.how != "refused" for one in families)
    return "\n".join([
        "# Model families", "", HEAD, "",
        f"{working} families are read, steered and asked by the tests as tiny random models, saved and loaded as a user does it, and",
        "compared with plain forward passes, hooks and `generate` of transformers: the output of every block with padding on either side and",
        "packed, means over spans, choices between A and B plain and steered, and steering in `generate`. Everything agrees within 1e-4 in float32.",
        f"transformers {versions['transformers']}, PyTorch {versions['torch'].partition('+')[0]}. Any other model is used if its decoder blocks and its final norm can be found for",
        "certain and our passes give its own logits when it is loaded; if not, it is refused in a sentence that says why.", "",
        "- **works**: prompts that share their beginning are one packed tree, read at once with an attention mask.",
        "- **works, one prompt per row**: some of its layers don't obey an attention mask (recurrent layers, convolutions, ALiBi), so every",
        "  prompt is a row of a batch: the same numbers, more slowly. This is tried once per model; the self-check `packed` and the marker of",
        "  the stage `preferences` in the run folder say so. Texts are packed or padded by a trial of their own.",
        "- **refused**: when it is loaded, before anything is computed.", "",
        "A model with images is read and steered by its text part; give it text. Large models of a family differ from tiny ones in their",
        "numbers, not in what is computed, and every run begins with the [self-checks](doctor.md) on the very model.", "",
        *table(("family", "`model_type`", "", "remark"), rows), "",
    ])  # fmt: skip


def library_page() -> str:
    """The page from which the site makes the signatures of all public names."""
    entries = [f"::: emotion_vectors.{name}\n" for name in emotion_vectors.__all__]
    return "\n".join([
        "# Signatures", "", HEAD, "",
        "Everything here is public: `from emotion_vectors import ...`. [The library's page](library.md) shows how it is used.", "", *entries,
    ])  # fmt: skip


def verbs(command: Any, words: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(words, command)]
    return [found for name, one in inner.items() for found in verbs(one, (*words, name))]


def title(parameter: Any) -> str:
    """An option with its value's name, or an argument's name."""
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper()
    flag = getattr(parameter, "is_flag", False)
    return ", ".join(parameter.opts) + ("" if flag or not parameter.metavar else f" {parameter.metavar}")


def default(parameter: Any) -> str:
    """The default of a parameter as text: `required` where it has to be given."""
    if parameter.required:
        return "required"
    return "" if parameter.default in (None, False, ()) else f"`{parameter.default}`"


def shown(value: Any) -> str:
    """A value as it is written after `--set NAME=`."""
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def record_page() -> str:
    """The page of the record: what is written by hand, and between two marks every field of every part."""
    head, _, rest = (FOLDER / "record.md").read_text(encoding="utf-8").partition(FIELDS[0])
    tail = rest.partition(FIELDS[1])[2]
    return "\n".join([head + FIELDS[0], "", *fields_of_record(), FIELDS[1]]) + tail


def fields_of_record() -> list[str]:
    """A section for each part of the record: its sentence, and a table of its fields."""
    places: dict[type[Part], str] = {}
    parts = [("record", Record), *((f"experiments.{key}", kind) for key, kind in parts_of(TOPICS).items())]
    for place, kind in parts:
        find_places(kind, place, places)
    lines = []
    for kind, place in places.items():
        rows = [
            (f"`{field.alias or name}`", type_words(field.rebuild_annotation(), places) + ("" if field.is_required() else "; may be missing"),
             field.description or "")
            for name, field in kind.model_fields.items()
        ]  # fmt: skip
        sentence = " ".join((kind.__doc__ or "").split())
        lines += [
            f"### {place}",
            "",
            *([sentence, ""] if sentence else []),
            *table(("key", "type", "meaning"), rows),
            "",
        ]
    return lines


def find_places(kind: type[Part], place: str, places: dict[type[Part], str]) -> None:
    """Where each part stands first in the record, as keys with dots; a part before those inside it."""
    if kind in places:
        return
    places[kind] = place
    for name, field in kind.model_fields.items():
        for inner in parts_in(field.rebuild_annotation()):
            find_places(inner, name if kind is Record else f"{place}.{name}", places)


def parts_in(annotation: Any) -> Iterator[type[Part]]:
    """The parts that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from parts_in(inner)


def type_words(annotation: Any, places: dict[type[Part], str]) -> str:
    """A field's type in words; a part is a link to its section."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation in places:
        return f"[{places[annotation]}](#{places[annotation].replace('.', '').lower()})"
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Annotated:
        checks = (getattr(getattr(check, "func", None), "__name__", "") for check in inside[1:])
        limits = [RANGES[name] for name in checks if name in RANGES]
        bounds = [
            f"{sign} {getattr(check, key)}"
            for check in inside[1:]
            for key, sign in (("ge", "≥"), ("le", "≤"))
            if hasattr(check, key)
        ]
        return limits[0] if limits else " ".join([type_words(inside[0], places), *bounds])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inside)
    if origin in (Union, UnionType):
        # `int | float` keeps a whole number whole: both are a number.
        kept = [one for one in inside if not (one is int and float in inside)]
        return " or ".join(type_words(one, places) for one in kept)
    if origin is list:
        return f"list of {type_words(inside[0], places)}"
    if origin is dict:
        return f"by name: {type_words(inside[1], places)}"
    raise TypeError(f"The type {annotation} of the record has no words yet; add them to docs/generate.py.")


def allowed(field: dict[str, Any]) -> str:
    """The range of a setting, from its JSON schema."""
    if "anyOf" in field:
        return " or ".join(allowed(part) for part in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = {"integer": "whole number", "number": "number", "boolean": "`true`, `false`", "null": "`none`"}
    limits = [
        f"{sign} {shown(field[key])}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in field
    ]
    words = "list of numbers" if field["type"] == "array" else kind.get(field["type"], "text")
    return ", ".join([words, *limits])


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of a Markdown table."""
    return [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
        for row in (head, ("---",) * len(head), *rows)
    ]


PAGES = {
    "settings.md": settings_page, "cli.md": commands_page, "models.md": models_page, "api.md": library_page, "record.md": record_page,
}  # fmt: skip

if __name__ == "__main__":
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
        print(f"{name} written")
