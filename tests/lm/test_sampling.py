"""Draws: the nucleus by its distribution, and each row by its own seed."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import chisquare

from emotion_vectors.lm.sampling import FIRST_LOOK, draw, uniform_draws
from emotion_vectors.lm.writers.base import Sampling


def test_draws_follow_the_nucleus_distribution() -> None:
    logits = torch.log(torch.tensor([0.5, 0.25, 0.15, 0.07, 0.03], dtype=torch.float64))
    rows = 20_000
    uniform = torch.rand(rows, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = draw(logits.expand(rows, -1), uniform, Sampling(temperature=1.0, top_p=0.85))
    counts = torch.bincount(drawn, minlength=5).numpy()
    # 0.5 + 0.25 + 0.15 is the first sum that reaches 0.85.
    assert counts[3:].sum() == 0
    assert chisquare(counts[:3], rows * np.array([0.5, 0.25, 0.15]) / 0.9).pvalue > 0.001


def test_a_nucleus_wider_than_the_first_look_is_drawn_from_whole() -> None:
    flat = torch.zeros(400, 3 * FIRST_LOOK, dtype=torch.float64)
    uniform = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
    drawn = draw(flat, uniform, Sampling(temperature=1.0, top_p=1.0))
    assert len(set(drawn.tolist())) == 400
    assert drawn.max() >= 2 * FIRST_LOOK


def test_draws_of_a_row_do_not_depend_on_the_number_of_rows() -> None:
    alone = uniform_draws([7], 50, torch.device("cpu"))
    many = uniform_draws([5, 6, 7], 50, torch.device("cpu"))
    assert torch.equal(alone[0], many[2])
    assert not torch.equal(many[0], many[1])
