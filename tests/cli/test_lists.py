"""Lists of settings and of a pack's state."""

import pytest

from emotion_vectors.settings import PRESETS, Settings, preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_of_a_preset_is_shown_with_its_value(name, call):
    shown = call("settings", name, COLUMNS="300")
    assert shown.returncode == 0
    for setting in Settings.model_fields:
        line = next(line for line in shown.stdout.splitlines() if line.startswith(f"│ {setting} "))
        assert str(getattr(preset(name), setting)).strip()[:20] in line


def test_a_preset_that_there_is_not_is_one_sentence(call):
    done = call("settings", "nothing")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_malformed_list_ends_with_2_and_is_named(call, tmp_path):
    (tmp_path / "emotions.json").write_text("not JSON")
    done = call("stimuli", "verify", tmp_path)
    assert done.returncode == 2 and "malformed" in done.stdout and "emotions" in done.stdout
