"""Time and peak memory of a job at 1, 4 and 16 times the work, each in a process of its own so that peaks don't carry over.

`python -m emotion_vectors.bench.growth REQUEST` does one size and prints a line of JSON; `growth` starts these processes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch

from emotion_vectors.bench import jobs, samples, shape
from emotion_vectors.bench.samples import Case
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.lm import choices
from emotion_vectors.lm.model import Located
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime, Settings
from emotion_vectors.stages.activations import pool_stories
from emotion_vectors.stages.steering import ROLES, VECTORS_PER_PART
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import open_run
from emotion_vectors.store.schema import JsonObject

TIMES = (1, 4, 16)
STORIES, VECTORS = 48, VECTORS_PER_PART  # at 1x: about one full batch of tokens, and one part
ACTIVITIES = 6  # all ordered pairs of them are asked under steering
GROWING = ("extraction", "steering")


class Grown(NamedTuple):
    """One size: amount of work, its unit, seconds of the work alone, and the process's peak memory in bytes.

    `loaded_bytes` is the peak when the model had been loaded and nothing else had happened.
    """

    amount: int
    unit: str
    seconds: float
    peak_bytes: int
    loaded_bytes: int
    accelerator_peak_bytes: int | None


def growth(
    settings: Settings, runtime: Runtime, job: str, reporter: Reporter, times: tuple[int, ...] = TIMES
) -> list[JsonObject]:
    """The record of `job` at each multiple: {"times", "amount", "unit", "seconds", "peak_bytes", ...}."""
    found = []
    with reporter.stage(f"Growth of {job}", sum(times), "times the work") as stage:
        for multiple in times:
            request = {
                "job": job, "times": multiple, "settings": settings.model_dump(mode="json"), "device": runtime.device,
                "tokens_per_batch": runtime.tokens_per_batch, "threads": torch.get_num_threads(),
                "cache": None if runtime.cache is None else str(runtime.cache),
            }  # fmt: skip
            found.append({"times": multiple} | _in_own_process(request))
            stage.advance(multiple)
    return found


def _in_own_process(request: JsonObject) -> JsonObject:
    command = [sys.executable, "-m", "emotion_vectors.bench.growth", json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1].rstrip(".")
        raise UserError(
            f"Measuring {request['job']} at {request['times']}x the work failed: {last}; leave growth out with --quick."
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(request: JsonObject) -> Grown:
    """One job at one size in this process."""
    torch.set_num_threads(request["threads"])
    settings = Settings(**request["settings"])
    cache = None if request["cache"] is None else Path(request["cache"])
    runtime = Runtime(request["device"], request["tokens_per_batch"], quiet=True, cache=cache)
    lm = shape.load(settings, runtime)
    case = Case(lm, load_pack(settings.stimuli), settings, runtime, samples.QUICK, Reporter(quiet=True))
    loaded = peak_bytes()
    if lm.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(lm.device)
    with tempfile.TemporaryDirectory() as folder:
        work = {"extraction": _extract, "steering": _steer}[request["job"]]
        amount, unit, seconds = work(case, request["times"], Path(folder))
    own = torch.cuda.max_memory_allocated(lm.device) if lm.device.type == "cuda" else None
    return Grown(amount, unit, seconds, peak_bytes(), loaded, own)


def peak_bytes() -> int:
    """Peak resident memory of this process."""
    # Linux hands the starting process's peak on to ru_maxrss of the process it starts; VmHWM is this program's alone.
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="utf-8").splitlines() if status.exists() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in kilobytes


def _extract(case: Case, times: int, folder: Path) -> tuple[int, str, float]:
    """The run's own stage over a table of stories."""
    count, settings = STORIES * times, case.settings
    # As many emotions at every size: the sums grow with emotions and layers, and what is asked is whether they do with stories.
    emotions = case.pack.subset[: min(settings.emotions, STORIES)]
    texts = [
        str(case.lm.tokenizer.decode(list(ids[first - settings.first_token : last])))
        for ids, (first, last) in samples.each_text(case, count)
    ]
    table = pl.DataFrame({
        "emotion": [emotions[i % len(emotions)] for i in range(count)], "topic": "", "slot": range(count), "text": texts,
        "tokens": [len(text.split()) for text in texts], "kept": True,
    })  # fmt: skip
    present = [emotion for emotion in case.pack.emotions if emotion in set(table["emotion"])]
    atomic.write_parquet(folder / "run" / "stories.parquet", table)
    atomic.write_parquet(folder / "run" / "neutral.parquet", table.head(3).select("text", "tokens", "kept"))
    atomic.write_json(folder / "run" / "run.json", {})
    located = Located(case.lm.gguf, case.lm.source, case.lm.sha256, case.lm.revision, case.lm.adapter)
    with open_run(folder / "run", {}) as run:
        lab = Lab(
            settings=settings, runtime=case.runtime, pack=case.pack, located=located, reporter=case.reporter, run=run,
            fingerprint="",
        )  # fmt: skip
        # Set by hand: the loaded model, and the emotions that have a story here.
        lab.__dict__.update(lm=case.lm, emotions=tuple(present))
        begun = time.perf_counter()
        pool_stories(lab)
        return count, "stories", time.perf_counter() - begun


def _steer(case: Case, times: int, folder: Path) -> tuple[int, str, float]:
    """Parts of vectors, each written to a file, as the run's stage does; the table that it makes of them is left out."""
    texts, options = case.pack.prompts, samples.activities(case.pack, ACTIVITIES)
    prepared = choices.prepare(case.lm, texts.preference, texts.preference_prefill, options)
    vectors = jobs.steering_vectors(case, prepared, VECTORS * times)
    begun = time.perf_counter()
    baseline = choices.read_baseline(case.lm, prepared, case.layer)
    for index, rows in enumerate(vectors.split(VECTORS_PER_PART)):
        tensors = {}
        for role in ROLES["own"]:
            found = choices.read_steered(
                case.lm, prepared, baseline, {case.layer: rows}, role, case.runtime.tokens_per_batch
            )
            tensors |= {f"{role}.{name}": values for name, values in found._asdict().items()}
        atomic.write_tensors(folder / f"{index:05d}.safetensors", tensors)
    return len(vectors), "vectors", time.perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))._asdict()))
