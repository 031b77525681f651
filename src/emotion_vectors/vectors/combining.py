"""Vectors from other vectors: some of them, those of two files together, and from plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.store.run_folder import fingerprint
from emotion_vectors.vectors.activations import pool
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.labelled import check_name

PER_NAME = ("stories", "texts")  # header fields with one value for each name


def subset(vectors: EmotionVectors, names: Sequence[str]) -> EmotionVectors:
    """See `EmotionVectors.subset`."""
    if isinstance(names, str) or not names or len(set(names)) < len(names):
        raise UserError("Give the names of the vectors to keep as a list, each once.")
    rows = [vectors.index(name) for name in names]
    header = {
        key: [value[row] for row in rows] if key in PER_NAME and isinstance(value, list) else value
        for key, value in vectors.header.items()
    }
    known = vectors.calibration
    return replace(
        vectors,
        emotions=tuple(names),
        raw=vectors.raw[:, rows],
        projected=vectors.projected[:, rows],
        embedding=vectors.embedding[rows],
        header=header,
        calibration=known and Calibration(known.scores[..., rows, :], known.centre),
    )


def joined(left: EmotionVectors, right: EmotionVectors) -> EmotionVectors:
    """See `EmotionVectors.__add__`."""
    _check_joinable(left, right)
    one, other = left.header, right.header
    header: dict[str, Any] = {key: value for key, value in one.items() if key in other and other[key] == value}
    for key in PER_NAME:
        if isinstance(one.get(key), list) and isinstance(other.get(key), list):
            header[key] = [*one[key], *other[key]]
    header["reliability"] = _less_reliable(left, right)
    scores = _joined_scores(left, right)
    header.pop("fingerprint", None)
    if scores is not None:
        header["fingerprint"] = fingerprint([one.get("fingerprint", ""), other.get("fingerprint", "")])
    header["joined"] = [
        {
            "names": list(part.emotions),
            "source": part.header.get("source"),
            "fingerprint": part.header.get("fingerprint"),
        }
        for part in (left, right)
    ]
    if left.concept != right.concept:
        header["concept"] = f"{left.concept} and {right.concept}"
    return EmotionVectors(
        (*left.emotions, *right.emotions),
        np.concatenate([left.raw, right.raw], axis=1),
        np.concatenate([left.projected, right.projected], axis=1),
        np.concatenate([left.embedding, right.embedding]),
        left.residual_norm,
        left.layer,
        left.kind,
        header,
        left.centre,
        scores,
        None
        if left.text_hashes is None or right.text_hashes is None
        else np.union1d(left.text_hashes, right.text_hashes),
    )


def _check_joinable(left: EmotionVectors, right: EmotionVectors) -> None:
    theirs = "load or make both with the same model and layer"
    weights = [part.header.get("model_sha256") for part in (left, right)]
    if left.raw.shape[::2] != right.raw.shape[::2] or weights[0] != weights[1]:
        raise UserError(f"These vectors come from two models ({left!r} and {right!r}); {theirs}.")
    if left.layer != right.layer or left.layers != right.layers:
        raise UserError(
            f"These vectors have analysis layers {left.layer} and {right.layer}, or other layers; {theirs}."
        )
    if left.kind != right.kind:
        raise UserError(f"One hands out {left.kind} vectors, the other {right.kind} ones; make both of the same kind.")
    both = [name for name in left.emotions if name in right.emotions]
    if both:
        raise UserError(f"Both have a vector '{both[0]}'; leave it out of one of them, for example with subset([...]).")


def _joined_scores(left: EmotionVectors, right: EmotionVectors) -> Calibration | None:
    """The scores of the neutral texts, where both are around the same mean of as many texts; else nothing."""
    one, other = left.calibration, right.calibration
    same = one and other and one.texts == other.texts and np.array_equal(one.centre, other.centre)
    return (
        Calibration(np.concatenate([one.scores, other.scores], axis=-2), one.centre) if one and other and same else None
    )


def _less_reliable(left: EmotionVectors, right: EmotionVectors) -> Mapping[str, object] | None:
    """The header's reliability: that of the part that agrees less with itself, with the r of all names; None where one has none."""
    one, other = left.reliability, right.reliability
    if one is None or other is None:
        return None
    worse = min((one, other), key=lambda found: (found.reliable, found.median))
    return replace(worse, r=(*one.r, *other.r)).header((*left.emotions, *right.emotions))


def from_arrays(
    directions: Mapping[str, np.ndarray],
    lm: LanguageModel,
    layer: int | None,
    residual_norm: np.ndarray | None,
    concept: str,
    plain: Sequence[str],
) -> EmotionVectors:
    """See `EmotionVectors.from_arrays`; the norms are measured over the `plain` texts where they are not given."""
    chosen = lm.default_layer if layer is None else layer
    if not directions or not 0 <= chosen < lm.n_layers:
        raise UserError(f"Give at least one vector, at a layer from 0 to {lm.n_layers - 1}.")
    # By the names that commands can take: spaces at their ends could never be asked for.
    arrays = {check_name(name, "a vector"): np.asarray(vector, dtype=np.float32) for name, vector in directions.items()}
    if len(arrays) < len(directions):
        raise UserError("Two of the names differ only in spaces at their ends; give them different names.")
    whole, width = (lm.n_layers, lm.hidden_size), (lm.hidden_size,)
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or shapes & {whole, width} != shapes:
        raise UserError(
            f"The vectors have the shapes {', '.join(map(str, sorted(shapes)))}; {lm.name} needs {width} each, or {whole} for all layers."
        )
    bad = [
        name
        for name, array in arrays.items()
        if not np.isfinite(array).all() or not np.atleast_2d(array).any(axis=1).all()
    ]
    if bad:
        raise UserError(
            f"The vector '{bad[0]}' is zero at a layer, or has values that are not finite; leave it out or give it at one layer."
        )
    raw = np.zeros((lm.n_layers, len(arrays), lm.hidden_size), dtype=np.float32)
    if shapes == {whole}:
        raw[:] = np.stack(list(arrays.values()), axis=1)
    else:
        raw[chosen] = np.stack(list(arrays.values()))
    norms = _norms(lm, plain) if residual_norm is None else np.asarray(residual_norm, dtype=np.float32)
    if norms.shape != (lm.n_layers,) or not (np.isfinite(norms).all() and (norms > 0).all()):
        raise UserError(f"residual_norm needs {lm.n_layers} positive numbers, one for each layer.")
    header: dict[str, Any] = {
        **lm.facts, "model_sha256": lm.sha256, "concept": concept,
        "source": "from arrays", "dtype": str(lm.dtype).removeprefix("torch."),
    }  # fmt: skip
    if shapes != {whole}:
        header["layers_given"] = [chosen]
    embedding = np.zeros((len(arrays), lm.hidden_size), dtype=np.float32)
    return EmotionVectors(tuple(arrays), raw, raw.copy(), embedding, norms, chosen, "raw", header)


def _norms(lm: LanguageModel, plain: Sequence[str]) -> np.ndarray:
    """(layers,) mean residual norm over the tokens of some texts, without the very first one of each."""
    from emotion_vectors.lm.messages import converse
    from emotion_vectors.vectors.calibration import own_tokens

    texts = [converse(lm, text) for text in plain]
    pooled = pool(lm, [(text.ids, own_tokens(*text.messages[0][1:])) for text in texts])
    return ((pooled.tokens / pooled.tokens.sum()) @ pooled.norms)[1:].astype(np.float32)
