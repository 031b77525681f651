"""Scenarios once more -> activations at the user's last token, and over the first tokens of the model's own answer. Resumable.

With those at the response position (`stages.readings`) they say whether emotion is held for the user or for the answer to come. Answers
are greedy, so they need no seed; they are written as the model computes, and read in float32 where the weights allow it, as the other
short prompts are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from emotion_vectors.experiments.response_position.measure import TOKENS
from emotion_vectors.lab import Lab
from emotion_vectors.lm.decode import Decoded, Row, decode
from emotion_vectors.lm.float32 import in_float32, precision
from emotion_vectors.lm.limits import require_room
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import Prompt, chat_prompt
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.lm.writers.base import read_text
from emotion_vectors.store import atomic, parts
from emotion_vectors.store.records import storable
from emotion_vectors.store.run_folder import fingerprint
from emotion_vectors.vectors import activations

FILE, TEXTS = "responses.safetensors", "responses.parquet"
PROMPTS_PER_PART = 48  # fixed: a part is a unit of resuming and must not depend on the machine
GREEDY = Sampling(temperature=0, max_new_tokens=TOKENS)
COLUMNS = {
    "list": pl.String, "scenario": pl.String, "emotion": pl.String, "user_token": pl.String, "answer": pl.String, "tokens": pl.Int64,
    "finished": pl.Boolean,
}  # fmt: skip


class Responses(NamedTuple):
    """Activations of s prompts, the scenarios and then the held-out ones; entry l + 1 of the layer axis is the output of block l."""

    user: np.ndarray  # (s, n + 1, d) at the last token of the user's message
    answer: np.ndarray  # (s, n + 1, d) mean over the first tokens of the answer; zeros for an answer without any
    tokens: np.ndarray  # (s,) tokens in that mean, at most TOKENS


def read_responses(lab: Lab) -> None:
    """Let the model answer the scenarios of both lists with a few greedy tokens, and read what it computed there."""
    if lab.run.done("responses"):
        return
    lists = (("scenarios", lab.pack.scenarios), ("heldout", lab.pack.heldout_scenarios))
    asked = [(name, scenario) for name, battery in lists for scenario in battery]
    prompts = [chat_prompt(lab.lm, "{message}", {"message": scenario.prompt}) for _, scenario in asked]
    for prompt in prompts:
        require_room(lab.lm, len(prompt.ids), TOKENS, "The prompt of a scenario")
    blocks = {
        start: prompts[start : start + PROMPTS_PER_PART] for start in range(0, max(1, len(prompts)), PROMPTS_PER_PART)
    }
    missing = [start for start in blocks if not parts.is_sound(_part(lab, start), lab.reporter.say)]
    left = sum(len(prompt.ids) + TOKENS for start in missing for prompt in blocks[start])
    with lab.reporter.stage("Answering scenarios", left, "tokens") as stage:
        for start in missing:
            atomic.write_tensors(_part(lab, start), answered(lab.lm, blocks[start], lab.runtime.tokens_per_batch))
            parts.seal(_part(lab, start))
            stage.advance(sum(len(prompt.ids) + TOKENS for prompt in blocks[start]))
        found = [load_file(_part(lab, start)) for start in blocks]
        tensors = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        written = [ids[:count].tolist() for ids, count in zip(tensors.pop("ids"), tensors["tokens"], strict=True)]
        rows = [
            (name, scenario.name, scenario.emotion, _last(lab.lm, prompt), storable(read_text(lab.lm, ids)), len(ids), bool(ended))
            for (name, scenario), prompt, ids, ended in zip(asked, prompts, written, tensors.pop("finished"), strict=True)
        ]  # fmt: skip
        atomic.write_tensors(lab.run / FILE, tensors)
        atomic.write_parquet(lab.run / TEXTS, pl.DataFrame(rows, schema=COLUMNS, orient="row"))
        dtype = str(precision(lab.lm)).removeprefix("torch.")
        lab.run.finish(
            "responses", [FILE, TEXTS], stage.seconds, stage.units, "tokens", dtype=dtype, vocabulary=vocabulary(lab.lm)
        )


def answered(lm: LanguageModel, prompts: list[Prompt], tokens_per_batch: int) -> dict[str, np.ndarray]:
    """Of each prompt (span `message`) the activations of `Responses`, the answer's `ids` (s, TOKENS), 0 behind its end, and whether it `finished`."""
    at_once = max(1, tokens_per_batch // (max((len(prompt.ids) for prompt in prompts), default=0) + TOKENS))
    texts: list[Decoded] = []
    for start in range(0, len(prompts), at_once):
        texts += decode(lm, [Row(prompt.ids) for prompt in prompts[start : start + at_once]], GREEDY)
    # Tokens after the message don't change what is read at its end: one pass gives both.
    whole = [
        ((*prompt.ids, *text.tokens), (_at_end(prompt), (len(prompt.ids), len(prompt.ids) + len(text.tokens))))
        for prompt, text in zip(prompts, texts, strict=True)
    ]
    with in_float32(lm) as exact:
        found = activations.pool_ranges(exact, whole, tokens_per_batch)
    ids = np.zeros((len(prompts), TOKENS), dtype=np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text.tokens)] = text.tokens
    user, answer = (
        np.moveaxis(found, 1, 0) if prompts else np.zeros((2, 0, lm.n_layers + 1, lm.hidden_size), np.float32)
    )
    return {
        "user": np.ascontiguousarray(user), "answer": np.ascontiguousarray(answer), "tokens": np.array([len(text.tokens) for text in texts]),
        "ids": ids, "finished": np.array([text.finished for text in texts]),
    }  # fmt: skip


def vocabulary(lm: LanguageModel) -> str:
    """SHA-256 of the tokenizer's vocabulary without added tokens, which fine-tuning may rename: says whether two models read the same ids."""
    tokenizer: Any = lm.tokenizer
    added = tokenizer.get_added_vocab()
    words = sorted((token, number) for token, number in tokenizer.get_vocab().items() if token not in added)
    return fingerprint(words)


def kept_responses(lab: Any) -> Responses | None:
    """What a run has of them; None where it has none."""
    if lab.run.marker("responses") is None:
        return None
    tensors = load_file(lab.run / FILE)
    return Responses(tensors["user"], tensors["answer"], tensors["tokens"])


def _at_end(prompt: Prompt) -> tuple[int, int]:
    """The last token of the user's message, as a range."""
    last = prompt.spans["message"][1]
    return last - 1, last


def _last(lm: LanguageModel, prompt: Prompt) -> str:
    return storable(str(lm.tokenizer.decode([prompt.ids[_at_end(prompt)[0]]], clean_up_tokenization_spaces=False)))


def _part(lab: Lab, start: int) -> Path:
    return lab.run.parts("responses") / f"{start:06d}.safetensors"
