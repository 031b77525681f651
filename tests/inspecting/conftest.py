"""What the tests of this folder share."""

import dataclasses

import pytest
from transcripts.planted_texts import calibrated
from vectors.worlds import make_vectors

from emotion_vectors.lm import toy
from emotion_vectors.lm.model import load_model
from emotion_vectors.vectors import calibration


@pytest.fixture(scope="module")
def lm():
    return load_model("toy", "cpu", "float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, lm):
    path = tmp_path_factory.mktemp("run")
    header = {"model": "toy", "model_sha256": toy.SHA256, "dtype": "float32", "fingerprint": "f"}
    vectors = dataclasses.replace(make_vectors(), header=header)
    vectors.save(path / "vectors.safetensors")
    calibrated(lm, vectors, 8).save(path / calibration.FILE, "f")
    return path
