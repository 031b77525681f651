"""Draws for the tests of intervals."""

from __future__ import annotations


def covered(truth: float, low: float, high: float) -> bool:
    return bool(low <= truth <= high)
