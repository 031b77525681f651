"""Pieces of work shared among processes of this machine, one thread each, for models on a CPU.

Two processes of one thread read 1.36 times as fast as one process of two threads (SmolLM2 in bfloat16 on two cores): the matrices of a
batch are small, and what lies between them (norms, attention, copies) hardly gains from a second thread. The processes are forked
where they are needed, so they share the loaded model's memory, and are gone when the work is done.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from emotion_vectors.errors import UserError

DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux
BUSY = 0.8  # share of the processes' time that must be at work, were the jobs equal: else the gain is lost at the end


class _Said(NamedTuple):
    """What a process says about a job: progress, a result, that it is done, or the error that ended it."""

    kind: str
    value: Any


class _Process(NamedTuple):
    process: Any
    pipe: Connection


def processes_for(jobs: int, device: str, threads: int) -> int:
    """How many processes share `jobs` pieces of work on a device kind: one for each thread, or 1 where forking does not pay."""
    # A fork can't use a GPU of its parent, and only Linux lets a process with threads fork safely as long as the child has one.
    if (
        device != "cpu"
        or not sys.platform.startswith("linux")
        or jobs < 2
        or jobs < BUSY * threads * -(-jobs // threads)
    ):
        return 1
    return threads


def share(
    work: Callable[[Any, Any, Callable[[float], None]], Iterable[Any]],
    kit: Any,
    jobs: Iterable[Any],
    processes: int,
    advance: Callable[[float], None],
) -> Iterator[tuple[Any, Any]]:
    """`work(kit, job.payload, advance)` on every job, each by the next free one of some forks; yields (job, result) as they come.

    What an error says in a fork is raised here. A fork that is lost (killed for memory) is a `UserError`.
    """
    team = _fork(processes, work, kit)  # before the first job is asked for: whoever makes it may start threads
    try:
        coming, at_work = iter(jobs), {}
        for member in team:
            if (job := next(coming, None)) is not None:
                member.pipe.send(job.payload)
                at_work[member.pipe] = job
        while at_work:
            for pipe in wait(list(at_work)):
                assert isinstance(pipe, Connection)
                said, job = _heard(pipe), at_work[pipe]
                if said.kind == "progress":
                    advance(said.value)
                elif said.kind == "result":
                    yield job, said.value
                elif said.kind == "error":
                    raise said.value
                elif (following := next(coming, None)) is None:
                    del at_work[pipe]
                else:
                    pipe.send(following.payload)
                    at_work[pipe] = following
    finally:
        for member in team:
            member.pipe.close()
            member.process.kill()
        for member in team:
            member.process.join()


def _heard(pipe: Connection) -> _Said:
    try:
        return pipe.recv()
    except (EOFError, OSError) as error:
        raise UserError(
            "A worker process ended without a message (out of memory?); run again with fewer --threads."
        ) from error


def _fork(count: int, work: Callable[..., Iterable[Any]], kit: Any) -> list[_Process]:
    context, team, ours = multiprocessing.get_context("fork"), [], []
    for _ in range(count):
        here, there = context.Pipe()
        ours.append(here)
        process = context.Process(target=_member, args=(there, tuple(ours), work, kit, os.getpid()), daemon=True)
        with warnings.catch_warnings():
            # Python warns of forks beside threads: these take no lock of another thread, and have one thread each.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        there.close()
        team.append(_Process(process, here))
    return team


def _member(
    pipe: Connection, of_the_parent: tuple[Connection, ...], work: Callable[..., Iterable[Any]], kit: Any, parent: int
) -> None:
    """A fork's life: jobs in, results out, until the parent closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        return
    for end in of_the_parent:
        end.close()
    import torch

    torch.set_num_threads(1)
    while True:
        try:
            payload = pipe.recv()
        except EOFError:
            return
        try:
            for result in work(kit, payload, lambda units: pipe.send(_Said("progress", units))):
                pipe.send(_Said("result", result))
            pipe.send(_Said("done", None))
        except BrokenPipeError:
            return
        except Exception as error:  # whatever it is, the parent raises it
            pipe.send(_Said("error", error))
