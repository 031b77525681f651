"""Hurt real runs at random moments and see that nothing is lost: `python tools/faults.py [--minutes 20] [--kills 50] [--seed 0]`.

A toy run is made once without harm. Then runs of the same settings, one for each core at a time, are killed (most by kill -9, some by SIGTERM and
Ctrl-C) again and again and go on, until they are finished: the results must equal those of the unharmed run, and no part that was finished may be
written again. Each kill is at a random moment of the stage that was hit least so far, so that all stages get their share. Between the kills finished
files are truncated or get a flipped bit, a second process tries to use the folder, the folder is made read-only, the disk is full (no file may grow
beyond a random size), and all files are dated years ahead, as after a clock that goes backwards. Root also gets a run on a file system that is really
full, then read-only, then has room. The last line is the tally, the exit code the verdict: it is 1 also where the time was too short for the kills
asked for. A short form is part of the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import emotion_vectors
from emotion_vectors.store.run_folder import owner

SIGNALS = {signal.SIGKILL: 4, signal.SIGTERM: 1, signal.SIGINT: 1}  # and how often each, relative to the others
VOLATILE = ("created", "timings", "command")  # parts of a record that no two runs have in common
Parts = dict[str, tuple[int, int]]
PATIENCE = 300.0  # seconds for one process
OURS = Path(emotion_vectors.__file__).parent / "stimuli" / "data" / "ours"
KILLS_OF_A_RUN = 8  # at most; some runs reach their end before


def small_pack() -> Path:
    """The package's pack with two activities of each category instead of eight, in the folder for temporary files; always at the same path."""
    kept: list[dict[str, str]] = []
    for activity in json.loads((OURS / "activities.json").read_text(encoding="utf-8")):
        if sum(one["category"] == activity["category"] for one in kept) < 2:
            kept.append(activity)
    content = {file.name: file.read_bytes() for file in sorted(OURS.glob("*.json"))}
    content["activities.json"] = json.dumps(kept).encode()
    digest = hashlib.sha256(repr(content).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"emotion-vectors-small-pack-{digest}"
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, data in content.items():
            (made / name).write_bytes(data)
        try:
            made.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(made)
    return folder


# Fewer activities and steered conditions than in the toy preset, so that more harm goes into the time; every kind of them is still there.
SMALL: dict[str, object] = {
    "stimuli": str(small_pack()),
    "steered_count": 4, "random_directions": 3, "shuffled_vectors": 3, "control_emotions": 4, "random_splits": 1, "sweep_emotions": 1,
    "sweep_strengths": [1.0], "sweep_every": 4, "resamples": 100,
}  # fmt: skip
SMALL_WORDS = tuple(word for name, value in SMALL.items() for word in ("--set", f"{name}={value}"))


def toy_command(folder: Path) -> list[str]:
    """The real command for a small toy run in a process of its own; what it computes is the same each time."""
    options = {"--preset": "toy", "--device": "cpu", "--threads": "1", "--out": str(folder)}
    words = (word for option in options.items() for word in option)
    return [sys.executable, "-m", "emotion_vectors", "run", *words, *SMALL_WORDS]


class Tally:
    """What was tried and what went wrong, in all runs."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted  # kills by kill -9
        self.tried: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()  # processes that were hit while they ran, for each stage
        self.wrong: list[str] = []
        self.lock = threading.Lock()  # one thread for each run that is hurt

    def count(self, what: str) -> None:
        """One more of this kind."""
        with self.lock:
            self.tried[what] += 1

    def fail(self, what: str) -> None:
        """Note and print what went wrong."""
        with self.lock:
            self.wrong.append(what)
            print(f"WRONG: {what}", flush=True)

    @property
    def kills(self) -> int:
        """Processes that kill -9 hit while they ran."""
        return self.tried[signal.SIGKILL.name]

    @property
    def enough(self) -> bool:
        """No more harm is needed."""
        return self.kills >= self.wanted or len(self.wrong) >= 5


class Faults:
    """What is done to one run, in a folder of its own."""

    def __init__(
        self, place: Path, seed: str, tally: Tally, usual: dict[str, object], stages: dict[str, float]
    ) -> None:
        self.place, self.random, self.tally = place, random.Random(seed), tally
        self.usual, self.stages = usual, stages  # of the unharmed run: its record, and the seconds of each stage
        self.hurt: set[str] = set()  # files that were damaged, and so may be written again

    def start(self, folder: Path, most_bytes: int | None = None) -> subprocess.Popen[str]:
        """The real command, in a process of its own; `most_bytes` is how large a file of it may get."""
        command = toy_command(folder)
        if most_bytes is not None:
            command = ["prlimit", f"--fsize={most_bytes}", *command]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, folder: Path) -> dict[str, object]:
        """Run to the end; the record without what is volatile."""
        process = self.start(folder)
        said, _ = process.communicate(timeout=PATIENCE)
        if process.returncode != 0:
            self.tally.fail(
                f"a run that nobody harmed ended with {process.returncode}: {said.strip().splitlines()[-1:]}"
            )
            return {}
        record: dict[str, object] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        return {key: value for key, value in record.items() if key not in VOLATILE} | {"doctor": None}

    def stage(self, folder: Path) -> str | None:
        """The first stage that is not done yet."""
        return next((name for name in self.stages if not (folder / "stages" / f"{name}.json").exists()), None)

    def wait_for_a_moment(self, folder: Path, process: subprocess.Popen[str]) -> None:
        """Until a random moment of the stage that was hit least of those that are to come."""
        names = list(self.stages)
        to_come = names[names.index(self.stage(folder) or names[-1]) :]
        with self.tally.lock:
            aim = min(to_come, key=lambda name: self.tally.hit[name])
        deadline = time.monotonic() + PATIENCE
        before = to_come[: to_come.index(aim)]
        while self.stage(folder) in before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(self.random.uniform(0, 1) * self.stages[aim])

    def kill(self, folder: Path) -> bool:
        """One process, killed at a random moment; whether it was still running then."""
        (how,) = self.random.choices(list(SIGNALS), list(SIGNALS.values()))
        before = finished_parts(folder)
        process = self.start(folder)
        self.wait_for_a_moment(folder, process)
        alive = process.poll() is None
        process.send_signal(how)
        said, _ = process.communicate(timeout=PATIENCE)
        if alive:
            self.tally.count(how.name)
            with self.tally.lock:
                self.tally.hit[self.stage(folder) or "the end"] += 1
            # It may have ended by itself between the look and the signal.
            if (
                how != signal.SIGKILL
                and process.returncode not in (130, 0)
                # Before the command has set its handlers, and when all is done and the interpreter takes them away.
                and not (process.returncode < 0 and ("Device" not in said or "Report: " in said))
            ):
                self.tally.fail(f"{how.name} ended with {process.returncode}: {said.strip().splitlines()[-1:]}")
            if "Traceback" in said:
                self.tally.fail(f"{how.name} gave a traceback: {said[max(0, said.index('Traceback') - 200) :][:3000]}")
        self.not_again(before, finished_parts(folder), folder)
        return alive

    def damage(self, folder: Path) -> None:
        """Truncate a finished stage's file or flip a bit in it: the next run has to notice and make it again."""
        found = [*folder.glob("*.parquet"), *folder.glob("*.safetensors"), *(folder / "parts").rglob("*.parquet")]
        found += (folder / "parts").rglob("*.safetensors")
        files = [file for file in sorted(found) if file.stat().st_size > 64 and not file.name.startswith(".")]
        if not files:
            return
        file = self.random.choice(files)
        content = bytearray(file.read_bytes())
        if self.random.random() < 0.5:
            content = content[: self.random.randrange(len(content))]
        else:
            content[self.random.randrange(len(content))] ^= 1 << self.random.randrange(8)
        file.write_bytes(content)
        self.hurt.add(str(file))
        self.tally.count("damaged files")

    def second(self, folder: Path) -> None:
        """Two processes on one folder: the second one refuses, and names the first."""
        first = self.start(folder)
        try:
            deadline = time.monotonic() + PATIENCE
            while first.poll() is None and time.monotonic() < deadline:
                lock = folder / ".lock"
                if lock.exists() and lock.read_text().strip() == str(first.pid):
                    break
                time.sleep(0.1)
            first.send_signal(signal.SIGSTOP)  # it keeps the folder and can't get done in between
            if first.poll() is None and owner(folder):  # one past its work has let go
                other = self.start(folder)
                said, _ = other.communicate(timeout=PATIENCE)
                self.tally.count("second runs")
                if other.returncode != 2 or str(first.pid) not in said:
                    self.tally.fail(f"a second run ended with {other.returncode}: {said.strip().splitlines()[-1:]}")
        finally:
            first.kill()
            first.communicate()

    def read_only(self, folder: Path) -> None:
        """A folder that can't be written is one sentence and exit code 2 (root may write everywhere, so it is left out there)."""
        if os.geteuid() == 0 or not folder.exists():
            return
        folder.chmod(0o500)
        process = self.start(folder)
        said, _ = process.communicate(timeout=PATIENCE)
        folder.chmod(0o700)
        self.tally.count("read-only folders")
        if process.returncode != 2 or "Traceback" in said:
            self.tally.fail(f"a read-only folder ended with {process.returncode}: {said.strip().splitlines()[-1:]}")

    def full_disk(self, folder: Path) -> None:
        """A file that can't be written to its end is one sentence and exit code 2, and leaves no half of it."""
        if shutil.which("prlimit") is None:
            return
        process = self.start(folder, self.random.randrange(200, 60_000))
        said, _ = process.communicate(timeout=PATIENCE)
        self.tally.count("full disks")
        self.refused(process.returncode, said, "a full disk")
        if left := [file.name for file in folder.rglob(".*.tmp")]:
            self.tally.fail(f"a full disk left {left}")

    def refused(self, code: int, said: str, what: str) -> None:
        """Exit code 2 and a sentence that says what to do; 0 where the run had nothing left to write."""
        if code == 0 and "nothing is computed again" in said:
            return
        if code != 2 or "Traceback" in said or "Can't write" not in said:
            self.tally.fail(f"{what} ended with {code}: {said.strip().splitlines()[-1:]}")

    def small_file_system(self) -> None:
        """A run on a file system of 1 MB, which fills, is then read-only, then has room: it goes on where it was."""
        place = self.place / "small"
        place.mkdir()
        if (
            os.geteuid() != 0
            or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
            ).returncode
        ):
            return
        try:
            process = self.start(place / "run")
            said, _ = process.communicate(timeout=PATIENCE)
            self.tally.count("full file systems")
            self.refused(process.returncode, said, "a full file system")
            before = finished_parts(place / "run")
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
            process = self.start(place / "run")
            said, _ = process.communicate(timeout=PATIENCE)
            self.tally.count("read-only file systems")
            self.refused(process.returncode, said, "a read-only file system")
            subprocess.run(["mount", "-o", "remount,rw,size=200m", str(place)], check=True)
            self.same(self.finish(place / "run"), "the run on a file system that was full")
            self.not_again(before, finished_parts(place / "run"), place / "run")
        finally:
            subprocess.run(["umount", str(place)], check=False)

    def clock(self, folder: Path) -> None:
        """Every file is from the future, as where a clock was set back: nothing may depend on it."""
        ahead = time.time() + self.random.uniform(1, 10) * 365 * 86400
        for file in folder.rglob("*"):
            if file.is_file():
                os.utime(file, (ahead, ahead))
        self.tally.count("clocks set back")

    def same(self, record: dict[str, object], what: str) -> None:
        """The record must be that of the unharmed run."""
        if record and record != self.usual:
            self.tally.fail(
                f"{what} differs from the unharmed one in {[k for k in record if record[k] != self.usual.get(k)]}"
            )

    def not_again(self, before: Parts, after: Parts, folder: Path) -> None:
        """No finished part may be written again, but for those that were damaged here."""
        for name, state in before.items():
            if after.get(name, state) != state and str(folder / name.removesuffix(".sha256")) not in self.hurt:
                self.tally.fail(f"the finished part {name} was written again")

    def one_run(self, deadline: float) -> None:
        """A run that is hurt several times and then goes on to its end, where it must be as the unharmed one."""
        folder = self.place / "run"
        for _ in range(KILLS_OF_A_RUN):
            if time.monotonic() > deadline or self.tally.enough or not self.kill(folder):
                break
            for harm, how_often in (
                (self.damage, 0.25),
                (self.second, 0.1),
                (self.read_only, 0.1),
                (self.full_disk, 0.25),
                (self.clock, 0.2),
            ):
                if self.random.random() < how_often:
                    harm(folder)
        record = self.finish(folder)
        self.tally.count("finished runs")
        self.same(record, self.place.name)


def finished_parts(folder: Path) -> Parts:
    """Size and time of each finished part of a stage."""
    files = [file for file in (folder / "parts").rglob("*") if file.is_file() and not file.name.startswith(".")]
    return {str(file.relative_to(folder)): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def stage_seconds(folder: Path, begun: float) -> dict[str, float]:
    """The stages of a finished run in their order, and the seconds each took; the first one's include the start of the process."""
    done = sorted((file.stat().st_mtime, file.stem) for file in (folder / "stages").glob("*.json"))
    times = [begun, *(moment for moment, _ in done)]
    return {name: max(0.0, end - start) for (end, name), start in zip(done, times[:-1], strict=True)}


def main() -> int:
    """Run after run until there were enough kills or the time is up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    deadline = time.monotonic() + 60 * asked.minutes
    tally = Tally(asked.kills)
    at_once = min(len(os.sched_getaffinity(0)), -(-asked.kills // KILLS_OF_A_RUN))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as threads:
        begun = time.time()
        unharmed = Faults(Path(folder), "", tally, {}, {})
        unharmed.usual = unharmed.finish(Path(folder) / "unharmed")
        stages = stage_seconds(Path(folder) / "unharmed", begun)
        unharmed.small_file_system()
        last_start = deadline - 4 * sum(stages.values())  # a run needs time to end in, and the cores are shared

        def runs(lane: int) -> None:
            number = 0
            while not tally.enough and time.monotonic() < last_start:
                place = Path(folder) / f"run-{lane}-{number}"
                Faults(place, f"{asked.seed} {place.name}", tally, unharmed.usual, stages).one_run(last_start)
                number += 1
                print(f"{tally.kills} kills in {tally.tried['finished runs']} runs", flush=True)

        list(threads.map(runs, range(at_once)))
    text = ", ".join(f"{what} {count}" for what, count in sorted(tally.tried.items()))
    where = ", ".join(f"{name} {count}" for name, count in tally.hit.most_common())
    short = "" if tally.kills >= asked.kills else f"; only {tally.kills} of {asked.kills} kills in the time"
    failed = bool(tally.wrong or short)
    print(f"{'FAILED' if failed else 'passed'}: {text}; hit in {where}; {len(tally.wrong)} wrong{short}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
