"""What of the correlations is left when the categories of the activities are held constant?

In: projections (a, n) of a activities on n emotions, the score (a,) and the category of each activity. Out: partial r given
the extreme categories, and r pooled within all of them, each against scores permuted within the same groups.
Source: ours; the paper reports r without the extreme categories.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.correlation.counting import discoveries, p_values, strong
from emotion_vectors.experiments.correlation.record import EXTREME, ExtremesHeld, WithinCategories
from emotion_vectors.experiments.valences import Valences
from emotion_vectors.stats import nulls
from emotion_vectors.stats.correlation import group_columns, partial_correlation, standardised
from emotion_vectors.stats.nulls import permuted_rows


class Held(NamedTuple):
    """Partial r (n,) and two-sided p (n,) of each emotion with the extreme categories held constant; counts for the record."""

    r: np.ndarray
    p: np.ndarray
    record: ExtremesHeld


class Counted(NamedTuple):
    """Emotions with |r| beyond the threshold, their mean number in the draws and p; None where no r is defined."""

    partial_count: int | None = None
    partial_null_count: float | None = None
    partial_p: float | None = None


def beyond_groups(
    probes: np.ndarray, nats: np.ndarray, groups: Sequence[Hashable], resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Partial r (n,) of probes (a, n) and score (a,) given the group means, and draws (c, n) with scores permuted in groups.

    Group means are what a model of the groups fits, so permuting scores in their groups permutes its residuals; unlike a
    permutation of residuals over all rows (Freedman and Lane 1983) it is exact also where groups scatter differently.
    NaN where too few activities are left.
    """
    if len(nats) - len(set(groups)) < 3:
        return np.full(probes.shape[1], np.nan), np.full((resamples, probes.shape[1]), np.nan)
    r = partial_correlation(probes, nats, group_columns(groups))
    names = list(dict.fromkeys(groups))
    members = np.array([[group == name for group in groups] for name in names], dtype=np.float64)
    means = members.T @ (members / members.sum(axis=1, keepdims=True))
    left, target = standardised(probes - means @ probes), standardised(nats - means @ nats)
    draws = target[permuted_rows(len(nats), groups, resamples, seed)] @ left
    return r, np.where(np.isfinite(r), draws, np.nan)


def within_categories(
    r: np.ndarray,
    probes: np.ndarray,
    nats: np.ndarray,
    kinds: Sequence[str],
    valences: Valences,
    resamples: int,
    seed: int,
) -> WithinCategories:
    """What the categories alone don't give: scores permuted within them, for the plain r and for r pooled within them."""
    same = standardised(nats)[permuted_rows(len(nats), kinds, resamples, seed)] @ standardised(probes)
    pooled, draws = beyond_groups(probes, nats, kinds, resamples, seed)
    gap, known = valences.gap(r), np.isfinite(r).any()
    testable = known and np.isfinite(gap)
    return WithinCategories(
        null_count=float(strong(same).mean()),
        p=float(nulls.permutation_p(strong(r), strong(same))) if known else None,
        gap_p=float(nulls.permutation_p(gap, valences.gap(same))) if testable else None,
        **_counted(pooled, draws)._asdict(),
    )


def extremes_held(probes: np.ndarray, nats: np.ndarray, kinds: Sequence[str], resamples: int, seed: int) -> Held:
    """Partial r given which activities are of each extreme category, tested by permuting scores within these groups."""
    groups = [kind if kind in EXTREME else "" for kind in kinds]
    r, draws = beyond_groups(probes, nats, groups, resamples, seed)
    p, _ = p_values(r, draws)
    found = discoveries(nulls.false_discovery(p))
    return Held(r, p, ExtremesHeld(**_counted(r, draws)._asdict(), discoveries=found))


def _counted(r: np.ndarray, draws: np.ndarray) -> Counted:
    if not np.isfinite(r).any():
        return Counted()
    count, null = int(strong(r)), strong(draws)
    return Counted(count, float(null.mean()), float(nulls.permutation_p(count, null)))
