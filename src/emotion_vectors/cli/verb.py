"""The class of every verb: a text or a file name may begin with a dash, as in `steer RUN "-5 degrees outside."`.

A parser of options takes whatever begins with a dash for one. Ours all have the form `--words-with-dashes`, so what has another form is meant
as it stands. Texts that look like an option (`--help`) go after `--`, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

# Of one letter too, so that -h is an unknown option and not a text.
OPTION = re.compile(r"(--[a-zA-Z][\w-]*|-[a-zA-Z])(=.*)?", re.DOTALL)


class Verb(TyperCommand):
    """A command whose arguments may begin with a dash."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As every command does, after the arguments have been told from the options."""
        values = {
            name: 0 if getattr(one, "is_flag", False) else one.nargs
            for one in self.params
            if one.param_type_name == "option"
            for name in (*one.opts, *one.secondary_opts)
        }
        return super().parse_args(ctx, arguments_last(args, values))


def arguments_last(words: Sequence[str], values: Mapping[str, int]) -> list[str]:
    """`words` with the arguments after `--` if one of them begins with a dash; `values` says how many values each option takes."""
    options: list[str] = []
    arguments: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        if word == "--":
            arguments += words[place + 1 :]
            break
        if not OPTION.fullmatch(word):
            arguments.append(word)
            place += 1
            continue
        end = place + 1 + (0 if "=" in word else values.get(word, 0))
        if end > len(words):
            return [*options, word]  # the last option lacks its value: that is what there is to say
        options += words[place:end]
        place = end
    # A single dash is the standard input.
    if not any(word.startswith("-") and word != "-" for word in arguments):
        return list(words)
    return [*options, "--", *arguments]
