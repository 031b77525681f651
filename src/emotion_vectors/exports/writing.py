"""One entry for every export: choose the vectors, write the format, say which files were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.exports import arrays, control_vector, hub, serving
from emotion_vectors.exports.choice import directions, known, places
from emotion_vectors.store import atomic
from emotion_vectors.store.remote import folder_at
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.layers import parse_layers

STEERING = {
    "gguf": ".gguf",
    "steering-vectors": ".safetensors",
    "lm-eval": ".pt",
    "easysteer": ".gguf",
    "vllm-lens": ".json",
}
FORMATS = ("safetensors", "npz", *STEERING, "huggingface")


def export_vectors(
    source: str | Path,
    format: str,
    out: Path,
    mix: Mapping[str, float] | None = None,
    emotions: Sequence[str] = (),
    layers: str | None = None,
    strength: float | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write the vectors of a run folder or vectors file in another tool's format; the files that were written.

    `mix` (emotion -> share) makes one direction of several and is for the steering formats (`STEERING`);
    without it each of `emotions` (none: all) gets a file there. `layers`: "12", "10-14,20" or "all"; default the
    analysis layer for steering formats and all for the others. `strength` multiplies what a scale of 1 adds in the other
    tool, in units of the mean residual norm (default 1). Raises `UserError` for anything that does not fit, and where a file is there already
    unless it may `overwrite`.
    """
    if format not in FORMATS:
        raise UserError(f"There is no format '{format}'; {nearest(format, FORMATS)}")
    if mix and emotions:
        raise UserError("--emotion makes one mix and --emotions one file for each emotion; give one of the two.")
    vectors = EmotionVectors.load(source)
    if format in STEERING:
        chosen = _layers(layers, vectors) if layers else [vectors.layer]
        if format == "gguf" and layers and layers.strip() == "all":
            # llama.cpp has no place for layer 0; whoever asks for all layers means all that it can steer.
            chosen = [layer for layer in chosen if layer > 0]
        return _steering(
            vectors, format, out, mix or {}, emotions, chosen, 1.0 if strength is None else strength, source, overwrite
        )
    if mix or strength is not None:
        raise UserError(f"A mix or a strength is for the formats that steer: {', '.join(STEERING)}.")
    names = known(emotions, vectors) if emotions else list(vectors.emotions)
    if format == "npz":
        [path] = places(out, ".npz", ["vectors"])
        _check_free([path], overwrite)
        arrays.write(path, vectors, names, _layers(layers or "all", vectors))
        return [path]
    if layers:
        raise UserError(f"The format {format} always contains all layers; leave --layers out.")
    if format == "huggingface":
        _check_free([out / name for name in hub.FILES], overwrite)
        return hub.write_folder(folder_at(source), vectors.subset(names), out)
    [path] = places(out, ".safetensors", ["vectors"])
    _check_free([path], overwrite)
    vectors.subset(names).save(path)
    return [path]


def _check_free(paths: Sequence[Path], overwrite: bool) -> None:
    taken = [path for path in paths if path.exists()]
    if taken and not overwrite:
        more = f" and {len(taken) - 1} others are" if len(taken) > 1 else " is"
        raise UserError(
            f"{taken[0]}{more} there already; choose another --out, or replace what is there with --overwrite."
        )


def _layers(text: str, vectors: EmotionVectors) -> list[int]:
    """The layers that `--layers` names; `all` are those that have vectors, which in imported files may be some only."""
    return parse_layers(text, len(vectors.raw), vectors.layers)


def _steering(
    vectors: EmotionVectors, format: str, out: Path, mix: Mapping[str, float], emotions: Sequence[str],
    layers: Sequence[int], strength: float, source: str | Path, overwrite: bool,
) -> list[Path]:  # fmt: skip
    made = directions(vectors, mix, emotions, layers, strength)
    paths = places(out, STEERING[format], [direction.name for direction in made])
    _check_free([*paths, *map(serving.spec_of, paths)] if format == "easysteer" else paths, overwrite)
    facts = {name: str(vectors.header.get(name) or "") for name in ("model", "model_sha256", "fingerprint")}
    facts |= {
        "kind": vectors.kind,
        "strength": f"{strength:g}",
        "units": "1 = strength x mean residual norm of the layer",
    }
    hint = _model_hint(source) or facts["model"] or "unknown"
    written: list[Path] = []
    for path, direction in zip(paths, made, strict=True):
        written += [path]
        if format == "gguf":
            control_vector.write(path, direction, hint, facts)
        elif format == "easysteer":
            written[-1:] = serving.write_easysteer(path, direction, hint, facts)
        elif format == "vllm-lens":
            serving.write_vllm_lens(path, direction)
        else:
            from emotion_vectors.exports import steering_files  # PyTorch is loaded for these formats alone

            if format == "lm-eval":
                steering_files.write_lm_eval(path, direction)
            else:
                steering_files.write_steering_vectors(path, direction, facts)
    return written


def silence(source: str | Path, format: str) -> str:
    """One sentence where the tool that a format is for is known to ignore it for the model of these vectors, else ""."""
    return control_vector.silence(_model_hint(source) or "") if format == "gguf" else ""


def _model_hint(source: str | Path) -> str | None:
    """The model type of a run's record, as repeng writes it: "llama" for LlamaForCausalLM."""
    record = Path(source) / "results.json"
    if not record.is_file():
        return None
    architecture = str(atomic.read_json(record)["model"]["architecture"])
    return architecture.removesuffix("ForCausalLM").lower()
