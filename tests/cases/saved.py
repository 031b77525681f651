"""What a user of a case has: a tiny random model in a folder, vectors of it, files of texts, and the command."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel, PreTrainedTokenizerFast
from typer.testing import CliRunner

from emotion_vectors.cli import app
from emotion_vectors.errors import UserError
from emotion_vectors.lm import toy
from emotion_vectors.lm.model import locate
from emotion_vectors.vectors.file import EmotionVectors

SHAPE = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 1024, "initializer_range": 0.2, "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
}  # fmt: skip
NAMES = ("calm", "afraid", "happy")
LAYER = 2


@cache
def _tokenizer() -> PreTrainedTokenizerFast:
    return toy.make_toy()[1]


def tokenizer(template: str | None = toy.TEMPLATE, special: Any = ()) -> PreTrainedTokenizerFast:
    """The toy tokenizer with a template and more control tokens."""
    found = deepcopy(_tokenizer())
    found.chat_template = template
    if special:
        found.add_special_tokens({"additional_special_tokens": list(special)})
    return found


def random_model(words: PreTrainedTokenizerFast, kind: Any = LlamaConfig, **more: Any) -> PreTrainedModel:
    """A random float32 model with an embedding for every token."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = kind(**SHAPE | {"vocab_size": len(words)} | more)
        return AutoModelForCausalLM.from_config(config).float().eval()


def save(model: PreTrainedModel, words: PreTrainedTokenizerFast, folder: Path, **options: Any) -> Path:
    model.save_pretrained(folder, **options)
    words.save_pretrained(folder)
    return folder


def save_vectors(
    folder: Path, out: Path, names: tuple[str, ...] = NAMES, blocks: int = 4, width: int = 32
) -> EmotionVectors:
    """Random vectors of the model in `folder`."""
    raw = np.random.default_rng(0).normal(size=(blocks, len(names), width)).astype(np.float32)
    header = {"model": str(folder), "model_sha256": locate(str(folder)).sha256, "dtype": "float32"}
    norms = np.full(blocks, 4, np.float32)
    found = EmotionVectors(
        names, raw, raw.copy(), np.zeros((len(names), width), np.float32), norms, LAYER, "raw", header
    )
    found.save(out)
    return found


def command(*words: Any, stdin: str | None = None) -> Any:
    """The finished command; what it raises other than a refusal is raised here too."""
    done = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env={"COLUMNS": "200", "TERM": "dumb"})
    if done.exception and not isinstance(done.exception, SystemExit | UserError):
        raise done.exception
    return done


def refusal(*words: Any, stdin: str | None = None) -> str:
    """The one sentence with which a command refuses."""
    done = command(*words, stdin=stdin)
    assert isinstance(done.exception, UserError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def read_rows(folder: Path, rows: list[dict[str, Any]] | Path) -> list[dict[str, Any]]:
    """What `read` writes of texts, with the vectors `folder`/v.safetensors."""
    path = rows
    if isinstance(rows, list):
        path = folder / "texts.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    out = folder / "scores.parquet"
    for old in (out, folder / "scores.parquet.json"):
        old.unlink(missing_ok=True)
    done = command(
        "read",
        path,
        "--vectors",
        folder / "v.safetensors",
        "--emotions",
        "calm",
        "--out",
        out,
        "--device",
        "cpu",
        "--quiet",
    )
    assert done.exit_code == 0, done.output or done.exception
    return pl.read_parquet(out).to_dicts()


def plain_mean(model: PreTrainedModel, ids: list[int], first: int, last: int, vectors: EmotionVectors) -> float:
    """The mean cosine with "calm" over tokens first to last - 1, from transformers' own hidden states."""
    with torch.inference_mode():
        hidden = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[LAYER + 1][0].double().numpy()
    vector = vectors.raw[LAYER, 0].astype(float)
    cosines = hidden @ vector / np.linalg.norm(hidden, axis=1) / np.linalg.norm(vector)
    return float(cosines[first:last].mean())


def greedy(model: PreTrainedModel, ids: list[int], count: int, ends: tuple[int, ...] = ()) -> tuple[list[int], float]:
    """The likeliest continuation, one whole forward pass a token, and its mean log probability in nats."""
    found, total = list(ids), 0.0
    with torch.inference_mode():
        for _ in range(count):
            row = torch.log_softmax(model(torch.tensor([found])).logits[0, -1].double(), -1)
            token = int(row.argmax())
            if token in ends:
                break
            found.append(token)
            total += float(row[token])
    written = found[len(ids) :]
    return written, total / max(len(written), 1)


def unsteered(
    folder: Path, prompt: str, *words: Any, stdin: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first unsteered text of `steer --greedy --json`, and the whole object."""
    done = command(
        "steer", folder / "v.safetensors", prompt, "--emotion", "calm=0.2", "--greedy", "--max-tokens", "8", "--json", "--device", "cpu", *words, stdin=stdin
    )  # fmt: skip
    assert done.exit_code == 0, done.output or done.exception
    found = json.loads(done.stdout)
    return next(text for text in found["texts"] if text["kind"] == "unsteered"), found
