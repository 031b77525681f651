"""The command `emotion-vectors`. Each verb is one file here and one call; there is no logic in them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from emotion_vectors import __version__
from emotion_vectors.cli.bench import bench
from emotion_vectors.cli.comparing import compare, screen
from emotion_vectors.cli.doctor import doctor
from emotion_vectors.cli.examples import shown
from emotion_vectors.cli.explore import explore
from emotion_vectors.cli.export import export
from emotion_vectors.cli.import_ import import_
from emotion_vectors.cli.lists import show_settings, verify
from emotion_vectors.cli.natural import examples
from emotion_vectors.cli.options import STOPPED
from emotion_vectors.cli.read import read
from emotion_vectors.cli.report import report
from emotion_vectors.cli.run import run
from emotion_vectors.cli.steer import steer
from emotion_vectors.cli.upkeep import clean, plan, status
from emotion_vectors.cli.vectors import vectors
from emotion_vectors.cli.verb import Verb
from emotion_vectors.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Does a language model represent emotions, can they be read, and do they drive what it does?",
)
stimuli_app = typer.Typer(no_args_is_help=True, help="Look at stimulus packs.")


def _add(name: str, verb: Callable[..., None], to: typer.Typer = app) -> None:
    to.command(name=name, cls=Verb, epilog=shown(name))(verb)


# A line for each verb, in the order of the help.
_add("run", run)
_add("doctor", doctor)
_add("bench", bench)
_add("report", report)
_add("compare", compare)
_add("screen", screen)
_add("plan", plan)
_add("status", status)
_add("clean", clean)
_add("vectors", vectors)
_add("read", read)
_add("examples", examples)
_add("steer", steer)
_add("export", export)
_add("import", import_)
_add("explore", explore)
_add("settings", show_settings)
app.add_typer(stimuli_app, name="stimuli")
_add("verify", verify, stimuli_app)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Does a language model represent emotions, can they be read, and do they drive what it does?"""


class _Stopped:
    """Whether somebody asked to stop. The exception alone may be lost: libraries that are just being loaded turn it into others."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, *_: object) -> None:
        self.asked = True
        raise KeyboardInterrupt

    def unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """In place of `sys.unraisablehook`: Python drops what is raised while an object is taken away, so the stop is asked for again."""
        if self.asked and isinstance(lost.exc_value, KeyboardInterrupt):
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            sys.__unraisablehook__(lost)


def main() -> None:
    """Entry point: a user's mistake is one sentence and exit code 2; SIGTERM ends as Ctrl-C does, with 130."""
    stopped = _Stopped()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopped)
    sys.unraisablehook = stopped.unraisable
    try:
        app()
    except UserError as error:
        Console(stderr=True, highlight=False).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
    except (KeyboardInterrupt, Exception):
        if not stopped.asked:
            raise
        Console(stderr=True).print(STOPPED)
        sys.exit(130)
    finally:
        # All is done: a signal ends what is left, without the traceback of an interpreter that is going away.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
