"""What a GGUF file says about the computation, put into a transformers configuration: applied, or refused by the key's name.

transformers' own reader takes over a dozen keys of each architecture, drops the others without a warning, and fills what is left out
with its class's defaults. Here every key below the architecture's name has a rule, and what is left out gets llama.cpp's default
(`src/llama-model.cpp`, `load_hparams`); an unknown key is a refusal. Keys: `gguf.constants.Keys`; the format's text is
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Each architecture here is held against llama.cpp's logits in the tests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from emotion_vectors.errors import UserError

# Architectures of the format whose reading is held against llama.cpp.
ARCHITECTURES = ("gemma2", "gemma3", "gpt2", "llama", "nemotron", "phi3", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "stablelm", "starcoder2")  # fmt: skip
PARTIAL = ("nemotron", "phi3", "stablelm")  # transformers rotates a part of each head where it is told so
WINDOWED = ("gemma2", "gemma3", "phi3")
GEMMA_27B = {
    "gemma2": 46,
    "gemma3": 62,
}  # blocks of the ones that scale attention by width / heads, as llama.cpp tells them
RNJ_1 = 32  # blocks of the one that is stored as gemma3 and scales attention by the head's width
GEMMA_3_SCALAR = 256  # of every other Gemma 3, whose heads are as wide


class Rule(NamedTuple):
    """Where a configuration keeps a key's value (the first name that it has), and values that change nothing where it has no place."""

    names: tuple[str, ...] = ()
    neutral: tuple[Any, ...] = ()


OFF = (0, 0.0, False)
RULES = {
    "block_count": Rule(("num_hidden_layers",)),
    "context_length": Rule(("max_position_embeddings",)),
    "embedding_length": Rule(("hidden_size",)),
    "feed_forward_length": Rule(("intermediate_size", "n_inner")),
    "vocab_size": Rule(("vocab_size",)),
    "attention.head_count": Rule(("num_attention_heads",)),
    "attention.head_count_kv": Rule(("num_key_value_heads",)),
    "attention.key_length": Rule(("head_dim",)),
    "attention.layer_norm_rms_epsilon": Rule(("rms_norm_eps",)),
    "attention.layer_norm_epsilon": Rule(("layer_norm_epsilon", "layer_norm_eps", "norm_epsilon", "norm_eps")),
    "attn_logit_softcapping": Rule(("attn_logit_softcapping",), OFF),
    "final_logit_softcapping": Rule(("final_logit_softcapping",), OFF),
    "router_logit_softcapping": Rule((), OFF),
    "use_parallel_residual": Rule(("use_parallel_residual",)),
    "expert_count": Rule(("num_experts",), OFF),
    "expert_used_count": Rule(("num_experts_per_tok",), OFF),
    "expert_feed_forward_length": Rule(("moe_intermediate_size",), OFF),
    "expert_shared_feed_forward_length": Rule(("shared_expert_intermediate_size",), OFF),
    "expert_weights_norm": Rule(("norm_topk_prob",), OFF),
    "expert_weights_scale": Rule((), (0.0, 1.0)),
    "expert_gating_func": Rule((), (0, 1)),  # 1: softmax
    "expert_shared_count": Rule((), (0,)), "expert_group_count": Rule((), (0, 1)), "expert_group_used_count": Rule((), (0, 1)),
    "leading_dense_block_count": Rule((), (0,)), "moe_every_n_layers": Rule((), (0, 1)), "interleave_moe_layer_step": Rule((), (0, 1)),
    "nextn_predict_layers": Rule((), (0,)), "pooling_type": Rule((), (0,)), "attention.shared_kv_layers": Rule((), (0,)),
    "logit_scale": Rule((), (0.0, 1.0)), "residual_scale": Rule((), (0.0, 1.0)), "embedding_scale": Rule((), (0.0, 1.0)),
    "attention.max_alibi_bias": Rule((), OFF), "attention.clamp_kqv": Rule((), OFF), "attention.output_scale": Rule((), (0.0, 1.0)),
    "attention.temperature_length": Rule((), OFF), "attention.temperature_scale": Rule((), OFF), "attention.causal": Rule((), (True,)),
    "rope.scaling.yarn_ext_factor": Rule((), (1.0,)), "rope.scaling.yarn_attn_factor": Rule((), (1.0,)),
    "rope.scaling.yarn_log_multiplier": Rule((), (0.0,)), "rope.scaling.alpha": Rule((), (0.0,)),
    "tensor_data_layout": Rule((), ("Meta AI original pth",)),  # the order of rows that every llama file has
}  # fmt: skip
# Read below, several at a time.
TOGETHER = (
    "attention.value_length", "attention.scale", "attention.sliding_window", "attention.sliding_window_pattern", "rope.dimension_count",
    "rope.freq_base", "rope.freq_base_swa", "rope.scale_linear", "rope.scaling.type", "rope.scaling.factor", "rope.scaling.attn_factor",
    "rope.scaling.original_context_length", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow",
)  # fmt: skip
# llama.cpp has no default of these either, and opens no file without them; the norm's epsilon is under one of two names.
REQUIRED = ("block_count", "context_length", "embedding_length")
EPSILON = re.compile(r"attention\.layer_norm(_rms)?_epsilon")
HARMLESS = ("rope.scaling.finetuned",)  # about the training
# Parts of a file that are more than a language model, or that would be added to another one.
ELSEWHERE = ("adapter.", "clip.", "diffusion.", "xielu.")


class Factors(NamedTuple):
    """Divisors of the rotation's frequencies, one for each pair of coordinates: for texts up to the original context, and longer."""

    short: Sequence[float]
    long: Sequence[float]


def check_keys(keys: Mapping[str, Any]) -> None:
    """Raise `UserError` for what transformers' reader would only stumble over.

    An architecture that nobody has held against llama.cpp, values that differ from block to block, and parts of other kinds of file.
    """
    architecture = str(keys.get("general.architecture", ""))
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"GGUF files of the architecture '{architecture}' are not read, only those of {', '.join(ARCHITECTURES)}, which "
            "are tested against llama.cpp; give the model as a folder of .safetensors."
        )
    own = {key.removeprefix(f"{architecture}.") for key in keys}
    wanted = [*REQUIRED, *(["expert_used_count"] if architecture.endswith("moe") else [])]
    lacking = [f"{architecture}.{name}" for name in wanted if name not in own]
    lacking += [] if any(map(EPSILON.fullmatch, own)) else [f"{architecture}.attention.layer_norm_epsilon"]
    if lacking:
        names = ", ".join(lacking)
        raise UserError(f"The GGUF file lacks {names}, without which nobody can read it; get the file again.")
    for key, value in keys.items():
        name = key.removeprefix(f"{architecture}.")
        per_block = isinstance(value, list) and name in RULES
        if per_block or key.startswith(ELSEWHERE):
            raise _refused(key, value)
        # Where 0 gives infinite numbers, which would look like a matter of precision.
        is_positive = name in REQUIRED or EPSILON.fullmatch(name) or name.startswith("rope.freq_base")
        above = 0 if is_positive else -math.inf
        if isinstance(value, int | float) and not above < value < math.inf:
            raise UserError(f"The GGUF file sets {key} = {str(value)[:60]}, which no model has; get the file again.")


def apply_keys(config: Any, keys: Mapping[str, Any], factors: Factors | None) -> None:
    """Put what `keys` say into the configuration that transformers made of them.

    factors: what the file's tensors of frequencies hold, where it has some. Raises `UserError` for a key that can't be applied.
    """
    architecture = str(keys["general.architecture"])
    own = {
        key.removeprefix(f"{architecture}."): value for key, value in keys.items() if key.startswith(f"{architecture}.")
    }
    told = _Told(architecture, own)
    for name, value in own.items():
        if name not in TOGETHER and name not in HARMLESS:
            _take_over(config, told, name, value)
    _fill_in(config, told)
    _attention(config, told)
    if getattr(config, "rope_parameters", None) is not None:
        _rotation(config, told, factors)
    elif factors is not None or any(name.startswith("rope.") for name in own):
        raise UserError(f"The GGUF file rotates positions, which {architecture} models don't; get the file again.")


class _Told(NamedTuple):
    architecture: str
    own: dict[str, Any]

    def refused(self, name: str) -> UserError:
        return _refused(f"{self.architecture}.{name}", self.own[name])


def _refused(key: str, value: Any) -> UserError:
    return UserError(
        f"The GGUF file sets {key} = {str(value)[:60]}, which can't be applied here and may change every number; give the model as a "
        "folder of .safetensors."
    )


def _take_over(config: Any, told: _Told, name: str, value: Any) -> None:
    rule = RULES.get(name)
    place = next((one for one in rule.names if hasattr(config, one)), None) if rule else None
    if rule is None or (place is None and not _neutral(config, told, name, value, rule)):
        raise told.refused(name)
    try:
        if place is not None:
            setattr(config, place, value)
    except (TypeError, ValueError) as error:  # the configuration's own check of types
        raise told.refused(name) from error


def _neutral(config: Any, told: _Told, name: str, value: Any, rule: Rule) -> bool:
    if name == "attention.key_length":
        return value == _head(config)
    if name == "attention.head_count_kv":
        return value == config.num_attention_heads
    return value in rule.neutral


def _head(config: Any) -> int:
    """Width of a head."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _fill_in(config: Any, told: _Told) -> None:
    """What the file leaves out, as llama.cpp fills it in; transformers would take the defaults of one known model."""
    own = told.own
    if hasattr(config, "head_dim") and "attention.key_length" not in own:
        config.head_dim = config.hidden_size // config.num_attention_heads
    if hasattr(config, "num_key_value_heads") and "attention.head_count_kv" not in own:
        config.num_key_value_heads = config.num_attention_heads
    if hasattr(config, "moe_intermediate_size") and not own.get("expert_feed_forward_length"):
        config.moe_intermediate_size = config.intermediate_size // config.num_experts_per_tok
    if hasattr(config, "shared_expert_intermediate_size") and not own.get("expert_shared_feed_forward_length"):
        config.shared_expert_intermediate_size = config.intermediate_size
    if own.get("attention.value_length", _head(config)) != _head(config):
        raise told.refused("attention.value_length")


def _attention(config: Any, told: _Told) -> None:
    """The scale of attention and its window."""
    own, head = told.own, _head(config)
    scale = own.get("attention.scale") or 0.0
    if hasattr(config, "query_pre_attn_scalar"):
        divisor = 1 / scale**2 if scale else _gemma_scalar(config, told.architecture)
        config.query_pre_attn_scalar = round(divisor)
        if not math.isclose(divisor, round(divisor), rel_tol=1e-5):
            raise told.refused("attention.scale" if scale else "embedding_length")
    elif scale and not math.isclose(scale, head**-0.5, rel_tol=1e-5):
        raise told.refused("attention.scale")
    window = own.get("attention.sliding_window") or None
    if told.architecture in WINDOWED:
        if window is not None or told.architecture != "gemma2":  # which llama.cpp, as transformers, gives 4,096
            # The mask of Gemma's window is made even where no block looks at it.
            whole = config.max_position_embeddings if told.architecture == "gemma3" else None
            config.sliding_window = window or whole
        _pattern(config, told, window)
    elif (window or config.max_position_embeddings) < config.max_position_embeddings:
        raise told.refused("attention.sliding_window")
    elif "attention.sliding_window_pattern" in own:
        raise told.refused("attention.sliding_window_pattern")


def _gemma_scalar(config: Any, architecture: str) -> float:
    """Attention is divided by the root of this. The format has a key for it that no Gemma file carries, so it goes by the size."""
    if config.num_hidden_layers == GEMMA_27B[architecture]:
        return config.hidden_size / config.num_attention_heads
    return config.head_dim if architecture == "gemma2" or config.num_hidden_layers == RNJ_1 else GEMMA_3_SCALAR


def _pattern(config: Any, told: _Told, window: int | None) -> None:
    """Which blocks attend within the window."""
    blocks = config.num_hidden_layers
    pattern = told.own.get("attention.sliding_window_pattern")
    if told.architecture == "phi3":
        if pattern is not None:
            raise told.refused("attention.sliding_window_pattern")
        return
    if pattern is None:
        pattern = {"gemma2": 2, "gemma3": 6}[told.architecture]
    if isinstance(pattern, bool):
        pattern = [pattern] * blocks
    local = pattern if isinstance(pattern, list) else [pattern > 0 and (i + 1) % pattern != 0 for i in range(blocks)]
    if len(local) != blocks:
        raise told.refused("attention.sliding_window_pattern")
    if told.architecture == "gemma3" and window is None:
        local = [False] * blocks
    config.layer_types = ["sliding_attention" if one else "full_attention" for one in local]


def _rotation(config: Any, told: _Told, factors: Factors | None) -> None:
    """Base, scaling and part of the rotation; a window's blocks have a base of their own in Gemma 3, and no scaling."""
    own = told.own
    nested = "full_attention" in config.rope_parameters
    if nested:
        local = {"rope_type": "default", "rope_theta": float(own.get("rope.freq_base_swa", 10000.0))}
        config.rope_parameters["sliding_attention"] = local
    elif "rope.freq_base_swa" in own:
        raise told.refused("rope.freq_base_swa")
    head = _head(config)
    rotated = own.get("rope.dimension_count", head)
    parameters = {"rope_theta": float(own.get("rope.freq_base", 10000.0))} | _scaling(config, told, rotated, factors)
    if told.architecture in PARTIAL:
        parameters["partial_rotary_factor"] = rotated / head
    elif rotated != head:
        raise told.refused("rope.dimension_count")
    if nested:
        config.rope_parameters["full_attention"] = parameters
    else:
        config.rope_parameters = parameters


def _scaling(config: Any, told: _Told, rotated: int, factors: Factors | None) -> dict[str, Any]:
    """The scaling of one rotation in transformers' words; `ggml_rope_ext` is its definition."""
    own = told.own
    kind = own.get("rope.scaling.type", "linear")
    if kind not in ("none", "linear", "yarn", "longrope"):
        raise told.refused("rope.scaling.type")
    factor = float(own.get("rope.scaling.factor", own.get("rope.scale_linear", 1.0)) or 1.0) if kind != "none" else 1.0
    loudness = float(own.get("rope.scaling.attn_factor", 1.0))  # of the rotated queries and keys
    original = int(own.get("rope.scaling.original_context_length") or config.max_position_embeddings)
    if kind == "yarn":
        if factors is not None:
            raise told.refused("rope.scaling.type")
        return {
            "rope_type": "yarn", "factor": factor, "original_max_position_embeddings": original,
            "attention_factor": loudness * (1 + 0.1 * math.log(max(factor, 1.0))),
            "beta_fast": float(own.get("rope.scaling.yarn_beta_fast", 32.0)), "beta_slow": float(own.get("rope.scaling.yarn_beta_slow", 1.0)),
        }  # fmt: skip
    if factors is None and loudness == 1.0:
        return {"rope_type": "default"} if factor == 1.0 else {"rope_type": "linear", "factor": factor}
    given = factors or Factors([1.0] * (rotated // 2), [1.0] * (rotated // 2))
    if {len(given.short), len(given.long)} != {rotated // 2}:
        raise UserError(
            f"The GGUF file has {len(given.short)} factors for {rotated // 2} frequencies; get the file again."
        )
    if hasattr(config, "original_max_position_embeddings"):
        config.original_max_position_embeddings = original
    return {
        "rope_type": "longrope", "factor": 1.0, "attention_factor": loudness, "original_max_position_embeddings": original,
        "short_factor": [factor * one for one in given.short], "long_factor": [factor * one for one in given.long],
    }  # fmt: skip
