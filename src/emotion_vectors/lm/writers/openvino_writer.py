"""Write with openvino-genai's continuous batching, which reads a GGUF file itself: the fastest writer on a CPU.

Token ids go in and token ids come out, so that prompts and texts are the same as with any other writer: no second
BOS, no second chat template, and the text is decoded by the model's own tokenizer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.lm.gguf_header import SHARD
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
from emotion_vectors.lm.writers.readable_gguf import readable_gguf

# Architectures that openvino-genai's GGUF reader knows.
ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
# Requests waiting inside the engine, in batches: enough that a free slot is filled at once.
QUEUED_BATCHES = 2
# Tokens in one block of the engine's key-value cache on a CPU; only whole blocks are shared.
KEYS_PER_BLOCK = 32
# A number that no request of a call has.
NO_REQUEST = 2**32


def is_installed() -> bool:
    """Whether openvino-genai can be imported."""
    return find_spec("openvino_genai") is not None and find_spec("openvino") is not None


def can_read(gguf: Path | None, config: Mapping[str, Any]) -> bool:
    """Whether the model is in a GGUF file that openvino-genai computes as the file says: an architecture it knows, one part, an unscaled rotation."""
    rotation = (config.get("rope_parameters") or {}).get("rope_type", "default")
    known = config.get("model_type") in ARCHITECTURES and rotation == "default"
    return gguf is not None and known and SHARD.match(gguf.name) is None


class OpenVINOWriter(Engine):
    """Writes a GGUF model's texts with openvino-genai on the CPU; each call loads the model anew."""

    def __init__(
        self,
        lm: Any,
        stories_per_batch: int = 256,
        say: Callable[[str], None] | None = None,
        cache: Path | None = None,
        cache_gigabytes: int = 0,
    ) -> None:
        """`lm` has `.gguf`, `.model` and `.tokenizer`.

        stories_per_batch: most texts written at once. cache: folder of a Q8_0 copy where the file needs one (see
        readable_gguf). cache_gigabytes: size of the key-value cache; 0 lets it grow as needed.
        """
        if not is_installed():
            raise UserError(
                "The openvino writer needs a package: pip install openvino-genai, or use writer=transformers."
            )
        if not can_read(lm.gguf, lm.model.config.to_dict()):
            raise UserError(
                "The openvino writer reads GGUF files of the llama and qwen families only, in one part and without scaled rotations; use writer=transformers."
            )
        if stories_per_batch < 1:
            raise UserError(f"stories_per_batch is {stories_per_batch}; it must be 1 or more.")
        self.name = f"openvino-genai {version('openvino-genai')}"
        self.batch = stories_per_batch
        self._lm, self._cache, self._gigabytes = lm, cache, cache_gigabytes
        self._say = say or (lambda sentence: None)
        self._ends = end_tokens(lm)
        # Half of an engine's start is reading the tokenizer, which has no state.
        self._tokenizer: Any = None
        self._path: Path | None = None  # of the file that the engine reads

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """Yield one `Written` per request as they get done; requests start in the order given.

        Seeds are per request; on about 3 % of the texts float noise of another batch composition changes a draw. Every
        call starts a new engine: one that has read other prompts reads these in other pieces, which changes float noise
        too, and a resumed run would then differ from an uninterrupted one.
        """
        refuse_empty_prompts(requests)
        if not requests:
            return
        begun = time.perf_counter()
        if self._path is None:
            path = readable_gguf(self._lm.gguf, self._cache, self._say)
            self._tokenizer, self._path = load_tokenizer(path), path
        pipeline = start_pipeline(self._path, self._tokenizer, self.batch, self._gigabytes)
        self.start_seconds += time.perf_counter() - begun
        self._read_prefix(pipeline, common_prefix(requests))
        waiting = iter(enumerate(requests))
        running: dict[int, tuple[Request, Any]] = {}
        exhausted = False
        while running or not exhausted:
            while not exhausted and len(running) < QUEUED_BATCHES * self.batch:
                index, request = next(waiting, (-1, None))
                if request is None:
                    exhausted = True
                else:
                    running[index] = (request, self._add(pipeline, index, request, sampling))
            if running:
                pipeline.step()
                yield from self._finished(running)

    def _add(self, pipeline: Any, index: int, request: Request, sampling: Sampling) -> Any:
        import openvino

        ids = openvino.Tensor(np.array([request.prompt_ids], dtype=np.int64))
        return pipeline.add_request(index, ids, generation_config(request.seed, sampling, self._ends))

    def _read_prefix(self, pipeline: Any, shared: tuple[int, ...]) -> None:
        """Have the tokens that all prompts begin with read once; the engine then finds them in its prefix cache.

        Prompts that are added together can't find each other's: none of them has been read by then.
        """
        if shared:
            # The engine drops a request whose handle is gone.
            handle = self._add(pipeline, NO_REQUEST, Request("", shared, 0), Sampling(temperature=0, max_new_tokens=1))
            while pipeline.has_non_finished_requests():
                pipeline.step()
            handle.read_all()

    def _finished(self, running: dict[int, tuple[Request, Any]]) -> Iterator[Written]:
        from openvino_genai import GenerationStatus

        for index in [i for i, (_, handle) in running.items() if handle.get_status() != GenerationStatus.RUNNING]:
            request, handle = running.pop(index)
            if handle.get_status() != GenerationStatus.FINISHED:
                raise UserError(
                    f"openvino-genai gave up on a text ({handle.get_status()}), most likely for lack of memory; "
                    "use a smaller --stories-per-batch or writer=transformers."
                )
            tokens = [int(token) for token in handle.read_all()[0].generated_ids]
            ended = bool(tokens) and tokens[-1] in self._ends
            tokens = tokens[:-1] if ended else tokens
            yield Written(request.key, read_text(self._lm, tokens), len(tokens), ended)


def common_prefix(requests: Sequence[Request]) -> tuple[int, ...]:
    """The token ids that all prompts begin with, in whole blocks of the engine's cache."""
    # Whatever lies between the first and the last in order begins as both do.
    first, last = (pick(request.prompt_ids for request in requests) for pick in (min, max))
    different = (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    same = next(different, min(len(first), len(last)))
    return first[: same // KEYS_PER_BLOCK * KEYS_PER_BLOCK]


def load_tokenizer(path: Path) -> Any:
    """The engine's own tokenizer of a GGUF file, which several engines can share."""
    from openvino_genai import Tokenizer

    try:
        return Tokenizer(str(path))
    except RuntimeError as error:
        raise _refusal(path, error) from error


def start_pipeline(path: Path, tokenizer: Any, batch: int, gigabytes: int = 0) -> Any:
    """The engine for a file of `readable_gguf` and its `load_tokenizer`, with at most `batch` texts at once; see `OpenVINOWriter` for the rest."""
    from openvino_genai import ContinuousBatchingPipeline, SchedulerConfig

    scheduler = SchedulerConfig()
    scheduler.cache_size = gigabytes
    scheduler.max_num_seqs = batch
    scheduler.max_num_batched_tokens = 2048
    scheduler.enable_prefix_caching = True
    try:
        # 16-bit keys and values: faster here than the 8-bit default, and no rounding of its own.
        return ContinuousBatchingPipeline(str(path), tokenizer, scheduler, "CPU", KV_CACHE_PRECISION="f16")
    except RuntimeError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: RuntimeError) -> UserError:
    reason = str(error).strip().splitlines()[-1]
    return UserError(f"openvino-genai can't load {path.name}: {reason}; use writer=transformers.")


def generation_config(seed: int, sampling: Sampling, ends: Collection[int]) -> Any:
    """The engine's own settings for one text; `ends` are the tokens that end it."""
    from openvino_genai import GenerationConfig

    config = GenerationConfig()
    config.apply_chat_template = False
    config.max_new_tokens = sampling.max_new_tokens
    config.rng_seed = seed
    config.stop_token_ids = set(ends)
    config.set_eos_token_id(min(ends))
    config.repetition_penalty = sampling.repetition_penalty
    config.presence_penalty = sampling.presence_penalty
    config.do_sample = sampling.temperature > 0
    if config.do_sample:
        config.temperature = sampling.temperature
        config.top_p = sampling.top_p
    return config


def _is_best(model: ModelFacts) -> bool:
    reads = can_read(model.gguf, model.config) and not model.is_changed
    return reads and model.device == "cpu" and is_installed()


KIND = WriterKind(
    make=lambda lm, options: OpenVINOWriter(lm, options.stories_per_batch, options.say, options.cache),
    is_best=_is_best,
    reads_files=True,
    bytes_per_weight=34 / 32,  # blocks of 32 weights in 34 bytes (Q8_0)
)
