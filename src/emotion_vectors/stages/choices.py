"""Preferences, plain and steered: every ordered pair of activities, then the mixed pairs under each vector."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import safetensors.torch
import torch
from safetensors.numpy import load_file

from emotion_vectors.experiments.steering import Runs
from emotion_vectors.lab import Lab
from emotion_vectors.lm import choices
from emotion_vectors.stats import nulls
from emotion_vectors.stats.steering import split_half
from emotion_vectors.store import atomic
from emotion_vectors.vectors.directions import unit

VECTORS_PER_PART = 8  # fixed: a part is a unit of resuming and must not depend on the machine


class Answers(NamedTuple):
    """Differences and A+B mass of all ordered pairs, (n, n)."""

    differences: np.ndarray
    mass: np.ndarray


def ask_preferences(lab: Lab) -> Answers:
    """Read the unsteered choice of every ordered pair of activities."""
    path = lab.run / "choices.parquet"
    if not lab.run.done("preferences"):
        _read_baseline(lab)
    return _from_table(pl.read_parquet(path), len(lab.pack.activities))


def _prepared(lab: Lab) -> choices.Choices:
    prompts = lab.pack.prompts
    return choices.prepare(
        lab.lm, prompts.preference, prompts.preference_prefill, [a.text for a in lab.pack.activities]
    )


def _residual_file(lab: Lab) -> Path:
    return lab.run.parts("preferences") / "residuals.safetensors"


def _read_baseline(lab: Lab) -> None:
    """Write the choices and keep the residuals at the analysis layer for the steered passes."""
    prepared = _prepared(lab)
    with lab.reporter.stage("Asking preferences", len(prepared.prompts), "prompts") as stage:
        baseline = choices.read_baseline(lab.lm, prepared, lab.layer, stage.advance)
        tensors = {f"{i:04d}": residual.contiguous() for i, residual in enumerate(baseline.residuals)}
        atomic.replace_file(_residual_file(lab), lambda file: safetensors.torch.save_file(tensors, file))
        first, second = np.nonzero(np.isfinite(baseline.differences))
        table = {
            "first": first, "second": second, "logit_a": baseline.logits[first, second, 0],
            "logit_b": baseline.logits[first, second, 1], "difference": baseline.differences[first, second],
            "mass": baseline.mass[first, second],
        }  # fmt: skip
        if not lab.run.done("preferences"):
            atomic.write_parquet(lab.run / "choices.parquet", pl.DataFrame(table))
            lab.run.finish("preferences", ["choices.parquet"], stage.seconds, stage.units, "prompts")


def _residuals(lab: Lab) -> list[torch.Tensor]:
    if not _residual_file(lab).exists():
        _read_baseline(lab)
    tensors = safetensors.torch.load_file(_residual_file(lab))
    return [tensors[name] for name in sorted(tensors)]


def _from_table(table: pl.DataFrame, n: int) -> Answers:
    differences, mass = np.full((n, n), np.nan), np.full((n, n), np.nan)
    first, second = table["first"].to_numpy(), table["second"].to_numpy()
    differences[first, second], mass[first, second] = table["difference"].to_numpy(), table["mass"].to_numpy()
    return Answers(differences, mass)


def steered_half(lab: Lab) -> np.ndarray:
    """(n,) bool: the steered activities, every second one of each category, beginning with the first."""
    return split_half([activity.category for activity in lab.pack.activities], "even")


def steer_preferences(lab: Lab, emotions: tuple[str, ...], vectors: np.ndarray, residual_norm: float) -> Runs:
    """Ask the mixed pairs again under each emotion's vector (m, d), random directions, and strength 0."""
    path = lab.run / "steering.parquet"
    names = [("zero", "strength 0"), *(("emotion", e) for e in emotions)]
    names += [("random", str(i)) for i in range(lab.settings.random_directions)]
    n = len(lab.pack.activities)
    if not lab.run.done("steering"):
        size = lab.settings.strength * residual_norm
        random = nulls.random_directions(lab.settings.random_directions, vectors.shape[1], seed=lab.settings.seed)
        additions = size * np.concatenate([np.zeros((1, vectors.shape[1])), unit(vectors.astype(np.float64)), random])
        _steer(lab, names, additions)
    table = pl.read_parquet(path)
    stacked = np.full((len(names), n, n), np.nan)
    where = table["condition"].to_numpy(), table["first"].to_numpy(), table["second"].to_numpy()
    stacked[where] = table["difference"].to_numpy()
    last = 1 + len(emotions)
    return Runs(stacked[1:last], stacked[last:], stacked[0])


def _steer(lab: Lab, names: list[tuple[str, str]], additions: np.ndarray) -> None:
    steered = steered_half(lab)
    prompts = int((steered[:, None] != steered[None]).sum())
    folder = lab.run.parts("steering")
    starts = range(0, len(additions), VECTORS_PER_PART)
    wanted = [(start, folder / f"{start:05d}.safetensors") for start in starts]
    done = sum(min(VECTORS_PER_PART, len(additions) - start) for start, part in wanted if part.exists())
    with lab.reporter.stage("Steering", prompts * len(additions), "prompts", prompts * done) as stage:
        if any(not part.exists() for _, part in wanted):
            prepared, residuals = _prepared(lab), _residuals(lab)
            for start, part in wanted:
                if part.exists():
                    continue
                rows = torch.from_numpy(additions[start : start + VECTORS_PER_PART]).float()
                values = choices.read_steered(
                    lab.lm,
                    prepared,
                    residuals,
                    {lab.layer: rows},
                    steered,
                    "steered",
                    lab.runtime.tokens_per_batch,
                    stage.advance,
                )
                atomic.write_tensors(part, {"logits": values})
        stacked = np.concatenate([load_file(part)["logits"] for _, part in wanted])
        condition, first, second = np.nonzero(np.isfinite(stacked[..., 0]))
        table = {
            "condition": condition, "kind": [names[i][0] for i in condition], "name": [names[i][1] for i in condition],
            "first": first, "second": second, "logit_a": stacked[condition, first, second, 0],
            "logit_b": stacked[condition, first, second, 1],
            "difference": stacked[condition, first, second, 0] - stacked[condition, first, second, 1],
        }  # fmt: skip
        atomic.write_parquet(lab.run / "steering.parquet", pl.DataFrame(table))
        lab.run.finish("steering", ["steering.parquet"], stage.seconds, stage.units, "prompts", layer=lab.layer)
