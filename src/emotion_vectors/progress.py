"""Progress of long stages: done of all, rate, time left. Prints to stderr; quiet when told to be."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

WORTH_A_RATE = 0.5  # of the time between two lines: a rate over less says nothing about the time left


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        speed = f"  {task.speed:,.1f}/s" if task.speed else ""
        return Text(f"{task.completed:,.0f}/{task.total or 0:,.0f} {unit}{speed}")


@dataclass
class Stage:
    """A stage in progress: call `advance(units)` as work gets done; `units` and `seconds` are its record."""

    name: str
    unit: str
    units: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    _advance: object = None

    def advance(self, units: float = 1.0) -> None:
        """Add finished units (tokens, prompts, texts)."""
        self.units += units
        if callable(self._advance):
            self._advance(units)

    @property
    def seconds(self) -> float:
        """Seconds since the stage began."""
        return time.perf_counter() - self.started


class Reporter:
    """Shows stages on the terminal (a bar) or, where there is none, as a line every `every` seconds."""

    def __init__(self, quiet: bool = False, every: float = 15.0) -> None:
        self.quiet = quiet
        self.every = every
        self.console = Console(stderr=True, quiet=quiet, highlight=False)

    def say(self, sentence: str) -> None:
        """Print one line for the user."""
        self.console.print(sentence, markup=False)

    @contextmanager
    def stage(self, name: str, total: float, unit: str, done: float = 0.0) -> Iterator[Stage]:
        """Show a stage of `total` units, of which `done` were finished by an earlier run."""
        stage = Stage(name, unit)
        if self.quiet:
            yield stage
        elif sys.stderr.isatty():
            with Progress(
                TextColumn("{task.description}"), BarColumn(), _RateColumn(), TimeElapsedColumn(),
                TextColumn("left"), TimeRemainingColumn(), console=self.console,
            ) as bar:  # fmt: skip
                task = bar.add_task(name, total=total, completed=int(done), unit=unit)
                stage._advance = lambda units: bar.update(task, advance=units)
                yield stage
        else:
            stage._advance = _line_printer(self, stage, total, done)
            yield stage
            self.say(f"{name}: {done + stage.units:,.0f} {unit} in {stage.seconds:,.0f} s")


def _line_printer(reporter: Reporter, stage: Stage, total: float, done: float):
    """Lines every `reporter.every` seconds. The first units come late, with what starts up, so the rate begins after them."""
    last = time.perf_counter()
    first: tuple[float, float] | None = None

    def advance(_: float) -> None:
        nonlocal last, first
        now = time.perf_counter()
        if first is None:
            first = (now, stage.units)
        if now - last < reporter.every:
            return
        last = now
        seconds, units = now - first[0], stage.units - first[1]
        line = f"{stage.name}: {done + stage.units:,.0f} of {total:,.0f} {stage.unit}"
        if seconds >= WORTH_A_RATE * reporter.every and units > 0:
            line += f", {units / seconds:,.1f}/s, {(total - done - stage.units) * seconds / units:,.0f} s left"
        reporter.say(line)

    return advance
