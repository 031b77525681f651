"""Spoiled vectors are noticed."""

import numpy as np
import pytest

from doctor.instruments import assert_found, bugs_of, red
from emotion_vectors.doctor import check_vectors
from emotion_vectors.vectors import directions
from emotion_vectors.vectors.file import EmotionVectors


def some_vectors(spoil=""):
    rng = np.random.default_rng(1)
    means = rng.normal(size=(10, 3, 40)) + 5 * rng.normal(size=(1, 3, 40))
    raw = (means if spoil == "uncentred" else directions.contrast(means)).swapaxes(0, 1)
    basis = np.linalg.qr(rng.normal(size=(40, 4)))[0].T
    projected = np.stack([directions.project_out(rows, basis) for rows in raw])
    if spoil == "half projected":
        projected = (projected + raw) / 2
    if spoil == "too much projected":
        projected = np.stack([directions.project_out(rows, np.eye(40)[:6]) for rows in raw])
    if spoil == "zero":
        projected[1, 3] = 0
    if spoil == "nan":
        raw[2, 0, 0] = np.nan
    header = {"neutral_components": [4, 4, 4]}
    names = tuple(f"e{i}" for i in range(10))
    raw, projected = raw.astype(np.float32), projected.astype(np.float32)
    return EmotionVectors(names, raw, projected, raw[0], np.ones(3), 1, "projected", header)


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        ("uncentred", "vectors_centred"), ("half projected", "vectors_projected"), ("too much projected", "vectors_projected"),
        ("zero", "vectors_finite"), ("nan", "vectors_finite"),
    ],
)  # fmt: skip
def test_spoiled_vectors_are_noticed(spoil, name):
    assert red(check_vectors(some_vectors())) == set()
    assert name in red(check_vectors(some_vectors(spoil)))


@pytest.mark.parametrize("bug", bugs_of("directions"), ids=lambda bug: bug.__name__)
def test_a_planted_bug_turns_its_checks_red(bug, monkeypatch):
    assert_found(bug, monkeypatch)
