"""The pieces of a stage, and this process as the one that does them: alone, or as shard i of n of them.

A piece of work is a pure function of a kit (a loaded model and what comes with it) and of plain data, and its borders depend on
the plan alone. So who does it, and beside how many others, changes no result on the same kind of device and dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from emotion_vectors.scale.forks import share
from emotion_vectors.scale.shards import Shards

Advance = Callable[[float], None]
Kit = TypeVar("Kit")
Payload = TypeVar("Payload")
Result = TypeVar("Result")
Work = Callable[[Any, Payload, Advance], Iterator[Result]]
"""(kit, payload, advance) -> results as they get done, one or several; a function of a module, so that it can be sent."""


class Job(NamedTuple):
    """Data for one call of some work; `units` is how much it is, for the progress."""

    payload: Any
    units: float = 0.0


class Workers(Protocol):
    """Whoever does the pieces of a stage."""

    count: int  # how many work at the same time
    leads: bool  # whether this process also does what is between the pieces, and finishes the stages

    def takes(self, number: int) -> bool:
        """Whether piece `number` (its place among all pieces of its stage, from 0) is this process's to get done."""
        ...

    def each(
        self, work: Work, jobs: Iterable[Job], advance: Advance = ..., model_jobs: int = ...
    ) -> Iterator[tuple[Job, Any]]:
        """Do `work` on every job; yields each job with each of its results, in whatever order they get done.

        `model_jobs`: how many jobs there are, for work that only computes with the model, which may go to forks of a process.
        """
        ...

    def everywhere(self, act: Callable[[Any], None]) -> None:
        """`act(kit)` on the kit of every worker that has one by now."""
        ...

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Come back once `ready()`; only a shard has anything to wait for. `what` is said to the user meanwhile."""
        ...

    def close(self) -> None:
        """Let go of the workers."""
        ...


def expect(ready: Callable[[], bool], what: str) -> None:
    """`wait` of workers beside whom nobody works on the run: what is not there now never comes."""
    if not ready():
        raise RuntimeError(f"{what} is missing, and nobody else works on this run")


class InProcess:
    """This process with one kit, alone or as one of several `shards`."""

    def __init__(self, kit: Any, shards: Shards | None = None) -> None:
        self.kit, self._shards = kit, shards
        self.count = 1
        self.leads = shards is None or shards.index == 1

    def takes(self, number: int) -> bool:
        """Every piece, or every n-th one of n shards."""
        return self._shards is None or number % self._shards.count == self._shards.index - 1

    def each(
        self, work: Work, jobs: Iterable[Job], advance: Advance = lambda _: None, model_jobs: int = 0
    ) -> Iterator[tuple[Job, Any]]:
        """One job after the other; a job is not asked for before the last one is done. Work of the model alone goes to forks."""
        processes = self.kit.processes(model_jobs) if model_jobs else 1
        if processes > 1:
            yield from share(work, self.kit, jobs, processes, advance)
            return
        for job in jobs:
            for result in work(self.kit, job.payload, advance):
                yield job, result

    def everywhere(self, act: Callable[[Any], None]) -> None:
        """`act(kit)`."""
        act(self.kit)

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Look again and again until the other shards have done it; `UserError` where one of them failed."""
        if self._shards is not None:
            self._shards.wait(ready, what)
        else:
            expect(ready, what)

    def close(self) -> None:
        """Nothing to let go of."""
