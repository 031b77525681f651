"""Emotion vectors in the files of other tools, and other tools' vectors in ours.

`export_vectors` writes safetensors, npz, llama.cpp's GGUF control vectors, files for steering-vectors and for
lm-evaluation-harness, and a Hugging Face repository folder. `foreign.import_vectors` reads repeng's GGUF files and npz arrays.
"""

from __future__ import annotations

from emotion_vectors.exports.writing import FORMATS, export_vectors

__all__ = ["FORMATS", "export_vectors"]
