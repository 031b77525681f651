"""Sources that are not set leave a run's identity as it was; contradicting ones are refused."""

import pytest

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.opening import LATER, SOURCES, settings_identity
from emotion_vectors.pipeline import run_experiment

QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


def test_sources_that_are_not_set_leave_the_identity_as_it_was():
    """A folder made before there were such settings is still the same run; set ones count."""
    named = settings_identity(settings.toy())
    assert set(settings.Settings.model_fields) - set(named) == {
        "model",
        "adapter",
        "stimuli",
        *SOURCES,
        *LATER,
    }  # hashes of the first three are the identity
    other = settings.change(settings.toy(), writer="server", server_model="big")
    assert settings_identity(other) == named | {"writer": "server", "server_model": "big"}
    assert settings_identity(settings.change(settings.toy(), clusters=7)) == named | {"clusters": 7}


@pytest.mark.parametrize(
    "changes", [{"writer": "server"}, {"server_model": "big"}, {"skip_unknown_emotions": True}], ids=str
)
def test_contradicting_sources_are_refused_before_anything_is_made(changes, tmp_path):
    with pytest.raises(UserError, match=r"server_model|--stories"):
        run_experiment(settings.change(settings.toy(), **changes), tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()
