"""Figures follow from the rounds."""

import numpy as np
import pytest

from emotion_vectors.bench import Sizes
from emotion_vectors.settings import Runtime

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def test_figures_follow_from_the_rounds(record):
    for job in record["jobs"].values():
        assert len(job["rates"]) == len(job["plain"]["rates"]) == SMALL.rounds >= 3
        assert job["rate"] == np.median(job["rates"]) and job["plain"]["rate"] == np.median(job["plain"]["rates"])
        assert job["ratio_to_plain"] == pytest.approx(job["rate"] / job["plain"]["rate"])
        assert job["fraction_of_limit"] == pytest.approx(job["rate"] / job["limit"]["rate"])
