"""The record of one job: the figures that every job has, each a number or null with its reason, and the check before them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from emotion_vectors.bench.timing import Raced
from emotion_vectors.errors import UserError
from emotion_vectors.store.schema import JsonObject

JOBS = ("writing", "extraction", "preferences", "steering")
FIGURES = ("rate", "ratio_to_plain", "fraction_of_limit")
UNITS = {"writing": "tokens/s", "extraction": "tokens/s", "preferences": "prompts/s", "steering": "prompts/s"}


class Tolerance(NamedTuple):
    """How far the fast path may be from the plain loop: the mean and the largest absolute difference."""

    mean: float
    largest: float


# Logit of A minus logit of B, in nats. bfloat16 has 8 bits: a logit of 16 to 32 is rounded to 1/8, in either path.
NATS = {
    torch.float32: Tolerance(1e-4, 1e-4), torch.bfloat16: Tolerance(0.15, 0.75), torch.float16: Tolerance(0.02, 0.1),
}  # fmt: skip
# Length of the difference of two pooled means over the length of the plain one.
RELATIVE = {
    torch.float32: Tolerance(1e-4, 1e-4), torch.bfloat16: Tolerance(0.02, 0.05), torch.float16: Tolerance(0.005, 0.01),
}  # fmt: skip


def agree(job: str, differences: np.ndarray, tolerance: Tolerance, unit: str) -> JsonObject:
    """The record of the check; raises `UserError` where the fast path and the plain loop do not give the same numbers."""
    if differences.size == 0 or not np.isfinite(differences).all():
        raise UserError(
            f"The fast path of {job} or its plain loop gave numbers that are not finite, so no rate is stated; "
            "run `emotion-vectors doctor` on this model."
        )
    mean, largest = float(differences.mean()), float(differences.max())
    if mean > tolerance.mean or largest > tolerance.largest:
        raise UserError(
            f"The fast path of {job} differs from the plain loop by {mean:.2g} {unit} on average and {largest:.2g} at most "
            f"(allowed {tolerance.mean:g} and {tolerance.largest:g}), so no rate is stated; "
            "run `emotion-vectors doctor` on this model."
        )
    return {
        "compared": int(differences.size), "mean_difference": mean, "largest_difference": largest, "unit": unit,
        "allowed_mean": tolerance.mean, "allowed_largest": tolerance.largest,
    }  # fmt: skip


def outcome(
    job: str, fast: Raced, plain: Raced, plain_is: str, limit: JsonObject, check: JsonObject, **more: Any
) -> JsonObject:
    """The job's part of the JSON file. `limit["rate"]` is in the job's unit."""
    return {
        "rate": fast.rate, "unit": UNITS[job], "ratio_to_plain": fast.rate / plain.rate,
        "fraction_of_limit": fast.rate / limit["rate"], "rates": fast.rates,
        "plain": {"what": plain_is, "rate": plain.rate, "rates": plain.rates}, "limit": limit, "check": check, **more,
    }  # fmt: skip


def not_measured(job: str, reason: str) -> JsonObject:
    """The part of a job that was not timed: every figure null, with the reason beside it."""
    return {"unit": UNITS[job]} | {
        key: value for figure in FIGURES for key, value in ((figure, None), (f"{figure}_reason", reason))
    }
