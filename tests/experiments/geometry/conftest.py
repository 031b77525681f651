"""Planted valence, measured once for the tests of this folder."""

import pytest

from experiments.geometry.worlds import facts, found, noise, planted


@pytest.fixture(scope="module")
def with_valence():
    """Valence on the vectors; words that know nothing."""
    return found(planted(valence=4), facts(noise(5)), noise(6))
