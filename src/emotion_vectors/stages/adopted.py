"""Other people's vectors in place of the run's own: `run --vectors FILE`.

The experiments are then about the file's directions. Everything that they are held against stays the run's own: stories
(for the words alone and the shuffled labels), neutral texts, residual norms, random directions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.file import EmotionVectors

FEWEST = 2  # emotions; of a single one nothing is left after centring


def check_adopted(lab: Lab, needed: Collection[int]) -> None:
    """Refuse, before anything is written, a vectors file that this run can't use; it needs the layers `needed`.

    Raises `UserError`.
    """
    theirs = lab.theirs
    if theirs is None:
        return
    theirs.check_fits(lab.lm)
    made_with = theirs.header.get("model_sha256")
    if isinstance(made_with, str) and made_with != lab.lm.sha256:
        raise UserError(
            f"{lab.settings.vectors_from} was made with other weights ({made_with[:12]}...) than {lab.lm.name} has; give the "
            "model that the vectors come from."
        )
    if len(lab.emotions) < FEWEST:
        raise UserError(
            f"{lab.settings.vectors_from} has {len(lab.emotions)} of this run's emotions; {FEWEST} or more are needed under the "
            "names that the pack has."
        )
    missing = sorted(set(needed) - set(theirs.layers))
    if missing:
        given = ", ".join(map(str, theirs.layers))
        raise UserError(
            f"{lab.settings.vectors_from} has no vectors at layer {missing[0]}, which this run needs; it has them at {given}: choose "
            "--layer from these, and --set sweep_every=0 band_layers=0."
        )
    left = [name for name in theirs.emotions if name not in lab.emotions]
    lab.reporter.say(
        f"Vectors of {lab.settings.vectors_from}: {len(lab.emotions)} emotions in common with this run"
        f"{f'; {len(left)} of the file are left out' if left else ''}."
    )


def adopt(lab: Lab, own: EmotionVectors, theirs: EmotionVectors) -> EmotionVectors:
    """`own` with the directions of `theirs`, in the order of the run's emotions; layers that the file lacks are zero."""
    rows = [theirs.index(emotion) for emotion in lab.emotions]
    absent = np.setdiff1d(np.arange(len(own.raw)), theirs.layers)
    raw, projected = theirs.raw[:, rows].copy(), theirs.projected[:, rows].copy()
    raw[absent], projected[absent] = 0, 0
    header = own.header | {
        "neutral_components": theirs.header.get("neutral_components", [0] * len(raw)),
        "neutral_explained": theirs.header.get("neutral_explained", 0.0), "adopted": facts(lab, theirs),
        "reliability": theirs.header.get("reliability"),
    }  # fmt: skip
    if len(absent):
        header["layers_given"] = list(theirs.layers)
    return replace(own, raw=raw, projected=projected, header=header, text_hashes=theirs.text_hashes)


def facts(lab: Lab, theirs: EmotionVectors) -> JsonObject:
    """Where the directions come from, for the file's header and the record."""
    common = set(lab.emotions)
    return {
        "name": lab.theirs_path.name if lab.theirs_path.name != "vectors.safetensors" else lab.theirs_path.parent.name,
        "sha256": lab.theirs_sha256, "made_by": str(theirs.header.get("source", "emotion-vectors run")), "kind": theirs.kind,
        "layers": list(theirs.layers), "emotions": len(common),
        "left_out": [name for name in theirs.emotions if name not in common],
    }  # fmt: skip
