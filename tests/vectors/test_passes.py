"""Batches: as planned, and within their budget."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors.lm import packed
from emotion_vectors.lm.memory import Room
from emotion_vectors.vectors import activations, passes
from vectors.rows import slow_means, texts


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


def test_prompts_that_begin_alike_are_pooled_as_one_by_one_from_fewer_tokens(monkeypatch):
    lm = tiny()
    stem = texts(lm, 1)[0][0][:20]
    rows = [
        ([*stem, *ids[:n]], (first, len(stem) + n))
        for n, (ids, _), first in zip(range(1, 9), texts(lm, 8), range(8), strict=True)
    ]
    assert passes.layout_of(lm, rows) == "shared" and passes.layout_of(lm, texts(lm, 8)) == "packed"
    computed, whole = [], packed.run
    monkeypatch.setattr(packed, "run", lambda lm, row: computed.append(row.ids.numel()) or whole(lm, row))
    found = activations.pool(lm, rows, 64)
    np.testing.assert_allclose(found.means, np.stack([slow_means(lm, row) for row in rows]), atol=1e-4)
    assert sum(computed) < 0.5 * sum(len(ids) for ids, _ in rows) and max(computed) <= 64


def test_a_batch_of_texts_that_begin_alike_holds_its_budget_of_computed_tokens():
    stem = list(range(30))
    rows = [([*stem, 100 + i, 100 + i % 7], (0, 32)) for i in range(40)]
    seen = [
        rows
        for rows, _ in passes.in_batches(
            rows, Room(50, "tokens", "reading", torch.device("cpu")), "shared", lambda rows: rows
        )
    ]
    assert sorted(row for some in seen for row in some) == list(range(40))
    assert [len(some) for some in seen] == [10, 10, 10, 10], "30 tokens of the stem and two of each text's own: 50"


def test_a_cpu_reads_fewer_tokens_at_once_than_allowed_and_a_gpu_all_of_them():
    lm = tiny()
    assert passes.room_for(lm, 100).size == 100 and passes.room_for(lm, 1 << 20).size == passes.BEST_ON_CPU
    assert passes.room_for(dataclasses.replace(lm, device=torch.device("cuda")), 1 << 20).size == 1 << 20
