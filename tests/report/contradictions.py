"""How a record that contradicts itself is tested: one change to a right record, and the refusal that must name it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from .asking import ContradictoryRecord, check


def assert_refused(right: dict[str, Any], change: Callable[[dict[str, Any]], None], message: str) -> None:
    """`check` refuses a copy of `right` after `change`, in a sentence that holds `message`."""
    record = copy.deepcopy(right)
    change(record)
    with pytest.raises(ContradictoryRecord, match=re.escape(message)):
        check(record)
