"""Files for two engines that serve steered models on vLLM: EasySteer and vllm-lens. Nothing in them is pickled.

EasySteer (API v2) reads GGUF control vectors, `direction.N` for its "true layer id" N, and takes a steering spec as JSON that says which file,
scale, layers and tokens; we write both. Source: its docs/user-guide/steering.md and openai-server.md, easysteer/steer/utils.py.

vllm-lens takes steering vectors in a request (`apply_steering_vectors`), as JSON: an array as base64 of its bytes with dtype and shape, and the
blocks to whose output its rows are added. We write that list, uncompressed float32. Source: its README, vllm_lens/_helpers.
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

from emotion_vectors.exports import control_vector
from emotion_vectors.exports.choice import Direction
from emotion_vectors.store import atomic


def spec_of(path: Path) -> Path:
    """Where the steering spec of the control vector at `path` goes."""
    return path.with_name(f"{path.name.removesuffix(path.suffix)}.json")


def write_easysteer(path: Path, found: Direction, model_hint: str, facts: dict[str, str]) -> list[Path]:
    """One direction as GGUF at `path`, and beside it the spec `NAME.json` that steers all tokens with it at scale 1; both files.

    The spec names the file as `path` does, so a relative one counts from the folder in which the server is started.
    """
    control_vector.write(path, found, model_hint, facts, first=0)
    vector = {
        "source": str(path), "algorithm": "direct", "scale": 1.0, "layers": sorted(found.layers), "normalize": False,
        "apply": {"prompt": "all", "generation": "all"},
    }  # fmt: skip
    spec = spec_of(path)
    atomic.write_json(spec, {"vectors": [vector]})
    return [path, spec]


def write_vllm_lens(path: Path, found: Direction) -> None:
    """One direction as the JSON value of `apply_steering_vectors`: a list of one vector, (layers, d), added as it is at every token."""
    layers = sorted(found.layers)
    rows = np.stack([found.layers[layer] for layer in layers]).astype("<f4")
    data = base64.b64encode(rows.tobytes()).decode("ascii")
    vector = {
        "activations": {"data": data, "dtype": "float32", "original_dtype": "torch.float32", "shape": list(rows.shape)},
        "layer_indices": layers, "scale": 1.0, "norm_match": False, "position_indices": None,
    }  # fmt: skip
    atomic.write_json(path, [vector])
