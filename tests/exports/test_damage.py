"""Damaged bytes of every format that is read: a value or a `UserError` comes out, never another error, and soon."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotion_vectors.errors import UserError
from emotion_vectors.exports import arrays, control_vector, export_vectors
from emotion_vectors.vectors.file import EmotionVectors
from exports.worlds import some_vectors

READERS = {"gguf": control_vector.read, "npz": arrays.read, "safetensors": EmotionVectors.load}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A whole file of each format, and a place to damage it in."""
    folder = tmp_path_factory.mktemp("damage")
    some_vectors(width=8).save(folder / "vectors.safetensors")
    files = {"safetensors": (folder / "vectors.safetensors").read_bytes()}
    for format, layers in (("gguf", "1-2"), ("npz", "all")):
        options = {"mix": {"calm": 1.0}} if format == "gguf" else {}
        [path] = export_vectors(
            folder / "vectors.safetensors", format, folder / f"v.{format}", layers=layers, **options
        )
        files[format] = path.read_bytes()
    return folder, files


@pytest.mark.parametrize("format", READERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.slow
def test_damaged_bytes_are_refused_or_read(written, format, data):
    folder, files = written
    whole = bytearray(files[format])
    end = data.draw(st.integers(0, len(whole)) | st.just(len(whole)))
    for _ in range(data.draw(st.integers(1, 4))):
        # Most of what can go wrong is in the header, so it is hit more often than the numbers behind it.
        place = data.draw(st.integers(0, min(600, len(whole) - 1)) | st.integers(0, len(whole) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=8) | st.just(b"\xff" * 8) | st.just(b"\x00" * 8))
        whole[place : place + len(patch)] = patch
    path = folder / f"damaged.{format}"
    path.write_bytes(bytes(whole[:end]))
    try:
        found = READERS[format](path)
    except UserError as error:
        assert "\n" not in str(error)
        return
    if format == "gguf":
        assert all(np.isfinite(vector).all() for vector in found.layers.values())
    elif format == "npz":
        assert np.isfinite(found.vectors).all() and found.vectors.nbytes <= 4 * len(files[format])


@pytest.mark.parametrize("count", [2**16, 2**40, 2**63])
def test_a_gguf_that_counts_more_than_it_holds(written, count):
    folder, files = written
    for at in (8, 16):  # number of tensors, number of keys
        damaged = bytearray(files["gguf"])
        damaged[at : at + 8] = count.to_bytes(8, "little")
        (folder / "counts.gguf").write_bytes(bytes(damaged))
        with pytest.raises(UserError, match="too many"):
            control_vector.read(folder / "counts.gguf")
