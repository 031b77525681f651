"""What the tests of the self-checks share."""

import dataclasses

import pytest
from tiny import tiny

from doctor.bugs import BUGS
from emotion_vectors.doctor import demand, examination, examine
from emotion_vectors.doctor.examination import EXAMINATIONS
from emotion_vectors.errors import UserError
from emotion_vectors.lm import tree_pass
from emotion_vectors.stimuli import load_pack

PACK = load_pack()


# One activity of each category: all that a planted bug needs in a quarter of the prompts.
FEW = dataclasses.replace(PACK, activities=tuple({one.category: one for one in PACK.activities}.values()))


def red(checks):
    return {check.name for check in checks if not check.passed}


def bugs_of(module):
    """Bugs that checks of this module of the package find."""
    own = {one.name for one in EXAMINATIONS if one.measure.__module__.endswith(f".{module}")}
    return [bug for bug, names in BUGS.items() if names & own]


def assert_found(bug, monkeypatch):
    """The planted bug turns its checks red and stops a run, by name."""
    lm = tiny()
    # Found out before the bug is there: a trial that meets it has the prompts read row by row, where it does no harm.
    assert tree_pass.obeys_masks(lm)
    monkeypatch.setattr(examination, "EXAMINATIONS", [one for one in EXAMINATIONS if one.name in BUGS[bug]])
    handle = bug(monkeypatch, lm)
    try:
        checks = examine(lm, FEW)
    finally:
        if handle is not None:
            handle.remove()
    assert BUGS[bug] == red(checks)
    with pytest.raises(UserError) as caught:
        demand(checks, allowed=False)
    named = str(caught.value)
    assert all(name in named for name in BUGS[bug]) and "--allow-failed-checks" in named and "\n" not in named
    demand(checks, allowed=True)
