"""Unsteered preferences: every ordered pair of activities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm import choices
from emotion_vectors.store import atomic

FILE = "choices.parquet"


class Answers(NamedTuple):
    """Differences and A+B mass of all ordered pairs, (n, n)."""

    differences: np.ndarray
    mass: np.ndarray


def ask_preferences(lab: Lab) -> Answers:
    """Read the unsteered choice of every ordered pair of activities."""
    if not lab.finished("preferences"):
        prepared = prepared_choices(lab)
        with lab.reporter.stage("Asking preferences", len(prepared.prompts), "prompts") as stage:
            baseline = choices.read_baseline(lab.lm, prepared, None, stage.advance)
            first, second = np.nonzero(np.isfinite(baseline.differences))
            table = {
                "first": first, "second": second, "logit_a": baseline.logits[first, second, 0],
                "logit_b": baseline.logits[first, second, 1], "difference": baseline.differences[first, second],
                "mass": baseline.mass[first, second],
            }  # fmt: skip
            atomic.write_parquet(lab.run / FILE, pl.DataFrame(table))
            lab.run.finish("preferences", [FILE], stage.seconds, stage.units, "prompts")
    return _from_table(pl.read_parquet(lab.run / FILE), len(lab.pack.activities))


def prepared_choices(kit: Equipment, asked: np.ndarray | None = None) -> choices.Choices:
    """The prompts of the pairs `asked` (n, n) of the pack's activities; None asks all."""
    prompts = kit.pack.prompts
    return choices.prepare(
        kit.lm, prompts.preference, prompts.preference_prefill, [a.text for a in kit.pack.activities], asked
    )


def _from_table(table: pl.DataFrame, n: int) -> Answers:
    differences, mass = np.full((n, n), np.nan), np.full((n, n), np.nan)
    first, second = table["first"].to_numpy(), table["second"].to_numpy()
    differences[first, second], mass[first, second] = table["difference"].to_numpy(), table["mass"].to_numpy()
    return Answers(differences, mass)
