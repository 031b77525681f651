"""Checks of the arrays that the statistics receive: a wrong shape or a NaN is refused, never averaged over."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emotion_vectors.errors import UserError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


def finite(values: ArrayLike, name: str) -> FloatArray:
    """`values` as floats; a `UserError` when it is empty or holds a NaN or an infinity."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise UserError(f"The array '{name}' is empty; give at least one value.")
    if not np.isfinite(array).all():
        raise UserError(f"The array '{name}' holds NaN or infinite values; look for the stage that produced them.")
    return array


def square(values: ArrayLike, name: str) -> FloatArray:
    """A copy of `values` (..., n, n), n >= 2, finite off the diagonal, with NaN on the diagonal; else a `UserError`.

    The diagonal is an option against itself, which means nothing here: what it holds is never read.
    """
    array = np.array(values, dtype=np.float64)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] < 2:
        raise UserError(f"The array '{name}' has the shape {array.shape}; it must be (..., n, n) with n of 2 or more.")
    diagonal = np.arange(array.shape[-1])
    array[..., diagonal, diagonal] = 0.0
    finite(array, name)
    array[..., diagonal, diagonal] = np.nan
    return array


def half(values: ArrayLike, size: int) -> BoolArray:
    """`values` as a boolean (size,) with at least one of each kind: True is steered, False is control."""
    array = np.asarray(values)
    if array.dtype != np.bool_ or array.shape != (size,):
        raise UserError(
            f"The steered half must be {size} booleans, one for each option, not {array.dtype} {array.shape}."
        )
    if array.all() or not array.any():
        raise UserError("The steered half holds all options or none; steer some and keep the others as control.")
    return array


def resamples(count: int) -> int:
    """`count` of resamples or permutations if it is 1 or more; else a `UserError`."""
    if count < 1:
        raise UserError(f"The number of resamples is {count}; it must be 1 or more.")
    return count
