"""The analysis in several processes gives the record that it gives in one."""

import json
import shutil

import pytest
import torch
from small import CHOSEN, without_page

from emotion_vectors import settings
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.scale import together


@pytest.mark.slow
def test_processes_that_share_the_analysis_change_nothing(small_run, tmp_path, monkeypatch):
    folder, alone = small_run
    copy = shutil.copytree(folder, tmp_path / "run")
    for stage in ("analysis", "report"):
        (copy / "stages" / f"{stage}.json").unlink()
    forks, threads = [], torch.get_num_threads()
    shared = together.share
    monkeypatch.setattr(together, "share", lambda *given: forks.append(given[3]) or shared(*given))
    try:
        with without_page():
            run_experiment(CHOSEN, copy, settings.Runtime(device="cpu", quiet=True, threads=2))
    finally:
        torch.set_num_threads(threads)
    again = json.loads((copy / "results.json").read_text(encoding="utf-8"))
    changing = ("created", "command")
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in alone.items() if k not in changing
    }
    assert forks == [2]
