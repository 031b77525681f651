"""Which vectors an export takes: emotions or a mix of them, layers, strength, and the files that they go into.

A steering file holds, for each chosen layer l, what strength 1 adds to the residual stream there:

    strength x residual_norm[l] x sum over emotions of (share x unit vector) / number of layers

which is what `EmotionVectors.steer` adds, so that a scale of 0.5 in the other tool is a strength of 0.5 here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.vectors.file import EmotionVectors


class Direction(NamedTuple):
    """One steering direction: what strength 1 adds, (d,) float32 in residual-stream units, at each of its layers."""

    name: str
    mix: dict[str, float]
    layers: dict[int, np.ndarray]


def known(emotions: Sequence[str], vectors: EmotionVectors) -> list[str]:
    """`emotions` if all of them have a vector; an unknown or repeated one is a `UserError`."""
    for emotion in emotions:
        if emotion not in vectors.emotions:
            raise UserError(f"There is no vector for '{emotion}'; {nearest(emotion, vectors.emotions)}")
        if list(emotions).count(emotion) > 1:
            raise UserError(f"'{emotion}' is named twice; name each emotion once.")
    return list(emotions)


def direction(
    vectors: EmotionVectors, name: str, mix: Mapping[str, float], layers: Sequence[int], strength: float
) -> Direction:
    """What strength 1 adds for a mix of emotions at each of `layers`; one of length 0 is a `UserError`."""
    strengths = {emotion: mix[emotion] * strength for emotion in known(list(mix), vectors)}
    added = {layer: vector.astype(np.float32) for layer, vector in vectors.additions(strengths, layers)}
    for layer, vector in added.items():
        if not np.isfinite(vector).all() or not vector.any():
            raise UserError(
                f"The direction '{name}' is zero at layer {layer}; choose other layers, shares or strength."
            )
    return Direction(name, dict(mix), added)


def directions(
    vectors: EmotionVectors, mix: Mapping[str, float], emotions: Sequence[str], layers: Sequence[int], strength: float
) -> list[Direction]:
    """The mix as one direction, or one direction for each of `emotions` (none named: all)."""
    if not math.isfinite(strength) or strength == 0:
        raise UserError("--strength must be a number other than 0; it is in units of the mean residual norm.")
    if mix:
        name = "+".join(emotion if share == 1 else f"{emotion}={share:g}" for emotion, share in mix.items())
        return [direction(vectors, name, mix, layers, strength)]
    chosen = known(emotions, vectors) if emotions else list(vectors.emotions)
    return [direction(vectors, emotion, {emotion: 1.0}, layers, strength) for emotion in chosen]


def places(out: Path, suffix: str, names: Sequence[str]) -> list[Path]:
    """Where each named direction goes: `out` itself if it ends in `suffix`, else files in the folder `out`."""
    if out.suffix == suffix:
        if len(names) > 1:
            raise UserError(
                f"{len(names)} directions don't go into one {suffix} file; give a folder, or one mix with --emotion."
            )
        if out.is_dir():
            raise UserError(f"{out} is a folder; choose another name for the file.")
        return [out]
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file without the ending {suffix}; give a folder or a file name with that ending.")
    files = [re.sub(r"[^\w=+.-]+", "-", name) for name in names]
    for file in files:
        if files.count(file) > 1:
            raise UserError(f"Two emotions would both be written to {file}{suffix}; export them one at a time.")
    return [out / f"{file}{suffix}" for file in files]
