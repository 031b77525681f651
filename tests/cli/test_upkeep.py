"""Status, plan and clean print text and JSON."""

import json

import pytest
from upkeep.conftest import copied  # noqa: F401

from emotion_vectors.cli import main


def test_the_commands_print_text_and_json(copied, capsys, monkeypatch):
    def called(*words):
        monkeypatch.setattr("sys.argv", ["emotion-vectors", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    assert json.loads(called("status", copied, "--json"))["finished"]
    said = called("status", copied, "--preset", "toy", "--set", "strength=0.3")
    assert "Finished." in said and "steering would be run again: settings.strength differs." in said
    assert "feels would be run again" in said and "stories would" not in said
    assert json.loads(called("plan", "--preset", "toy", "--json"))["items"]["emotions"] == 12
    assert "steered prompts" in called("plan", "--preset", "toy")
    written = json.loads(called("plan", "--preset", "toy", "--json"))["items"]
    read = json.loads(called("plan", "--preset", "toy", "--stories", "ours", "--neutral", "ours", "--json"))["items"]
    named = json.loads(
        called("plan", "--preset", "toy", "--set", "stories_from=ours", "--set", "neutral_from=ours", "--json")
    )
    assert read == named["items"] != written
    assert called("clean", copied, "--dry-run").startswith("Would remove")
    assert called("clean", copied).startswith("Removed")
