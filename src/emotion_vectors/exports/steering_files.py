"""Files that two steering tools load: steering-vectors and lm-evaluation-harness.

steering-vectors (0.12) has no file format: its `SteeringVector` takes a dictionary of layer -> (d,) tensor, layers counted
from 0 and added to the block's output, as ours. We write that dictionary as safetensors with the layers as names.

lm-evaluation-harness (`--model steered`) loads a `.pt` file: hookpoint -> vector, coefficient, action. It adds coefficient x
vector to every position of the named module's output. The hookpoint is the block's name below the transformers model's
`base_model`, which is `layers.N` for decoders of the Llama, Qwen, Gemma, Mistral and GPT-NeoX kind.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotion_vectors.exports.choice import Direction
from emotion_vectors.store import atomic


def write_steering_vectors(path: Path, found: Direction, facts: dict[str, str]) -> None:
    """One direction as safetensors: a tensor (d,) float32 for each layer, named by its number."""
    tensors = {str(layer): vector for layer, vector in found.layers.items()}
    about = {
        "format": "steering-vectors",
        "layer_type": "decoder_block",
        "name": found.name,
        "mix": json.dumps(found.mix),
    }
    atomic.write_tensors(path, tensors, about | facts)


def write_lm_eval(path: Path, found: Direction) -> None:
    """One direction as lm-eval's steering file; the coefficient is 1, because the vectors have their length."""
    config: dict[str, dict[str, Any]] = {
        f"layers.{layer}": {
            "steering_vector": torch.from_numpy(np.array(vector)),
            "steering_coefficient": 1.0,
            "action": "add",
            "bias": None,
            "head_index": None,
        }
        for layer, vector in found.layers.items()
    }
    data = io.BytesIO()
    torch.save(config, data)  # the harness reads nothing else; see docs/decisions.md
    atomic.write_bytes(path, data.getvalue())
