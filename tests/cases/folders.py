"""Model folders as a user of a case has them: the tiny model or a changed one, its vectors, files of texts, and the command."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from tiny import tiny
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from typer.testing import CliRunner
from vectors.worlds import make_vectors

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import locate
from emotion_vectors.vectors.file import EmotionVectors

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
USER = {"role": "user", "content": "How warm is it?"}
ANSWER = {"role": "assistant", "content": "It is warm."}


def tokenizer(template: Any = CHATML) -> Any:
    """The toy tokenizer with another chat template."""
    made = copy.deepcopy(tiny().tokenizer)
    made.chat_template = template
    return made


def random_model(config: Any) -> PreTrainedModel:
    """A float32 model with random weights, the same ones at every call."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return AutoModelForCausalLM.from_config(config).float().eval()


def saved(
    folder: Path, template: Any = CHATML, model: Any = None, words: PreTrainedTokenizerBase | None = None
) -> Path:
    """A folder with a model (the tiny Llama) and a tokenizer."""
    (tiny().model if model is None else model).save_pretrained(folder)
    (tokenizer(template) if words is None else words).save_pretrained(folder)
    return folder


def vectors_of(folder: Path, out: Path, dtype: str = "float32") -> EmotionVectors:
    """Random vectors whose file says that they are of the model in `folder`."""
    import dataclasses

    header = {"model": str(folder), "model_sha256": locate(str(folder)).sha256, "dtype": dtype}
    made = dataclasses.replace(make_vectors(), header=header)
    made.save(out)
    return made


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    """A .jsonl file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def command(*words: Any) -> Any:
    """The finished command; what it raises beside a refusal fails the test, as a traceback would."""
    arguments = [str(word) for word in words]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    if done.exception and not isinstance(done.exception, UserError | SystemExit):
        raise done.exception
    return done


def refused(*words: Any) -> str:
    """The sentence with which a command refuses."""
    done = command(*words)
    assert isinstance(done.exception, UserError), done.output
    return str(done.exception)


def read(tmp_path: Path, file: Path, vectors: Path | str, *more: Any) -> pl.DataFrame:
    """The table of `read` for one emotion."""
    out = tmp_path / f"{file.stem}-scores.parquet"
    done = command("read", file, "--vectors", vectors, "--emotions", "calm", "--device", "cpu", "--out", out, *more)
    assert done.exit_code == 0, done.output
    return pl.read_parquet(out, glob=False)


def block_means(model: PreTrainedModel, ids: list[int], layer: int) -> np.ndarray:
    """(t, d): what plain transformers gives after block `layer`, its own hidden states."""
    with torch.no_grad():
        return model(torch.tensor([ids]), output_hidden_states=True).hidden_states[layer + 1][0].float().numpy()
