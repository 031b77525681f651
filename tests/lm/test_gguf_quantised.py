"""Weights of each quantised type: ours of the file are llama.cpp's of the same weights in float32, so what is left is its rounding.

On a quantised file llama.cpp rounds also what it multiplies the weights with (to 8 bits or float16). The reference is the same file with
every tensor dequantised by the gguf package. Skipped without the package cyllama; docs/gguf.md has the figures of a run.
"""

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from transformers import LlamaConfig

from emotion_vectors.lm.model import load_model
from lm.gguf_worlds import GROUPED, SHAPE
from lm.llama_cpp import reading
from lm.test_gguf_llama_cpp import SENTENCE, log_probabilities, stored_as_float32
from lm.tiny_gguf import finish, random_model, shape_keys, tensors_of, tokenizer_keys

pytestmark = pytest.mark.slow
pytest.importorskip("cyllama.llama.llama_cpp", reason="pip install cyllama==0.2.18")

MADE = (Kind.F16, Kind.BF16, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0, Kind.TQ1_0, Kind.TQ2_0, Kind.MXFP4)
# The gguf package only reads these: blocks of random bytes, with the places in bytes of their scales (ggml-common.h).
SCALES = {
    Kind.Q2_K: (80, 82), Kind.Q3_K: (108,), Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,), Kind.IQ1_S: (0,), Kind.IQ2_XXS: (0,),
    Kind.IQ2_XS: (0,), Kind.IQ2_S: (0,), Kind.IQ3_XXS: (0,), Kind.IQ3_S: (0,), Kind.IQ4_NL: (0,), Kind.IQ4_XS: (0,),
}  # fmt: skip


def in_blocks(kind, rows, seed):
    """A matrix (n, k) in blocks of `kind`: rounded, or random where nobody can round to them; weights of about the same size."""
    if kind in MADE:
        return gguf.quants.quantize(rows, kind)
    per_block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = np.random.default_rng(seed).integers(0, 256, (rows.size // per_block, size), dtype=np.uint8)
    for scale in (1.0, None):
        if scale is None:  # of the first try, how large the numbers came out
            scale = float(rows.std() / gguf.quants.dequantize(blocks, kind).std())
        for place in SCALES[kind]:
            blocks[:, place : place + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    return blocks.reshape(len(rows), -1)


def quantised(path, kind):
    """A tiny Llama all of whose matrices are stored as `kind`."""
    model = random_model(LlamaConfig(**SHAPE | GROUPED | {"hidden_size": 256, "intermediate_size": 512}))
    plain = tensors_of(model, "llama")
    matrices = {name: rows for name, rows in plain.items() if rows.ndim == 2}
    writer = gguf.GGUFWriter(path, "llama")
    for name, rows in plain.items():
        if name in matrices:
            stored = in_blocks(kind, np.ascontiguousarray(rows, dtype=np.float32), len(name))
            writer.add_tensor(name, stored, raw_dtype=kind)
        else:
            writer.add_tensor(name, rows)
    finish(writer, {"general.name": "tiny"} | shape_keys(model.config, "llama") | tokenizer_keys())
    return path


@pytest.mark.parametrize("kind", [*MADE, *SCALES], ids=lambda kind: kind.name)
def test_every_type_is_read_as_the_same_weights_in_float32(kind, tmp_path):
    path = quantised(tmp_path / "m.gguf", kind)
    plain = stored_as_float32(path, tmp_path / "plain.gguf")
    with reading(path) as rounding, reading(plain) as exact:
        ids = exact.tokens(SENTENCE * 2)
        wanted, rounded = exact.log_probabilities(ids), rounding.log_probabilities(ids)
    ours = log_probabilities(load_model(str(path), "cpu", "float32", tmp_path), ids)
    assert np.abs(ours - wanted).max() < 1e-4
    # What llama.cpp makes of the quantised file is as far from itself as from ours.
    assert np.abs(ours - rounded).max() == pytest.approx(np.abs(wanted - rounded).max(), abs=2e-4)
