"""Other people's vectors as a vectors file of ours, for `read` and `steer`.

In: repeng or llama.cpp control vectors (one file per emotion), or an npz of emotions x layers x d. Out: `EmotionVectors` of
kind "raw". `residual_norm` is measured on the model: the mean norm over the tokens of the pack's neutral questions (its topics
where it has none), each asked in the model's own prompt format. The header lists the layers that every vector has; the others
are zero in the file, and `EmotionVectors.at` refuses them. There is no centre, calibration or direction of the embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.exports import arrays, control_vector
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store.run_folder import file_digest
from emotion_vectors.vectors.activations import pool
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.layers import in_short

FORMATS = ("repeng", "npz")
MOST_EMOTIONS = 10_000


class Foreign(NamedTuple):
    """Vectors by emotion and layer, each (d,) float32, and the layers that every emotion has.

    `counted`: the file does not number its layers, so they must be as many as the model has. `left_out`: a `direction.0` was there.
    """

    vectors: dict[str, dict[int, np.ndarray]]
    layers: list[int]
    counted: bool = False
    left_out: bool = False


def import_vectors(
    files: Sequence[str],
    format: str,
    lm: LanguageModel,
    pack: Pack,
    layer: int | None = None,
    names: Sequence[str] = (),
) -> EmotionVectors:
    """Read `files` ("FILE" or "NAME=FILE") of one `format` for the model `lm`.

    `layer`: the analysis layer, default the model's; the vectors must be there. `names`: the emotions of an npz that does
    not name them. Raises `UserError` for a damaged file, another width, more layers than the model has, or names that
    are missing or repeated.
    """
    if format not in FORMATS:
        raise UserError(f"There is no format '{format}' to import; {nearest(format, FORMATS)}")
    if not files:
        raise UserError("There is no file to import; name at least one.")
    found = _control_vectors(files, lm.n_layers) if format == "repeng" else _arrays(files, names)
    _check(found, lm)
    chosen = lm.default_layer if layer is None else layer
    if chosen not in found.layers:
        raise UserError(f"The file has no vectors at layer {chosen}; choose --layer from {in_short(found.layers)}.")
    raw = np.zeros((lm.n_layers, len(found.vectors), lm.hidden_size), dtype=np.float32)
    for row, by_layer in enumerate(found.vectors.values()):
        for at in found.layers:
            raw[at, row] = by_layer[at]
    if not np.linalg.norm(raw[chosen], axis=1).all():
        raise UserError(f"A vector at layer {chosen} has length 0; choose another --layer or leave that emotion out.")
    whole = [at for at in found.layers if np.linalg.norm(raw[at], axis=1).all()]
    header = {
        "model": "embedded" if lm.source.startswith("pypi:") else lm.source, "model_sha256": lm.sha256,
        "source": f"imported from {format}", "layers_given": whole, "residual_norm_from": "neutral questions",
        "source_sha256": [file_digest(_path(file)) for file in files],
    }  # fmt: skip
    if found.left_out:
        header["layers_left_out"] = [0]
    embedding = np.zeros((len(found.vectors), lm.hidden_size), dtype=np.float32)
    norms = mean_norms(lm, pack)
    return EmotionVectors(tuple(found.vectors), raw, raw.copy(), embedding, norms, chosen, "raw", header)


def mean_norms(lm: LanguageModel, pack: Pack) -> np.ndarray:
    """Mean residual norm (n,) float32 at the output of each block over the tokens of the pack's neutral questions.

    The tokens of the prompt format are left out: the first of them have norms many times those of ordinary text.
    """
    questions = pack.neutral_questions or pack.topics
    prompts = [chat_prompt(lm, "{question}", {"question": question}) for question in questions]
    pooled = pool(lm, [(prompt.ids, prompt.spans["question"]) for prompt in prompts])
    weights = pooled.tokens / pooled.tokens.sum()
    return (weights @ pooled.norms)[1:].astype(np.float32)


def _control_vectors(files: Sequence[str], blocks: int) -> Foreign:
    vectors: dict[str, dict[int, np.ndarray]] = {}
    left_out = False
    for file in files:
        path = _path(file)
        read = control_vector.from_the_front(path, control_vector.read(path), blocks)
        given = file.partition("=")[0].strip() if path != Path(file) else ""
        name = given or str(read.keys.get("general.name", "")) or path.stem
        _add(vectors, name, read.layers)
        left_out |= read.left_out
    common = sorted(set.intersection(*(set(layers) for layers in vectors.values())))
    return Foreign(vectors, common, left_out=left_out)


def _arrays(files: Sequence[str], names: Sequence[str]) -> Foreign:
    if len(files) > 1:
        raise UserError("An npz contains all emotions; import one file at a time.")
    read = arrays.read(Path(files[0]))
    emotions = tuple(names) or read.emotions
    if emotions is None or len(emotions) != len(read.vectors):
        raise UserError(
            f"The file has {len(read.vectors)} vectors and {len(emotions or ())} names; name them in its order with --names."
        )
    layers = list(range(read.vectors.shape[1])) if read.layers is None else list(read.layers)
    if len(set(layers)) < len(layers) or min(layers) < 0:
        raise UserError(f"The file's layers {in_short(layers)} repeat or are negative; count blocks from 0.")
    vectors: dict[str, dict[int, np.ndarray]] = {}
    for name, rows in zip(emotions, read.vectors, strict=True):
        _add(vectors, name, dict(zip(layers, rows, strict=True)))
    return Foreign(vectors, sorted(layers), counted=read.layers is None)


def _add(vectors: dict[str, dict[int, np.ndarray]], name: str, layers: dict[int, np.ndarray]) -> None:
    name = name.strip()  # `read` and `steer` strip what they are given, so a space at an end could never be asked for
    # `read` parts names at commas, and `steer` a name from its strength at =.
    if not name or len(name) > 100 or not name.isprintable() or {",", "="} & set(name):
        raise UserError(
            f"'{name[:40]!a}' is not the name of an emotion; write NAME=FILE, or --names for an npz, without commas and =."
        )
    if name in vectors:
        raise UserError(f"The emotion '{name}' is given twice; write NAME=FILE with different names.")
    if len(vectors) >= MOST_EMOTIONS:
        raise UserError(f"There are more than {MOST_EMOTIONS:,} emotions; import fewer.")
    vectors[name] = layers


def _check(found: Foreign, lm: LanguageModel) -> None:
    if not found.layers:
        raise UserError("The files have no layer in common; export them for the same layers.")
    width = {len(vector) for layers in found.vectors.values() for vector in layers.values()}
    if width != {lm.hidden_size}:
        raise UserError(
            f"The vectors have width {in_short(sorted(width))}, but {lm.name} has {lm.hidden_size}; give the model they come from."
        )
    if found.layers == list(range(1, lm.n_layers + 1)):
        raise UserError(
            f"The file's layers go from 1 to {lm.n_layers}, but they are counted from 0 here: layer 0 is the output of the first block; write "
            "the array 'layers' as numbers of blocks."
        )
    if found.layers[-1] >= lm.n_layers or (found.counted and len(found.layers) != lm.n_layers):
        raise UserError(
            f"The file has layers up to {found.layers[-1]} of {len(found.layers)}, but {lm.name} has {lm.n_layers} (0 to "
            f"{lm.n_layers - 1}); give the model they come from, or an npz with an array 'layers'."
        )


def _path(file: str) -> Path:
    """The path in "NAME=FILE"; a file whose own name has an = in it is taken as it is."""
    name, equals, path = file.partition("=")
    return Path(path) if equals and name.strip() and not Path(file).exists() else Path(file)
