"""Lists of settings and of a pack's state."""

import pytest

from emotion_vectors.settings import PRESETS, Settings, preset
from emotion_vectors.stimuli import load_pack


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_of_a_preset_is_shown_with_its_value(name, call):
    shown = call("settings", name, COLUMNS="300")
    assert shown.returncode == 0
    for setting in Settings.model_fields:
        line = next(line for line in shown.stdout.splitlines() if f" {setting} " in line)
        assert str(getattr(preset(name), setting)).strip()[:20] in line


def test_a_preset_that_there_is_not_is_one_sentence(call):
    done = call("settings", "nothing")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_folder_that_is_no_pack_ends_with_2(call, tmp_path):
    done = call("stimuli", "verify", tmp_path)
    assert done.returncode == 2 and load_pack().name not in done.stdout
