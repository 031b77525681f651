"""Rows of a table of cases that are among the quick tests; the others are marked slow."""

from collections.abc import Container, Iterable
from typing import Any

import pytest


def quick(chosen: Container[Any], rows: Iterable[Any]) -> list[Any]:
    """`rows` for `pytest.mark.parametrize`, or for the `params` of a fixture."""
    return [row if row in chosen else pytest.param(row, marks=pytest.mark.slow) for row in rows]
