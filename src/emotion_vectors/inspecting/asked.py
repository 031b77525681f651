"""What an Inspect user asks for: the provider's `-M` arguments, and the generation settings that this package's writer can honour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from inspect_ai.model import GenerateConfig

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.vectors.named import parse_names, parse_numbers

ARGUMENTS = (
    "vectors", "steer", "control", "emotions", "layers", "tokens", "quantize", "adapter", "device", "batch_size",
)  # fmt: skip
# What `asked_sampling` and the provider do, and what Inspect does itself around a call or what changes nothing about a text drawn here.
HONOURED = frozenset("max_tokens temperature top_p presence_penalty stop_seqs seed num_choices".split())
AROUND = frozenset(
    "max_retries timeout attempt_timeout stream_idle_timeout max_connections adaptive_connections system_message max_tool_output "
    "parallel_tool_calls internal_tools cache_prompt fallback_models fail_on_refusal reasoning_history cache".split()
)
Tokens = Literal["all", "prompt", "response"]


@dataclass(frozen=True)
class Asked:
    """The `-M` arguments. `control` is the seed of a random direction in the place of the steered one; None: the vectors themselves."""

    vectors: str
    steer: dict[str, float]
    control: int | None
    emotions: tuple[str, ...] | None
    layers: str | None
    tokens: Tokens
    quantize: str | None
    adapter: str | None
    device: str
    batch_size: int


def asked_arguments(given: Mapping[str, Any]) -> Asked:
    """`-M` arguments as Inspect hands them over: a text with commas comes as a list. Raises `UserError` for what is not valid."""
    for name in given:
        if name not in ARGUMENTS:
            raise UserError(f"There is no model argument '{name}'; {nearest(name, ARGUMENTS)}")
    texts = {name: _text(value) for name, value in given.items() if name != "steer" and value is not None}
    if "vectors" not in texts:
        raise UserError("Say which vectors to use: -M vectors=RUN, a run folder or a vectors file.")
    tokens = texts.get("tokens", "all")
    if tokens not in get_args(Tokens):
        raise UserError(f"There are no tokens '{tokens}' to steer; use all, prompt or response.")
    strengths = asked_strengths(given.get("steer"))
    control = _control(texts.get("control"))
    if control is not None and not any(strengths.values()):
        raise UserError("A control has the length of what is steered; say what to steer with: -M steer=calm=0.1.")
    batch = texts.get("batch_size", "32")
    if not batch.isdecimal() or not int(batch):
        raise UserError(f"The batch_size is '{batch}'; give a whole number such as 32.")
    emotions = _emotions(texts.get("emotions"), strengths)
    return Asked(
        texts["vectors"], strengths, control, emotions, texts.get("layers"), cast(Tokens, tokens), texts.get("quantize"), texts.get("adapter"),
        texts.get("device", "auto"), int(batch),
    )  # fmt: skip


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _emotions(given: str | None, strengths: Mapping[str, float]) -> tuple[str, ...] | None:
    """Whose readings are wanted; None: all. Unless said, those that are steered."""
    if given is None:
        return tuple(strengths)
    if given.strip() == "all":
        return None
    return parse_names(given, "-M emotions=")


def asked_strengths(given: Any) -> dict[str, float]:
    """`calm=0.1,desperate=-0.05`, its parts, or a mapping, as numbers; anything else is a `UserError`."""
    if given is None:
        return {}
    parts = (
        [f"{name}={value}" for name, value in given.items()] if isinstance(given, Mapping) else _text(given).split(",")
    )
    return parse_numbers(parts, "-M steer=", example="calm=0.1,desperate=-0.05")


def _control(given: str | None) -> int | None:
    if given is None:
        return None
    kind, _, seed = given.partition(":")
    if kind != "random" or not seed.isdecimal():
        raise UserError(f"There is no control '{given}'; write control=random:1, with the seed of the direction.")
    return int(seed)


def asked_sampling(config: GenerateConfig, most: int) -> Sampling:
    """Inspect's generation settings as ours; `most` new tokens where it names no number.

    Raises `UserError` for a setting that can't be honoured, and for a value that is none. A setting at its neutral value (0, false,
    empty) asks for nothing.
    """
    set_here = {
        name for name, value in config.model_dump(exclude_none=True).items() if value not in (False, 0, {}, [], "")
    }
    if refused := sorted(set_here - HONOURED - AROUND):
        raise UserError(
            f"emotion-vectors samples tokens itself and can't honour {', '.join(refused)}; leave {'it' if len(refused) == 1 else 'them'} "
            f"out (it takes {', '.join(sorted(HONOURED))})."
        )
    usual = Sampling()
    sampling = Sampling(
        usual.temperature if config.temperature is None else config.temperature,
        usual.top_p if config.top_p is None else config.top_p,
        max_new_tokens=most if config.max_tokens is None else config.max_tokens,
        presence_penalty=config.presence_penalty or 0.0,
    )
    if not (
        math.isfinite(sampling.temperature)
        and sampling.temperature >= 0
        and 0 < sampling.top_p <= 1
        and sampling.max_new_tokens > 0
    ):
        raise UserError(
            f"Temperature {sampling.temperature}, top_p {sampling.top_p} and max_tokens {sampling.max_new_tokens} don't go together; give a "
            "temperature of 0 or more, a top_p above 0 and at most 1, and at least one token."
        )
    return sampling
