"""Where a steered pass begins, in every family."""

import pytest
from families import FAMILIES

from emotion_vectors.lm import starting

pytestmark = pytest.mark.slow  # a thousand tests; seven of the architectures are in test_choices and test_decode too


WORKING = [family.name for family in FAMILIES if family.how != "refused"]


TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("


OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "help a gang"]


def test_where_a_steered_pass_begins(asked):
    family, _, lm, _ = asked
    deepest = lm.n_layers - 1 if family.deepest is None else family.deepest
    assert [starting.begin_of(lm, layer) for layer in range(lm.n_layers)] == [
        min(layer, deepest) for layer in range(lm.n_layers)
    ]
