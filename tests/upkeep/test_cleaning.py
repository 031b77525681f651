"""A cleaned run serves every other verb, and what can't be cleaned is refused."""

import pytest
from report.asking import write_report

from emotion_vectors import EmotionVectors, settings
from emotion_vectors.errors import UserError
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.store.atomic import read_json
from emotion_vectors.upkeep.cleaning import clean_run
from emotion_vectors.upkeep.status import run_status
from upkeep.folders import contents

QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


def test_a_cleaned_run_still_serves_every_other_verb(copied, toy_run):
    before, record = contents(copied), toy_run[1]
    promised = clean_run(copied, dry_run=True)
    assert contents(copied) == before
    found = clean_run(copied)
    assert found == promised and found["files"] > 3
    left = contents(copied)
    assert sum(size for size, _ in before.values()) - found["bytes"] == found["kept_bytes"]
    for name in (
        "results.json",
        "vectors.safetensors",
        "calibration.safetensors",
        "stories.parquet",
        "report.html",
        "choices.parquet",
        "steering.parquet",
    ):
        assert left[name] == before[name]
    assert not (copied / "parts").exists() and not (copied / "activations.safetensors").exists()
    assert EmotionVectors.load(copied).calibration is not None
    write_report(copied, read_json(copied / "results.json"))
    status = run_status(copied)
    assert status["finished"] and status["cleaned"] >= 3
    # The same command finds the run finished, and computes nothing.
    again = run_experiment(settings.toy(), copied, QUIET)
    assert again == record and not (copied / "parts").exists()
    assert clean_run(copied)["files"] == 0


def test_a_cleaned_run_whose_later_stage_is_lost_says_what_to_do(copied):
    clean_run(copied)
    (copied / "steering.parquet").unlink()
    with pytest.raises(UserError, match=r"was cleaned.*steering.*--stories"):
        run_experiment(settings.toy(), copied, QUIET)


def test_what_cannot_be_cleaned_is_refused(copied, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(UserError, match="is not a run folder"):
            clean_run(wrong)
        with pytest.raises(UserError, match="is not a run folder"):
            run_status(wrong)
    (copied / "stages" / "analysis.json").unlink()
    before = contents(copied)
    with pytest.raises(UserError, match="not finished"):
        clean_run(copied)
    assert contents(copied) == before
