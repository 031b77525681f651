"""Computations that need nothing of each other, at the same time: each in a fork of this process, where forks pay.

A fork sees all that this process had when it began, so a task is a plain closure; only its result goes from process to process.
A task must not use polars: its threads are not there in a fork, which waits for them for ever. Tables are read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from emotion_vectors.scale.forks import share
from emotion_vectors.scale.workers import Advance, Job

T = TypeVar("T")


class Later(Generic[T]):
    """What a task will have computed once `Together.run` is through."""

    def __init__(self, task: Callable[[], T]):
        self.task = task
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

    def later(self, task: Callable[[], T]) -> Later[T]:
        """Have `task` done by `run`; it changes nothing outside itself."""
        self._tasks.append(Later(task))
        return self._tasks[-1]

    def run(self, processes: Callable[[int], int], advance: Advance = lambda _: None) -> None:
        """Do all tasks, in `processes(number of tasks)` forks or, where that is 1, here; `advance(1)` after each."""
        tasks, self._tasks = self._tasks, []
        count = processes(len(tasks))
        if count > 1:
            jobs = (Job(place, 1) for place in range(len(tasks)))
            found = ((tasks[job.payload], result) for job, result in share(_do, tasks, jobs, count, lambda _: None))
        else:
            found = ((task, task.task()) for task in tasks)
        for task, result in found:
            task.keep(result)
            advance(1)


def _do(tasks: list[Later[Any]], place: int, advance: Advance) -> Iterator[Any]:
    yield tasks[place].task()
