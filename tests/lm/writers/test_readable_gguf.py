"""The copy that OpenVINO reads, looked at with the gguf package's own reader."""

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.readable_gguf import readable_gguf

ROWS = np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32)


def written(path, kind, narrow=False):
    """A file with a matrix stored as `kind`, a vector, and where `narrow` a matrix whose rows are no whole blocks."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.name", "tiny")
    writer.add_token_list(["a", "b", "c"])
    writer.add_tensor("matrix", gguf.quants.quantize(ROWS, kind), raw_dtype=kind)
    writer.add_tensor("vector", ROWS[0])
    if narrow:
        writer.add_tensor("narrow", ROWS[:, :20].copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tensors(path):
    """Type and values of each tensor."""
    return {
        one.name: (one.tensor_type, gguf.quants.dequantize(one.data, one.tensor_type))
        for one in gguf.GGUFReader(path).tensors
    }


@pytest.mark.parametrize("kind", [Kind.F32, Kind.F16, Kind.Q8_0], ids=lambda kind: kind.name)
def test_what_is_read_right_is_used_as_it_is(tmp_path, kind):
    path = written(tmp_path / "model.gguf", kind)
    assert readable_gguf(path, tmp_path / "cache") == path and not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", [Kind.Q4_1, Kind.Q5_0, Kind.BF16], ids=lambda kind: kind.name)
def test_the_copy_has_the_same_keys_and_weights_within_a_step_of_8_bits_and_is_made_once(tmp_path, kind):
    path, said = written(tmp_path / "model.gguf", kind, narrow=True), []
    copy = readable_gguf(path, tmp_path / "cache", said.append)
    assert copy.parent == tmp_path / "cache" and len(said) == 1 and said[0].startswith("Storing model.gguf once more")
    theirs, ours = tensors(path), tensors(copy)
    assert {name: one[0] for name, one in ours.items()} == {"matrix": Kind.Q8_0, "vector": Kind.F32, "narrow": Kind.F16}
    exact = theirs["matrix"][1].reshape(-1, 32)
    limit = np.abs(exact).max(axis=1, keepdims=True) / 254
    # The scale of a block is stored in 16 bits, which moves its largest weight by 2^-11 of itself.
    assert (np.abs(ours["matrix"][1].reshape(-1, 32) - exact) <= limit + np.abs(exact) * 2**-11 + 1e-7).all()
    np.testing.assert_array_equal(ours["vector"][1], ROWS[0])
    np.testing.assert_allclose(ours["narrow"][1].reshape(8, 20), ROWS[:, :20], rtol=2**-11, atol=1e-7)
    keys = gguf.GGUFReader(copy).fields
    assert keys["general.name"].contents() == "tiny" and keys["tokenizer.ggml.tokens"].contents() == ["a", "b", "c"]
    when = copy.stat().st_mtime_ns
    assert readable_gguf(path, tmp_path / "cache", said.append) == copy
    assert copy.stat().st_mtime_ns == when and len(said) == 1
    assert not list(copy.parent.glob(".*.tmp"))


def test_a_damaged_file_leaves_no_copy(tmp_path):
    path = written(tmp_path / "model.gguf", Kind.Q4_1)
    for end in (30, path.stat().st_size - 100):
        (tmp_path / "short.gguf").write_bytes(path.read_bytes()[:end])
        with pytest.raises(UserError, match=r"Can't read .*short\.gguf"):
            readable_gguf(tmp_path / "short.gguf", tmp_path / "cache")
    assert not list(tmp_path.rglob("*-q8_0.gguf"))
