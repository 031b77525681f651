"""Bugs that were seen in this field, planted one at a time: the checks of scores find theirs."""

import pytest

from doctor.instruments import assert_found, bugs_of


@pytest.mark.parametrize("bug", bugs_of("scoring"), ids=lambda bug: bug.__name__)
def test_a_planted_bug_turns_its_checks_red(bug, monkeypatch):
    assert_found(bug, monkeypatch)
