"""The vectors of a run as one safetensors file, and the small class that reads it.

Tensors: `raw` and `projected` (l, n, d) float32, `embedding` (n, d) float32 raw directions of the embedding,
`residual_norm` (l,) float32. Header (text): names, model, pack, layer, fingerprint and counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.vectors.directions import unit

FORMAT = "emotion-vectors/1"


@dataclass(frozen=True)
class EmotionVectors:
    """One direction per emotion and layer, with where they come from.

    `raw` and `projected` are (layers, emotions, d) in residual-stream units; `residual_norm` (layers,) is the mean
    residual norm over story tokens; `layer` is the analysis layer; `kind` says which of the two the class hands out.
    """

    emotions: tuple[str, ...]
    raw: np.ndarray
    projected: np.ndarray
    embedding: np.ndarray
    residual_norm: np.ndarray
    layer: int
    kind: str = "projected"
    header: dict[str, Any] = field(default_factory=dict)

    def at(self, layer: int | None = None) -> np.ndarray:
        """All directions (emotions, d) at `layer` (default: the analysis layer)."""
        chosen = self.layer if layer is None else layer
        if not 0 <= chosen < len(self.raw):
            raise UserError(f"There is no layer {chosen}; layers go from 0 to {len(self.raw) - 1}.")
        return (self.projected if self.kind == "projected" else self.raw)[chosen]

    def unit(self, layer: int | None = None) -> np.ndarray:
        """All directions (emotions, d) at `layer`, scaled to length 1."""
        return unit(self.at(layer))

    def __getitem__(self, emotion: str) -> np.ndarray:
        """The direction (d,) of one emotion at the analysis layer."""
        return self.at()[self.index(emotion)]

    def index(self, emotion: str) -> int:
        """Row of an emotion; an unknown one is a `UserError`."""
        if emotion not in self.emotions:
            raise UserError(
                f"There is no vector for '{emotion}'; there are {len(self.emotions)}, e.g. {', '.join(self.emotions[:5])}."
            )
        return self.emotions.index(emotion)

    def save(self, path: Path) -> None:
        """Write the safetensors file, whole or not at all."""
        header = {
            "format": FORMAT,
            "emotions": list(self.emotions),
            "layer": self.layer,
            "kind": self.kind,
        } | self.header
        tensors = {
            "raw": self.raw.astype(np.float32),
            "projected": self.projected.astype(np.float32),
            "embedding": self.embedding.astype(np.float32),
            "residual_norm": self.residual_norm.astype(np.float32),
        }
        metadata = {key: json.dumps(value, ensure_ascii=False) for key, value in header.items()}
        atomic.write_tensors(path, tensors, metadata)

    @classmethod
    def load(cls, source: str | Path) -> EmotionVectors:
        """Read a run folder or a `vectors.safetensors` file."""
        path = Path(source)
        path = path / "vectors.safetensors" if path.is_dir() else path
        if not path.is_file():
            raise UserError(
                f"There are no vectors at {path}; give a finished run folder or a vectors.safetensors file."
            )
        try:
            with safe_open(path, framework="np") as file:
                header = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
                tensors = {name: file.get_tensor(name) for name in ("raw", "projected", "embedding", "residual_norm")}
            if header.pop("format") != FORMAT:
                raise ValueError("another format")
            emotions, layer, kind = tuple(header.pop("emotions")), int(header.pop("layer")), str(header.pop("kind"))
            if tensors["raw"].shape[1] != len(emotions) or tensors["projected"].shape != tensors["raw"].shape:
                raise ValueError("tensors and names differ in number")
        except (SafetensorError, ValueError, KeyError, TypeError, IndexError, OSError) as error:
            raise UserError(
                f"{path} is no vectors file of this tool ({error}); make one with `emotion-vectors run`."
            ) from error
        return cls(emotions, **tensors, layer=layer, kind=kind, header=header)
