"""A module in place of vLLM with the documented names, arguments and types of its offline API, and no model.

Documented in vLLM's pages `api/vllm/entrypoints/llm`, `api/vllm/sampling_params`, `api/vllm/outputs` and
`inputs.TokensPrompt`; an argument that is not there, or of another type, is an error here as it is there.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, fields
from typing import Any

# Of EngineArgs, which LLM takes as further keywords.
ENGINE_ARGUMENTS = {
    "max_model_len": int,
    "max_num_seqs": int,
    "enable_prefix_caching": bool,
    "max_num_batched_tokens": int,
}


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


def make(compose: Any) -> types.ModuleType:
    """The module; `compose(prompt_token_ids, params)` gives the generated ids. `module.engines` lists what was started."""
    module = types.ModuleType("vllm")
    engines: list[Any] = []

    class LLM:
        def __init__(
            self, model: str, *, tokenizer: str | None = None, trust_remote_code: bool = False, tensor_parallel_size: int = 1,
            dtype: str = "auto", quantization: str | None = None, revision: str | None = None, seed: int = 0,
            gpu_memory_utilization: float = 0.9, enforce_eager: bool = False, **engine: Any,
        ) -> None:  # fmt: skip
            assert isinstance(model, str) and (revision is None or isinstance(revision, str)) and isinstance(seed, int)
            assert dtype in ("auto", "half", "float16", "bfloat16", "float", "float32")
            assert 0 < gpu_memory_utilization <= 1
            for name, value in engine.items():
                assert isinstance(value, ENGINE_ARGUMENTS[name]), name
            self.arguments = {"model": model, "dtype": dtype, "revision": revision} | engine
            self.calls: list[int] = []
            engines.append(self)

        def generate(
            self, prompts: Any, sampling_params: Any = None, *, use_tqdm: bool = True, lora_request: Any = None
        ) -> list:
            assert (
                isinstance(prompts, list) and isinstance(sampling_params, list) and len(prompts) == len(sampling_params)
            )
            assert isinstance(use_tqdm, bool)
            self.calls.append(len(prompts))
            outputs = []
            for number, (prompt, params) in enumerate(zip(prompts, sampling_params, strict=True)):
                assert (
                    isinstance(prompt, dict)
                    and set(prompt) == {"prompt_token_ids"}
                    and isinstance(params, SamplingParams)
                )
                ids = prompt["prompt_token_ids"]
                assert isinstance(ids, list) and ids and all(type(token) is int for token in ids)
                if len(ids) >= self.arguments["max_model_len"]:
                    raise ValueError("The decoder prompt is longer than the maximum model length")
                made = compose(ids, params)[: params.max_tokens]
                reason = "stop" if made and made[-1] in (params.stop_token_ids or []) else "length"
                text = "" if not params.detokenize else "text"
                outputs.append(RequestOutput(str(number), ids, [CompletionOutput(0, text, made, reason)]))
            return outputs

    module.LLM, module.SamplingParams, module.engines = LLM, SamplingParams, engines  # pyright: ignore
    return module
