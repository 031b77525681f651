"""Tasks done at the same time give what they give one after the other."""

import os

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.scale.together import Together


def begun(tasks):
    """The tasks, and what they will have found."""
    together = Together()
    return together, [together.later(task) for task in tasks]


def square(n):
    return lambda: (n, os.getpid(), np.full(3, n) ** 2)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_task_keeps_its_own_result(processes):
    together, later = begun([square(n) for n in range(7)])
    seen = []
    together.run(lambda tasks: processes if tasks == 7 else 0, seen.append)
    assert [(one()[0], *one()[2]) for one in later] == [(n, n * n, n * n, n * n) for n in range(7)]
    assert seen == [1] * 7
    here = {one()[1] for one in later}
    assert here == {os.getpid()} if processes == 1 else os.getpid() not in here and len(here) <= processes


def test_a_result_is_not_there_before_it_was_computed():
    together, (first,) = begun([square(2)])
    with pytest.raises(IndexError):
        first()
    together.run(lambda tasks: 1)
    assert first()[0] == 2 and len(together) == 0


def refuses():
    raise UserError("The ratings are of another file.")


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_task_refuses_is_said_here(processes):
    together, _ = begun([square(1), refuses, square(3)])
    with pytest.raises(UserError, match="another file"):
        together.run(lambda tasks: processes)
