"""A module in place of vLLM with the names, arguments and types of its offline engine, and no model.

Those of vLLM 0.32: `entrypoints/llm.py`, `sampling_params.py`, `outputs.py`, `inputs/engine.py` and
`v1/engine/llm_engine.py`; an argument that is not there, or of another type, is an error here as it is there.
"""

from __future__ import annotations

import enum
import queue
import types
from dataclasses import dataclass, fields
from typing import Any

# Of EngineArgs, which LLM takes as further keywords.
ENGINE_ARGUMENTS = {
    "max_model_len": int,
    "max_num_seqs": int,
    "enable_prefix_caching": bool,
    "enable_chunked_prefill": bool,
    "max_num_batched_tokens": int,
}


class VLLMError(Exception):
    """As in `vllm/exceptions.py`: neither it nor what is made of it is a RuntimeError or a ValueError."""


class VLLMClientError(VLLMError):
    pass


class VLLMServerError(VLLMError):
    pass


class RequestOutputKind(enum.Enum):
    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclass
class SamplingParams:
    n: int = 1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    min_tokens: int = 0
    detokenize: bool = True
    skip_special_tokens: bool = True
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE

    def __post_init__(self) -> None:
        kinds = {"float": (float, int), "int": int, "bool": bool, "int | None": (int, type(None))}
        for one in fields(self):
            if one.type in kinds:
                assert isinstance(getattr(self, one.name), kinds[str(one.type)]), one.name
        assert self.stop_token_ids is None or all(type(token) is int for token in self.stop_token_ids)
        assert 0 < self.top_p <= 1 and self.max_tokens is not None and self.max_tokens >= 1


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    finished: bool = True


class EngineCoreClient:
    """What holds the engine's processes and waits for their output."""

    def __init__(self) -> None:
        self.stopped = self.killed = False
        self.resources = types.SimpleNamespace(engine_dead=False)
        self.outputs_queue: queue.Queue[Any] = queue.Queue()

    def kill(self) -> None:
        """As when the engine's process is killed: it is seen, and whoever waits for output waits on."""
        self.killed = self.resources.engine_dead = True

    def shutdown(self, timeout: float | None = None) -> None:
        self.stopped = self.resources.engine_dead = True


class LLMEngine:
    """Writes one token of each of the first `max_num_seqs` requests in a step."""

    def __init__(self, arguments: dict[str, Any], compose: Any) -> None:
        self.arguments, self.compose = arguments, compose
        self.engine_core = EngineCoreClient()
        self.queue: list[tuple[str, list[int], SamplingParams, list[int]]] = []
        self.written: dict[str, int] = {}
        self.used: set[str] = set()
        self.most, self.steps, self.aborted = 0, 0, []

    def add_request(
        self, request_id: str, prompt: Any, params: SamplingParams, arrival_time: float | None = None
    ) -> str:
        assert isinstance(request_id, str) and request_id not in self.used and isinstance(params, SamplingParams)
        assert params.output_kind is RequestOutputKind.FINAL_ONLY  # else a step also gives unfinished outputs
        assert isinstance(prompt, dict) and set(prompt) == {"type", "prompt_token_ids"} and prompt["type"] == "token"
        ids = prompt["prompt_token_ids"]
        assert isinstance(ids, list) and ids and all(type(token) is int for token in ids)
        if len(ids) >= self.arguments["max_model_len"]:
            raise ValueError("The decoder prompt is longer than the maximum model length")
        self.used.add(request_id)
        self.queue.append((request_id, ids, params, self.compose(ids, params)[: params.max_tokens]))
        self.most = max(self.most, len(self.queue))
        return f"{request_id}-0123abcd"  # the engine's own name; outputs carry the caller's

    def has_unfinished_requests(self) -> bool:
        return bool(self.queue)

    def step(self) -> list[RequestOutput]:
        assert not self.engine_core.stopped
        if self.engine_core.killed:
            raise VLLMServerError("EngineCore encountered an issue.") from self.engine_core.outputs_queue.get(
                timeout=30
            )
        self.steps += 1
        done = []
        for request in self.queue[: self.arguments["max_num_seqs"]]:
            request_id, ids, params, made = request
            self.written[request_id] = self.written.get(request_id, 0) + 1
            if self.written[request_id] == len(made):
                reason = "stop" if made[-1] in (params.stop_token_ids or []) else "length"
                output = CompletionOutput(0, "" if not params.detokenize else "text", made, reason)
                done.append((request, RequestOutput(request_id, ids, [output])))
        for request, _ in done:
            self.queue.remove(request)
        return [output for _, output in done]

    def abort_request(self, request_ids: list[str], internal: bool = False) -> None:
        assert isinstance(request_ids, list) and not internal
        self.aborted += request_ids
        self.queue = [request for request in self.queue if request[0] not in request_ids]


def make(compose: Any) -> types.ModuleType:
    """The module; `compose(prompt_token_ids, params)` gives the generated ids. `module.engines` lists what was started."""
    module = types.ModuleType("vllm")
    engines: list[Any] = []

    class LLM:
        def __init__(
            self, model: str, *, tokenizer: str | None = None, trust_remote_code: bool = False, tensor_parallel_size: int = 1,
            dtype: str = "auto", quantization: str | None = None, revision: str | None = None, seed: int = 0,
            gpu_memory_utilization: float = 0.92, enforce_eager: bool = False, **engine: Any,
        ) -> None:  # fmt: skip
            assert isinstance(model, str) and (revision is None or isinstance(revision, str)) and isinstance(seed, int)
            assert dtype in ("auto", "half", "float16", "bfloat16", "float", "float32")
            assert 0 < gpu_memory_utilization <= 1
            for name, value in engine.items():
                assert isinstance(value, ENGINE_ARGUMENTS[name]), name
            self.arguments = {
                "model": model, "dtype": dtype, "revision": revision, "tensor_parallel_size": tensor_parallel_size,
                "gpu_memory_utilization": gpu_memory_utilization,
            } | engine  # fmt: skip
            self.llm_engine = LLMEngine(self.arguments, compose)
            engines.append(self)

    module.LLM, module.SamplingParams, module.engines = LLM, SamplingParams, engines  # pyright: ignore
    return module
