"""What the tests of this folder share."""

import pytest

from exports.worlds import some_vectors


@pytest.fixture
def saved(tmp_path):
    some_vectors().save(tmp_path / "vectors.safetensors")
    return tmp_path / "vectors.safetensors"
