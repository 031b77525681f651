"""What the tests of this folder share."""

import pytest

from transcripts.planted_texts import calibrated, planted


@pytest.fixture(scope="module")
def world():
    lm, vectors = planted()
    return lm, vectors, calibrated(lm, vectors)
