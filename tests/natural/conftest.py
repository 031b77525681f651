"""What the tests of this folder share."""

import dataclasses

import pytest
from vectors.worlds import make_vectors

from emotion_vectors.lm import toy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    header = {"model": "toy", "model_sha256": toy.SHA256, "dtype": "float32", "fingerprint": "f"}
    dataclasses.replace(make_vectors(), header=header).save(path / "vectors.safetensors")
    return path
