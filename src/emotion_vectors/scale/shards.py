"""Several processes on one run folder, each as shard i of n: `run --shard i/n`, as in an array of Slurm jobs.

Shard 1 leads: it does the steps between the pieces and finishes the stages. The others do every n-th piece of the stages that
are cut into pieces and wait for the leader in between. They only meet in the folder, which has to be on a shared file system:

.shards/count      how many shards the leader works with
.shards/i.started  made when shard i began
.shards/i.failed   why shard i stopped, so that the others don't wait for it
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store import atomic

FOLDER = ".shards"
LOOK_EVERY = 1.0  # seconds
SAY_EVERY = 60.0  # seconds


def parse_shard(text: str) -> tuple[int, int]:
    """`"2/8"` as (2, 8): shard 2 of 8, counted from 1."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= count:
        raise UserError(f"There is no shard {text!a}; give i/n with i from 1 to n, as in --shard 2/8.")
    return index, count


class Shards:
    """One shard's view of the others. `say` gets a line now and then while it waits."""

    def __init__(self, folder: Path, index: int, count: int, say: Callable[[str], None]) -> None:
        self.index, self.count = index, count
        self._run, self._place, self._say = folder, folder / FOLDER, say
        self._started = 0.0

    def await_beginning(self) -> None:
        """Wait until shard 1 works on the folder with as many shards."""
        self._look(self._led, f"shard 1/{self.count} to begin with {self._run}", lambda: None)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While this shard works on the run, whose folder it has opened: a failure is noted for the others."""
        failed = self._place / f"{self.index}.failed"
        failed.unlink(missing_ok=True)
        mark = self._place / f"{self.index}.started"
        atomic.write_text(mark, "")
        # By the clock of the file system: the machines' own may differ.
        self._started = mark.stat().st_mtime
        if self.index == 1:
            atomic.write_text(self._place / "count", f"{self.count}\n")
        try:
            yield
        except Exception as error:
            # Not for a signal: a shard that the scheduler takes away comes back, and the others may wait for it.
            atomic.write_text(failed, first_line(error))
            raise

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Look until `ready()`; `UserError` where another shard failed after this one began."""
        self._look(ready, what, self._refuse_failed)

    def _look(self, ready: Callable[[], bool], what: str, check: Callable[[], None]) -> None:
        said = time.monotonic()
        while not ready():
            check()
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                self._say(f"Shard {self.index} of {self.count} waits for {what}.")
            time.sleep(LOOK_EVERY)

    def _refuse_failed(self) -> None:
        for note in sorted(self._place.glob("*.failed")):
            if note.stat().st_mtime >= self._started:
                raise UserError(
                    f"Shard {note.stem} of {self.count} stopped ({note.read_text(encoding='utf-8')}); fix that and "
                    "start all shards again; they resume."
                )

    def _led(self) -> bool:
        count = self._place / "count"
        started = count.is_file() and (self._run / "run.json").is_file()
        return started and count.read_text(encoding="utf-8").strip() == str(self.count)
