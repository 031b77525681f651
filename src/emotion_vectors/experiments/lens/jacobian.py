"""V1's count with the Jacobian lens: which words does each vector promote once later blocks have carried it to the last layer?

In: unit vectors (n, d) at the analysis layer, their static directions, and J (d, d) with its two halves (`stages.jacobian`). Out: the
record's `lens.jacobian`; V1's verdict stays on the logit lens. Formula: logits = W_U J u, or W_U norm(J u), with J u at length 1 as the
logit lens has u. Controls: V1's own, all through the same J.
Source: Gurnee et al. 2026 (arXiv 2607.15495), who read activations through the norm; a direction is read as V1 reads it.
What it can't tell: J is an average over texts of what a small change does; a single text or a strong push may do otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotion_vectors.experiments.lens.measure import (
    SHOWN,
    chance,
    hits,
    paired,
    random_directions,
    read,
    recognised,
    word_variants,
)
from emotion_vectors.experiments.lens.record import AgainstLogit, JacobianEmotion, JacobianLens, Through
from emotion_vectors.lm.lens import project
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.vectors.directions import cosine, unit


class Transport(NamedTuple):
    """A fitted J: column directions of the analysis layer become those of the last one."""

    jacobian: np.ndarray  # (d, d) mean over the texts
    halves: np.ndarray  # (2, d, d) means over the texts of even and of odd numbers
    texts: int
    tokens: int  # read of them
    texts_sha256: str


def run(
    lm: LanguageModel,
    emotions: Sequence[str],
    vectors: np.ndarray,
    static: np.ndarray,
    transport: Transport,
    logit_hits: Sequence[bool],
    k: int,
    through_norm: bool,
    resamples: int,
    seed: int,
) -> JacobianLens:
    """The record's `lens.jacobian`: `vectors` and `static` (n, d) as V1 has them, `logit_hits` (n,) what the logit lens recognises."""
    n, single = len(emotions), [word_variants(lm.tokenizer, emotion)[0] for emotion in emotions]
    units, j = unit(vectors.astype(np.float64)), transport.jacobian.astype(np.float64)
    carried = unit(units @ j.T)
    lens = read(project(lm, carried, through_norm), single, k)
    own_and_others = hits(lens, k) & (carried != 0).any(axis=1, keepdims=True)
    random, by_words, other = (
        recognised(lm, rows @ j.T, single, k, norm)
        for rows, norm in (
            (random_directions(lm, n, seed), through_norm),
            (unit(static.astype(np.float64)), through_norm),
            (units, not through_norm),
        )
    )
    dealt, drawn, p = chance(own_and_others, random, resamples, seed)
    own, logit = np.diag(own_and_others), np.asarray(logit_hits, dtype=bool)
    agreement = np.diag(cosine(*(units @ half.astype(np.float64).T for half in transport.halves)))
    return JacobianLens(
        texts=transport.texts, tokens=transport.tokens, texts_sha256=transport.texts_sha256,
        count=int(own.sum()), of=n, interval=list(intervals.around(int(own.sum()), n)),
        other=Through(through_norm=not through_norm, count=int(np.diag(other).sum())),
        dealt=float(dealt.mean()), random=float(drawn.mean()), p=p,
        static=int(np.diag(by_words).sum()), against_static=paired(own, np.diag(by_words)), against_logit=_against_logit(own, logit),
        agreement=float(np.median(agreement)), lowest_agreement=float(agreement.min()),
        kept=float(np.median((carried * units).sum(axis=1))),
        emotions=[
            JacobianEmotion(
                emotion=emotion, hit=bool(own[row]), best_rank=int(lens.ranks[row, row]) or None, agreement=float(agreement[row]),
                top=[str(lm.tokenizer.decode([int(token)])) for token in lens.top[row, :SHOWN]],
            )
            for row, emotion in enumerate(emotions)
        ],
    )  # fmt: skip


def _against_logit(own: np.ndarray, logit: np.ndarray) -> AgainstLogit:
    """Exact McNemar test, two-sided: does one of the two lenses recognise more words (n,) than the other?"""
    only, other = int((own & ~logit).sum()), int((logit & ~own).sum())
    p = min(1.0, 2 * nulls.sign_test(max(only, other), only + other).p) if only + other else 1.0
    return AgainstLogit(jacobian_only=only, logit_only=other, p=float(p))
