"""Vectors as one safetensors file.

Tensors: `raw` and `projected` (l, n, d) float32, `embedding` (n, d) float32 raw directions of the embedding,
`residual_norm` (l,) float32; since 0.3 also `centre` (l, d) float32; later `text_hashes` (s,) uint64; in files that are not a run's own also `calibration`.
Header (text): names, model, layer, fingerprint, where the vectors come from, and counts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.vectors import hub, in_sample
from emotion_vectors.vectors.calibration import FILE as CALIBRATION
from emotion_vectors.vectors.calibration import load_calibration
from emotion_vectors.vectors.reliability import Reliability

if TYPE_CHECKING:
    from emotion_vectors.vectors.file import EmotionVectors

FORMAT = "emotion-vectors/1"
REQUIRED = ("raw", "projected", "embedding", "residual_norm")
OPTIONAL = ("centre",)  # came later: files without them stay readable, and older versions read files with them


def write(vectors: EmotionVectors, path: Path) -> None:
    """Write the file, whole or not at all."""
    header = {
        "format": FORMAT,
        "emotions": list(vectors.emotions),
        "layer": vectors.layer,
        "kind": vectors.kind,
    } | vectors.header
    tensors = {name: getattr(vectors, name).astype(np.float32) for name in REQUIRED}
    for name in OPTIONAL:
        if (values := getattr(vectors, name)) is not None:
            tensors[name] = values.astype(np.float32)
    if vectors.text_hashes is not None:
        tensors["text_hashes"] = vectors.text_hashes
    known = vectors.calibration
    if known is not None:
        tensors |= {"calibration": known.scores, "centre": known.centre.astype(np.float32)}
        header["calibration"] = known.header(header.get("fingerprint", ""))
    metadata = {key: json.dumps(value, ensure_ascii=False) for key, value in header.items()}
    atomic.write_tensors(path, tensors, metadata)


def read(source: str | Path, calibrated: bool = True) -> dict[str, Any]:
    """The fields of `EmotionVectors` from a run folder, a file or a repository; see `EmotionVectors.load`."""
    path = hub.find(source)
    try:
        with safe_open(path, framework="np") as file:
            header = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            there = [name for name in (*OPTIONAL, "text_hashes") if name in file.keys()]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in (*REQUIRED, *there)}
            inside = "calibration" in file.keys()  # noqa: SIM118
        if header.pop("format") != FORMAT:
            raise ValueError("another format")
        emotions, layer, kind = tuple(header.pop("emotions")), int(header.pop("layer")), str(header.pop("kind"))
        for name in (*REQUIRED, *(name for name in OPTIONAL if name in tensors)):
            if not np.isfinite(tensors[name]).all():
                raise ValueError(f"its tensor {name} has NaN or infinity")
        if tensors["raw"].shape[1] != len(emotions) or tensors["projected"].shape != tensors["raw"].shape:
            raise ValueError("tensors and names differ in number")
        if layer not in _checked(header.get("layers_given"), len(tensors["raw"])):
            raise ValueError("its analysis layer has no vectors")
        Reliability.from_header(header.get("reliability"), emotions)
        if "text_hashes" in tensors and (tensors["text_hashes"].dtype != np.uint64 or tensors["text_hashes"].ndim != 1):
            raise ValueError("its hashes of texts are not valid")
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError, OSError) as error:
        raise UserError(
            f"{path} is not an emotion-vectors file ({error}); make one with `emotion-vectors run` or `emotion-vectors vectors`."
        ) from error
    header.pop("calibration", None)
    # Files from before there were hashes; vectors from elsewhere are not made of the stories of the run that they are beside.
    if calibrated and "text_hashes" not in tensors and not {"adopted", "source"} & header.keys():
        tensors["text_hashes"] = in_sample.of_run(path.parent)
    scores = path if inside else path.with_name(CALIBRATION)
    # A file of another name in a run's folder, without a fingerprint, is not the run's: the scores beside it are of other vectors.
    wanted = calibrated and (inside or "fingerprint" in header or path.name == hub.FILE)
    calibration = load_calibration(scores, tensors["raw"].shape, header.get("fingerprint", "")) if wanted else None
    if calibration is not None:
        # Files from before there was a `centre` get the one that their scores were made with.
        tensors.setdefault("centre", calibration.centre)
    return {"emotions": emotions, **tensors, "layer": layer, "kind": kind, "header": header, "calibration": calibration}


def _checked(given: object, n_layers: int) -> Sequence[int]:
    """The header's list of layers that have vectors, None for all; anything else is a `ValueError`."""
    if given is None:
        return range(n_layers)
    if not isinstance(given, list) or not all(type(layer) is int and 0 <= layer < n_layers for layer in given):
        raise ValueError("its list of layers is not valid")
    return given
