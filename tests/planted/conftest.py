"""Fixtures of the tests of the planted world."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_vectors.planted.truth import Planted
from emotion_vectors.planted.worlds import plant_pack
from emotion_vectors.stimuli.pack import Pack, load_pack
from planted.plain import emotion_vectors


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """The model is tiny: more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def pack() -> Pack:
    """Our pack."""
    return load_pack()


@pytest.fixture(scope="session")
def planted(pack: Pack) -> Planted:
    """The planted model of our pack with 16 emotions."""
    return plant_pack(pack, pack.subset[:16])


@pytest.fixture(scope="session")
def vectors(planted: Planted, pack: Pack) -> np.ndarray:
    return emotion_vectors(planted, pack)
