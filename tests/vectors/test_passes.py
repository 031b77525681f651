"""Batches: as planned, and within their budget."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors.lm import packed
from emotion_vectors.lm.memory import Room
from emotion_vectors.vectors import passes
from vectors.rows import texts


@pytest.fixture(autouse=True)
def _untried():
    """Every test tries anew whether a model can read packed texts: another test may have broken one on purpose."""
    packed._chosen.clear()


@pytest.mark.parametrize("layout", ["packed", "right"])
def test_a_batch_holds_at_most_its_token_budget(layout):
    lengths = [int(x) for x in np.random.default_rng(0).integers(1, 100, 200)]
    groups = passes.batches(lengths, 300, layout)
    assert sorted(row for group in groups for row in group) == list(range(200))
    sizes = [
        sum(lengths[row] for row in group) if layout == "packed" else max(lengths[r] for r in group) * len(group)
        for group in groups
    ]
    assert max(sizes) <= 300 and all(len(group) == 1 for group in passes.batches(lengths, 1, layout))
    # The next text would not have fitted.
    for group, after, size in zip(groups, groups[1:], sizes, strict=False):
        grown = size + lengths[after[0]] if layout == "packed" else size + lengths[group[0]]
        assert grown > 300


def test_the_batches_of_a_pass_are_those_that_are_planned(monkeypatch):
    lm = tiny()
    rows, seen = texts(lm, 30), []
    planned = passes.batches([len(ids) for ids, _ in rows], 200, "packed")
    for batch, _ in passes.in_batches(rows, Room(200, "tokens", "reading", lm.device), "packed", lambda rows: rows):
        seen.append(batch)
    assert seen == planned


def test_a_cpu_reads_fewer_tokens_at_once_than_allowed_and_a_gpu_all_of_them():
    lm = tiny()
    assert passes.room_for(lm, 100).size == 100 and passes.room_for(lm, 1 << 20).size == passes.BEST_ON_CPU
    assert passes.room_for(dataclasses.replace(lm, device=torch.device("cuda")), 1 << 20).size == 1 << 20
