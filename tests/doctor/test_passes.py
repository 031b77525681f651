"""Bugs that were seen in this field, planted one at a time: the checks of passes: padding, packing, layers and positions find theirs."""

import pytest

from doctor.instruments import assert_found, bugs_of


@pytest.mark.parametrize("bug", bugs_of("passes"), ids=lambda bug: bug.__name__)
def test_a_planted_bug_turns_its_checks_red(bug, monkeypatch):
    assert_found(bug, monkeypatch)
