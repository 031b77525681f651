"""Every command shows examples, and each of them parses."""

import shlex

import typer

from emotion_vectors.cli import app
from emotion_vectors.cli.examples import EXAMPLES


def _commands(command, words=()):
    inner = getattr(command, "commands", None)
    return (
        {words: command}
        if inner is None
        else {k: v for name, one in inner.items() for k, v in _commands(one, (*words, name)).items()}
    )


def test_every_command_shows_examples_and_each_of_them_parses():
    root = typer.main.get_command(app)
    commands = _commands(root)
    assert {words[-1] for words in commands} == set(EXAMPLES)
    for words, command in commands.items():
        for example in EXAMPLES[words[-1]]:
            given = shlex.split(example)
            assert given[: len(words) + 1] == ["emotion-vectors", *words]
            assert command.make_context(words[-1], given[len(words) + 1 :]).params
            assert example in command.epilog
