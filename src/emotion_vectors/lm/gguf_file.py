"""A GGUF model as a folder that transformers loads: what the file says is what is computed, or the file is refused.

transformers dequantises the weights and undoes llama.cpp's layouts. Its configuration and tokenizer are completed from the file's
keys (`gguf_config`, `gguf_tokenizer`), every tensor must have gone into the model, and the folder is read back before it counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, modeling_gguf_pytorch_utils
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor, get_gguf_hf_weights_map
from transformers.utils import logging

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.gguf_config import Factors, apply_keys, check_keys
from emotion_vectors.lm.gguf_header import Header, join, read_header, shards
from emotion_vectors.lm.gguf_tokenizer import check_ids, settle_tokenizer
from emotion_vectors.lm.pretrained import SHOWN, load_pretrained

# transformers' bar for GGUF files doesn't heed its own switch for bars (see `lm.model`).
_theirs: Any = modeling_gguf_pytorch_utils
_theirs.tqdm = lambda tensors, **_: tensors

READING = 3  # goes up when the same file is read in another way; what was converted before is then not used again
FREQUENCIES = "rope_freqs.weight"
LONG, SHORT = "rope_factors_long.weight", "rope_factors_short.weight"


def convert(path: Path, target: Path, scratch: Path) -> None:
    """Write the model of the GGUF file `path` (all parts of a split one, joined in `scratch`) into the folder `target`, in float32.

    Raises `UserError` for a damaged file, a key that can't be applied, and a tensor that has no place.
    """
    parts = shards(path)
    shown = path
    if len(parts) > 1:
        path = scratch / "joined.gguf"
        join(parts, path)
    header = read_header(path)
    config = _config(path, header)
    model = load_pretrained(str(path.parent), str(shown), torch.float32, gguf_file=path.name, config=config)
    _refuse_left_over(model, header, shown)
    tokenizer = _tokenizer(path, header, shown)
    # Without these three the saved folder claims to be quantised and won't load again.
    vars(model).pop("hf_quantizer", None)
    vars(model).pop("is_quantized", None)
    vars(model.config).pop("quantization_config", None)
    wanted = _numbers(model.config)
    model.save_pretrained(target)
    _save_tokenizer(tokenizer, target, shown)
    if _numbers(AutoConfig.from_pretrained(target)) != wanted:
        raise UserError(
            f"What {shown} says about its rotation or attention can't be kept for a '{model.config.model_type}'; give the model as a "
            "folder of .safetensors."
        )


def _config(path: Path, header: Header) -> Any:
    """The configuration of the file, every key applied."""
    check_keys(header.keys)
    check_ids(header.keys)
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # of an unfinished configuration; it is completed below
    try:
        config = AutoConfig.from_pretrained(str(path.parent), gguf_file=path.name)
    except Exception as error:  # the GGUF reader raises whatever a damaged file provokes
        raise UserError(f"Can't read {path} as a GGUF model: {first_line(error)}; is the file complete?") from error
    finally:
        logging.set_verbosity(level)
    apply_keys(config, header.keys, _factors(path, header))
    return config


def _factors(path: Path, header: Header) -> Factors | None:
    """The divisors of the rotation's frequencies that the file holds as tensors, if any."""
    names = {FREQUENCIES, LONG, SHORT} & set(header.tensors)
    if not names:
        return None
    if len({LONG, SHORT} & names) == 1:
        raise UserError(f"{path} has only {', '.join(sorted(names))} of its rotation factors; get the file again.")
    scaled = header.keys.get(f"{header.architecture}.rope.scaling.type") == "longrope"
    theirs = {"llama": {LONG, SHORT} if scaled else {FREQUENCIES}, "phi3": {LONG, SHORT}}.get(
        header.architecture, set()
    )
    if not names <= theirs:
        raise UserError(
            f"{path} has {', '.join(sorted(names - theirs))}, which llama.cpp knows nothing of in a file of its kind ({header.architecture}"
            f"{', longrope' if scaled else ''}); get the file again."
        )
    found = {one.name: one for one in gguf.GGUFReader(path).tensors if one.name in names}
    values = {name: gguf.quants.dequantize(one.data, one.tensor_type).ravel().tolist() for name, one in found.items()}
    short, long = (SHORT, LONG) if LONG in names else (FREQUENCIES, FREQUENCIES)
    return Factors(values[short], values[long])


def _refuse_left_over(model: PreTrainedModel, header: Header, shown: Path) -> None:
    """Every tensor of the file is in the model, or its values are in the configuration."""
    processor = TENSOR_PROCESSORS.get(header.architecture, TensorProcessor)(config={})
    places = get_gguf_hf_weights_map(model, processor)
    places |= {
        f"{name}.weight": place for name, place in places.items()
    }  # of experts, which transformers keeps without a suffix
    left = [name for name in header.tensors if name not in places and name not in (FREQUENCIES, LONG, SHORT)]
    if left:
        more = f" and {len(left) - SHOWN:,} more" if len(left) > SHOWN else ""
        raise UserError(
            f"The weights of '{shown}' don't fit its architecture: {', '.join(left[:SHOWN])}{more} are in the file and have no place in "
            "the model; give the model as a folder of .safetensors."
        )


def _tokenizer(path: Path, header: Header, shown: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    except Exception as error:  # the GGUF reader raises whatever a damaged file provokes
        raise UserError(f"Can't read the tokenizer of {shown}: {first_line(error)}; is the file complete?") from error
    settle_tokenizer(tokenizer, header.keys)
    return tokenizer


def _save_tokenizer(tokenizer: Any, target: Path, shown: Path) -> None:
    """Save a tokenizer so that it comes back as it is: some classes of transformers build theirs anew from the vocabulary."""
    tokenizer.save_pretrained(target)
    wanted = tokenizer.backend_tokenizer.to_str()
    if AutoTokenizer.from_pretrained(target).backend_tokenizer.to_str() == wanted:
        return
    settings = json.loads((target / "tokenizer_config.json").read_text(encoding="utf-8"))
    (target / "tokenizer_config.json").write_text(
        json.dumps(settings | {"tokenizer_class": "TokenizersBackend"}), encoding="utf-8"
    )
    if AutoTokenizer.from_pretrained(target).backend_tokenizer.to_str() != wanted:
        raise UserError(
            f"The tokenizer of {shown} is not the one that transformers has for its architecture; give the model as a folder of .safetensors."
        )


def _numbers(config: Any) -> dict[str, Any]:
    """What of a configuration changes the numbers and is not a shape that the weights would contradict."""
    names = (
        "rope_parameters", "layer_types", "sliding_window", "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping",
        "rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps", "norm_epsilon", "norm_eps", "num_experts_per_tok", "norm_topk_prob",
        "use_parallel_residual", "num_attention_heads", "num_key_value_heads", "head_dim", "tie_word_embeddings",
    )  # fmt: skip
    return {name: getattr(config, name) for name in names if hasattr(config, name)}
