"""Make a GGUF file that OpenVINO reads right.

openvino-genai 2026.4 rounds the block minima of some quantised types. On SmolLM2's Q4_1 file its likeliest token agreed
with transformers' (which agrees with llama.cpp) at 65 % of the positions; on the same weights stored as Q8_0 or F16 at
98 %. So any other type is decoded and stored again as Q8_0, once, in the cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.lm.gguf_header import read_header
from emotion_vectors.lm.weights import sha256_of
from emotion_vectors.store.cache import cache_folder
from emotion_vectors.store.locking import locked

Kind = gguf.GGMLQuantizationType
EXACT = frozenset({Kind.F32, Kind.F16, Kind.Q8_0})
# Q8_0 stores blocks of 32 weights along a row.
BLOCK = 32


def readable_gguf(path: Path, cache: Path | None = None, say: Callable[[str], None] | None = None) -> Path:
    """`path` itself if all its weights are of a type that OpenVINO reads right, else a Q8_0 copy in the cache.

    The copy differs from the original weights by at most 1/254 of the largest weight of each block of 32.
    """
    # The general reader takes seconds for a large vocabulary, and this is asked at every start of the engine.
    if EXACT.issuperset(read_header(path).types):
        return path
    folder = cache_folder(cache)
    copy = folder / f"{path.stem}-{sha256_of(path)[:16]}-q8_0.gguf"
    with locked(folder / f"{copy.name}.lock"):
        if not copy.is_file():
            if say:
                say(f"Storing {path.name} once more as Q8_0, which OpenVINO reads exactly.")
            _store(path, copy)
    return copy


def _store(path: Path, copy: Path) -> None:
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, OSError, IndexError) as error:
        raise UserError(f"Can't read the GGUF file {path}: {error}; download it again.") from error
    temporary = copy.with_name(f".{copy.name}.{os.getpid()}.tmp")
    try:
        _write(reader, temporary)
        os.replace(temporary, copy)
    except OSError as error:
        raise UserError(
            f"Can't write {copy}: {error.strerror or error}; free space or set EMOTION_VECTORS_CACHE."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(reader: Any, path: Path) -> None:
    architecture = reader.fields["general.architecture"].contents()
    # Tensors wait in a temporary file, so that memory holds one at a time.
    writer = gguf.GGUFWriter(path, architecture, use_temp_file=True)
    try:
        for key, field in reader.fields.items():
            if key.startswith("GGUF.") or key == "general.architecture":
                continue
            value = int(gguf.LlamaFileType.MOSTLY_Q8_0) if key == "general.file_type" else field.contents()
            is_array = field.types[0] == gguf.GGUFValueType.ARRAY
            writer.add_key_value(key, value, field.types[0], sub_type=field.types[-1] if is_array else None)
        for tensor in reader.tensors:
            _add(writer, tensor)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _add(writer: Any, tensor: Any) -> None:
    # GGUF lists dimensions from the innermost outwards.
    shape = [int(size) for size in tensor.shape[::-1]]
    values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(shape)
    if values.ndim == 1:
        writer.add_tensor(tensor.name, values)
    elif shape[-1] % BLOCK:
        writer.add_tensor(tensor.name, values.astype(np.float16))
    else:
        writer.add_tensor(tensor.name, gguf.quants.quantize(values, Kind.Q8_0), raw_dtype=Kind.Q8_0)
