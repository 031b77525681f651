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


def test_importing_the_package_loads_no_torch():
    code = "import sys, emotion_vectors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
