"""Unsteered preferences: every ordered pair of activities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm import choices
from emotion_vectors.scale.workers import InProcess, Job
from emotion_vectors.store import atomic

FILE = "choices.parquet"
TREES_PER_JOB = 4


class Answers(NamedTuple):
    """Differences and A+B mass of all ordered pairs, (n, n)."""

    differences: np.ndarray
    mass: np.ndarray


def ask_preferences(lab: Lab) -> Answers:
    """Read the unsteered choice of every ordered pair of activities."""
    if not lab.finished("preferences"):
        prepared = lab.scratch["every pair"] = prepared_choices(lab)
        jobs = [Job(range(prepared.n)[i : i + TREES_PER_JOB]) for i in range(0, prepared.n, TREES_PER_JOB)]
        logits, mass = np.full((prepared.n, prepared.n, 2), np.nan), np.full((prepared.n, prepared.n), np.nan)
        with lab.reporter.stage("Asking preferences", len(prepared.prompts), "prompts") as stage:
            for job, found in InProcess(lab).each(ask_some, jobs, stage.advance, len(jobs)):
                logits[job.payload], mass[job.payload] = found.logits, found.mass
            first, second = np.nonzero(np.isfinite(mass))
            table = {
                "first": first, "second": second, "logit_a": logits[first, second, 0],
                "logit_b": logits[first, second, 1], "difference": logits[first, second, 0] - logits[first, second, 1],
                "mass": mass[first, second],
            }  # fmt: skip
            atomic.write_parquet(lab.run / FILE, pl.DataFrame(table))
            apart = {} if prepared.together else {"read": "one prompt per row"}
            lab.run.finish("preferences", [FILE], stage.seconds, stage.units, "prompts", **apart)
        del lab.scratch["every pair"]
    return _from_table(pl.read_parquet(lab.run / FILE), len(lab.pack.activities))


class Asked(NamedTuple):
    """Logits of A and B (k, n, 2) and their mass (k, n) of the prompts with k first options."""

    logits: np.ndarray
    mass: np.ndarray


def ask_some(kit: Equipment, first: range, advance: Callable[[float], None]) -> Iterator[Asked]:
    """The prompts whose option A is one of `first`."""
    found = choices.read_baseline(kit.lm, kit.scratch["every pair"], None, advance, first=first)
    yield Asked(found.logits[first], found.mass[first])


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
