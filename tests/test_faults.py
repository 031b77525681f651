"""The fault test in short: two kills of the real command at random moments; `make faults` does fifty and damages files too.

And what a model or a writer can do wrong: not a number in a layer, texts that are empty or never end.
"""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.lm.toy import make_toy
from emotion_vectors.lm.writers.base import Written
from emotion_vectors.pipeline import run_experiment

TOOL = Path(__file__).parents[1] / "tools" / "faults.py"


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_moments_ends_as_one_that_was_not():
    done = subprocess.run(
        [sys.executable, str(TOOL), "--kills", "2", "--minutes", "30"], capture_output=True, text=True, check=False
    )
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0 and last.startswith("passed: ") and "0 wrong" in last, done.stdout + done.stderr
    assert "finished runs" in last and any(name in last for name in ("SIGKILL", "SIGTERM", "SIGINT"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_that_is_no_number_in_one_layer_is_refused_before_anything_is_written(tmp_path, value):
    model, tokenizer = make_toy()
    with torch.no_grad():
        model.model.layers[2].mlp.down_proj.weight[0, 0] = value
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    chosen = settings.change(settings.toy(), model=str(tmp_path / "model"))
    with pytest.raises(UserError, match=r"(?i)nan|not finite|number"):
        run_experiment(chosen, tmp_path / "run", settings.Runtime(device="cpu", quiet=True, threads=1))
    assert not list((tmp_path / "run").glob("*.parquet"))


class Writes:
    """Always the same text."""

    name = "always the same"

    def __init__(self, text, finished):
        self.text, self.finished = text, finished

    def write(self, requests, sampling):
        for request in requests:
            yield Written(request.key, self.text, sampling.max_new_tokens, self.finished)


@pytest.mark.parametrize(
    "text, finished", [("", True), ("and on and on " * 5000, False), ("\x00\ud800\u202e", True), ("\n" * 9, True)], ids=["empty", "endless", "odd", "blank"]
)  # fmt: skip
@pytest.mark.slow
def test_a_writer_of_nothing_or_without_end_leaves_no_vectors_and_says_why(tmp_path, text, finished):
    with pytest.raises(UserError, match=r"no story passed the filters .* another writer"):
        run_experiment(
            settings.toy(),
            tmp_path / "run",
            settings.Runtime(device="cpu", quiet=True, threads=1),
            writer=Writes(text, finished),
        )
    stories = pl.read_parquet(tmp_path / "run" / "stories.parquet")
    assert len(stories) and not stories["kept"].any() and "" not in set(stories["dropped"])
    assert not (tmp_path / "run" / "vectors.safetensors").exists()
