"""Computations that need nothing of each other, at the same time: each in a fork of this process, where forks pay.

A fork sees all that this process had when it began, so a task is a plain closure; only its result goes from process to process.
A task must not use polars: its threads are not there in a fork, which waits for them for ever. Tables are read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from emotion_vectors.scale.forks import share
from emotion_vectors.scale.workers import Advance, Job

T = TypeVar("T")


class Later(Generic[T]):
    """What a task will have computed once `Together.run` is through; `units` is how much it is, for the progress."""

    def __init__(self, task: Callable[[], T], units: float):
        self.task, self.units = task, units
        self._found: list[T] = []

    def __call__(self) -> T:
        """The result; `IndexError` before it is there."""
        return self._found[0]

    def keep(self, found: T) -> None:
        """Take the result."""
        self._found = [found]


class Together:
    """Tasks in the order in which they should begin: the longest first, so that the processes end at about the same time."""

    def __init__(self) -> None:
        self._tasks: list[Later[Any]] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def later(self, task: Callable[[], T], units: float = 1) -> Later[T]:
        """Have `task` done by `run`; it changes nothing outside itself."""
        self._tasks.append(Later(task, units))
        return self._tasks[-1]

    def run(self, processes: Callable[[int], int], advance: Advance = lambda _: None) -> None:
        """Do all tasks, in `processes(number of tasks)` forks or, where that is 1, here; `advance` gets the units of each."""
        tasks, self._tasks = self._tasks, []
        jobs, count = [Job(place, task.units) for place, task in enumerate(tasks)], processes(len(tasks))
        here = ((one, next(_do(tasks, one.payload))) for one in jobs)
        for job, result in share(_do, tasks, jobs, count, lambda _: None) if count > 1 else here:
            tasks[job.payload].keep(result)
            advance(job.units)


def _do(tasks: list[Later[Any]], place: int, advance: Advance = lambda _: None) -> Iterator[Any]:
    # One thread for numpy's and scipy's matrices, in a fork and here: the sums are the same then, and forks don't wait for each other.
    with threadpool_limits(1, user_api="blas"):
        found = tasks[place].task()
    yield found
