"""The command line in this process: starting Python with torch anew for each call takes seconds."""

import sys
from typing import NamedTuple

import pytest


class Done(NamedTuple):
    """What a call came to, under the names of `subprocess.run`."""

    returncode: int
    stdout: str
    stderr: str


class Caller:
    """`call("run", "--preset", "toy", COLUMNS="200")` is what the command gives for these words in this environment."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *words, **environment):
        from emotion_vectors import cli  # not where xdist's controller, which runs no test, would load it

        self.capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["emotion-vectors", *map(str, words)])
            for name, value in ({"COLUMNS": "200"} | environment).items():
                patch.setenv(name, str(value))
            with pytest.raises(SystemExit) as left:
                cli.main()
        said = self.capsys.readouterr()
        return Done(left.value.code or 0, said.out, said.err)
