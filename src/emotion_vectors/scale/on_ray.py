"""The pieces of a stage on a Ray cluster: actors that each hold a model, one for each GPU or for some CPU cores.

`run --on ray` joins the cluster that $RAY_ADDRESS names or that runs on this machine, else starts one here;
`--on ray:ADDRESS` joins that one. Only the driver writes files, so the nodes share no file system; they need the package, and the
model under the same name. No more jobs are sent than there are actors. A job whose actor is lost is given to another one, and the
lost actor is started again where there is room.
"""

from __future__ import annotations

import importlib.util
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.scale.workers import Advance, Job, Work, expect

MOST_TRIES = 5  # of one job whose actors are lost
SAY_EVERY = 60.0  # seconds
START_AGAIN_AFTER = 5.0  # seconds after which a lost actor is started again


def parse_place(text: str) -> str | None:
    """The address in `ray` (None: whichever cluster is there) or `ray:ADDRESS`."""
    name, _, address = text.partition(":")
    if name != "ray" or (":" in text and not address):
        raise UserError(f"The work can't be spread over {text!a}; give --on ray or --on ray:ADDRESS.")
    return address or None


def _check_reachable(address: str | None) -> None:
    """Refuse a HOST:PORT where nothing listens: Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"Nothing answers at {address}, so there is no Ray cluster to join ({first_line(error)}); start one with `ray start --head` "
            "and give its address."
        ) from error


class _Equipped:
    """What an actor is: a kit, made where the actor runs."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make, self.kit = make, None

    def ready(self) -> None:
        # Not when the actor is made: Ray would hide the error of a model that can't be loaded.
        self.kit = self.make()

    def do(self, work: Work, payload: Any) -> list[Any]:
        return list(work(self.kit, payload, lambda _: None))

    def act(self, act: Callable[[Any], None]) -> None:
        act(self.kit)


class _Task(NamedTuple):
    """What an actor is at: a job with the number of its try, or None while it gets ready."""

    actor: Any
    job: Job | None
    trial: int = 0


class OnRay:
    """Actors on a Ray cluster; they are started with the first job and stay until `close`."""

    leads = True

    def __init__(
        self, make: Callable[[], Any], address: str | None, say: Callable[[str], None], gpus: int = 0, cpus: int = 1
    ) -> None:
        """`make` makes an actor's kit; an actor gets `gpus` GPUs and `cpus` cores. Raises `UserError` where there is no cluster."""
        if importlib.util.find_spec("ray") is None:
            raise UserError("--on ray needs a package that is not installed: pip install 'emotion-vectors[ray]'.")
        import ray  # pyright: ignore[reportMissingImports]

        self._ray, self._make, self._say = ray, make, say
        self._options = {"num_gpus": gpus, "num_cpus": cpus, "max_restarts": 0}
        self._owns = not ray.is_initialized()
        if self._owns:
            _check_reachable(address)
            try:
                ray.init(
                    address=address,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                    include_dashboard=None if address else False,
                )
            except Exception as error:  # Ray's client raises errors of many kinds for an address that is not a cluster
                raise UserError(f"Can't join the Ray cluster {address or ''}: {first_line(error)}.") from error
        self.count = self._room()
        self._idle: list[Any] = []
        self._running: dict[Any, _Task] = {}
        self._wanted: list[float] = [0.0] * self.count  # times from which an actor may be started
        say(
            f"Ray: {self.count} workers on {len(self._nodes())} nodes, each with {f'{gpus} GPU' if gpus else f'{cpus} CPU cores'}."
        )

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _room(self) -> int:
        """How many actors the cluster has room for."""
        gpus, cpus = self._options["num_gpus"], self._options["num_cpus"]
        count = sum(
            int(min(node.get("CPU", 0) // cpus, node.get("GPU", 0) // gpus if gpus else node.get("CPU", 0)))
            for node in self._nodes()
        )
        if not count:
            raise UserError(
                f"No node of the Ray cluster has {f'{gpus} GPU and ' if gpus else ''}{cpus} CPU cores for a worker; give fewer --threads."
            )
        return count

    def takes(self, number: int) -> bool:
        """Every piece: the cluster does all of them."""
        return True

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """There is nobody else to wait for."""
        expect(ready, what)

    def each(
        self, work: Work, jobs: Iterable[Job], advance: Advance = lambda _: None, model_jobs: int = 0
    ) -> Iterator[tuple[Job, Any]]:
        """Jobs go to actors as these become free, and are asked for no sooner; lost ones are done again by others."""
        coming, said, drained = iter(jobs), time.monotonic(), False
        first = next(coming, None)
        if first is None:
            return  # no actor is started for nothing
        again = [(first, 0)]
        while True:
            self._start_missing()
            while self._idle and not (drained and not again):
                job, trial = again.pop() if again else (next(coming, None), 0)
                if job is None:
                    drained = True
                    break
                actor = self._idle.pop()
                self._running[actor.do.remote(work, job.payload)] = _Task(actor, job, trial)
            if drained and not again and not any(task.job for task in self._running.values()):
                return
            if not self._running:
                time.sleep(0.2)  # all were lost a moment ago
                continue
            done, _ = self._ray.wait(list(self._running), timeout=1.0)
            for reference in done:
                task = self._running.pop(reference)
                results = self._fetch(reference, task, again)
                if results is None:
                    continue
                self._idle.append(task.actor)
                if task.job is not None:
                    advance(task.job.units)
                    yield from ((task.job, result) for result in results)
            if not done and time.monotonic() - said > SAY_EVERY and not any(t.job for t in self._running.values()):
                said = time.monotonic()
                self._say("No Ray worker is ready yet: they load the model, or wait for free resources (`ray status`).")

    def _fetch(self, reference: Any, task: _Task, again: list[tuple[Job, int]]) -> list[Any] | None:
        """The results of a task; None where its actor was lost, whose job then is done `again`."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference) or []
        except errors.RayTaskError as error:
            self._idle.append(task.actor)
            # Ray wraps what the function raised; a user's mistake stays one.
            cause = error.cause
            raise cause if isinstance(cause, UserError) else error from None
        except errors.RayError as error:
            self._say(f"A Ray worker was lost ({first_line(error)}).")
            self._wanted.append(time.monotonic() + START_AGAIN_AFTER)
            if task.job is not None:
                if task.trial + 1 >= MOST_TRIES:
                    raise UserError(
                        f"A piece of work lost its Ray worker {MOST_TRIES} times ({first_line(error)}); look at Ray's logs, then run again."
                    ) from error
                again.append((task.job, task.trial + 1))
            return None

    def _start_missing(self) -> None:
        now = time.monotonic()
        for _ in [when for when in self._wanted if when <= now]:
            actor = self._ray.remote(_Equipped).options(**self._options).remote(self._make)
            self._running[actor.ready.remote()] = _Task(actor, None)
        self._wanted = [when for when in self._wanted if when > now]

    def everywhere(self, act: Callable[[Any], None]) -> None:
        """`act(kit)` on every actor that is ready."""
        for actor in self._idle:
            try:
                self._ray.get(actor.act.remote(act))
            except self._ray.exceptions.RayActorError:
                continue  # lost: there is nothing to act on, and the next job finds out

    def close(self) -> None:
        """Stop the actors and leave the cluster; one that was started here ends."""
        for actor in [*self._idle, *(task.actor for task in self._running.values())]:
            self._ray.kill(actor)
        if self._owns:
            self._ray.shutdown()
