"""The public names are listed, found, documented, and cost nothing until they are used."""

import subprocess
import sys

import pytest

import emotion_vectors


def test_the_list_is_whole():
    assert sorted(emotion_vectors.__all__) == sorted(emotion_vectors._HOMES)
    assert len(emotion_vectors.__all__) <= 25


@pytest.mark.parametrize("name", emotion_vectors.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(emotion_vectors, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_here"):
        emotion_vectors.nothing_here  # noqa: B018


@pytest.mark.parametrize("module", ["emotion_vectors", "emotion_vectors.cli"])
def test_importing_loads_no_heavy_package(module):
    """So that ``--help`` and ``--version`` answer at once."""
    code = f"import sys, {module}; print(*({{'torch', 'transformers', 'polars', 'numpy', 'scipy'}} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []
