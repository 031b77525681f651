"""Checks of directions: cosines within 1, contrasts without the common part, and the vectors of a run."""

from __future__ import annotations

import numpy as np

from emotion_vectors.doctor.bench import Bench
from emotion_vectors.doctor.check import Check, Finding, at_most, make_check
from emotion_vectors.vectors import directions
from emotion_vectors.vectors.file import EmotionVectors

ROUNDING = 1e-9  # of a norm, double precision
ROUNDING_FILE = 1e-5  # of a norm: vectors are kept in single precision


def cosine(bench: Bench) -> Finding:
    """Cosines of unembedding rows and random rows of very different lengths: at most 1, and equal to the plain formula."""
    generator = np.random.default_rng(0)
    head = bench.lm.parts.head.weight
    rows = head[:: max(1, len(head) // 64)][:64].float().cpu().numpy().astype(np.float64)
    rows = rows[np.linalg.norm(rows, axis=1) > 0]
    columns = np.concatenate([generator.normal(size=(16, rows.shape[1])) * 1000, rows[:16]])
    found = directions.cosine(rows, columns)
    plain = np.array([[a @ b / np.sqrt((a @ a) * (b @ b)) for b in columns] for a in rows])
    largest, error = float(np.abs(found).max()), float(np.abs(found - plain).max())
    if largest <= 1 and not error <= ROUNDING:
        return Finding(
            largest, 1.0, False, f"Cosines differ from the plain formula by up to {error:.2g}; report a bug."
        )
    good = "Cosines lie within 1 and equal the plain formula."
    return at_most(largest, 1.0, good, "A cosine is beyond 1, so the vectors were not normalised; report a bug.")


def centring(_: Bench) -> Finding:
    """A part common to all emotions is gone after the contrast, and nothing else is."""
    generator = np.random.default_rng(0)
    own = generator.normal(size=(24, 5, 64))
    found = directions.contrast(own + 100 * generator.normal(size=(1, 5, 64)))
    left = float(np.linalg.norm(found.mean(axis=0), axis=-1).max() / np.linalg.norm(own, axis=-1).mean())
    error = float(np.abs(found - (own - own.mean(axis=0))).max())
    if left <= ROUNDING and not error <= 1e-6:
        return Finding(
            left, ROUNDING, False, f"The contrast changes more than the common part (by {error:.2g}); report a bug."
        )
    return at_most(
        left, ROUNDING, "The contrast removes the part that all emotions share.",
        "Data called centred keep a part that all emotions share; report a bug.",
    )  # fmt: skip


def check_vectors(vectors: EmotionVectors, own: bool = True) -> list[Check]:
    """The directions of a run: finite and not zero, raw ones centred over emotions, projected ones without the neutral part.

    Of directions that the run did not make (`own` False) only the first is asked: how they were made is not known.
    """
    named = (
        ("vectors_finite", "Directions are finite and not zero", _finite),
        ("vectors_centred", "Raw directions have mean 0 over the emotions", _centred),
        ("vectors_projected", "Only the neutral components were projected out, and all of them", _projected),
    )
    asked = named if own else named[:1]
    return [make_check(name, title, "stop", measure(vectors)) for name, title, measure in asked]


def _finite(vectors: EmotionVectors) -> Finding:
    given = list(vectors.layers)
    kinds = (vectors.raw[given], vectors.projected[given])
    norms = np.concatenate([np.linalg.norm(kind, axis=-1).ravel() for kind in kinds])
    bad = int((~np.isfinite(norms) | (norms == 0)).sum())
    good = f"All {len(norms)} directions are finite and not zero."
    return at_most(bad, 0, good, f"{bad} of {len(norms)} directions are zero or not finite; use more or other stories.")


def _centred(vectors: EmotionVectors) -> Finding:
    raw = vectors.raw.astype(np.float64)
    left = np.linalg.norm(raw.mean(axis=1), axis=-1) / np.maximum(np.linalg.norm(raw, axis=-1).mean(axis=1), 1e-30)
    layer = int(np.argmax(np.where(np.isnan(left), np.inf, left)))
    return at_most(
        float(left[layer]), ROUNDING_FILE, "Raw directions add up to 0 over the emotions at every layer.",
        f"Raw directions of layer {layer} keep a part that all emotions share; make them again.",
    )  # fmt: skip


def _projected(vectors: EmotionVectors) -> Finding:
    """What was taken away spans no more than the neutral components and is orthogonal to what is left."""
    removed = vectors.raw.astype(np.float64) - vectors.projected
    size = np.maximum(np.square(np.linalg.norm(vectors.raw.astype(np.float64), axis=-1)).max(axis=1), 1e-30)
    left = np.abs(removed @ np.swapaxes(vectors.projected.astype(np.float64), 1, 2)).max(axis=(1, 2)) / size
    layer = int(np.argmax(np.where(np.isnan(left), np.inf, left)))
    components = int(vectors.header["neutral_components"][vectors.layer])
    spectrum = np.linalg.svd(removed[vectors.layer], compute_uv=False)
    rank = int((spectrum > ROUNDING_FILE * np.sqrt(size[vectors.layer] * len(removed[0]))).sum())
    if rank > components:
        detail = f"{rank} directions were taken away at layer {vectors.layer}, but only {components} are neutral; make them again."
        return Finding(float(left[layer]), ROUNDING_FILE, False, detail)
    return at_most(
        float(left[layer]), ROUNDING_FILE, "Projected directions have nothing left of what was projected out.",
        f"Projected directions of layer {layer} still contain a part of what was projected out; make them again.",
    )  # fmt: skip
