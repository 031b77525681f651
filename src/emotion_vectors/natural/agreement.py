"""Do activations agree with what people say of the words? Spearman's r over texts, with its interval and two kinds of chance.

n texts, e emotions, k random directions. A text's activation is its mean cosine with a vector, its score in the lexicon the mean valence of
its words that are there. Every second text, by a hash of its words, chooses the emotion that agrees best; the others measure. Chance is told
twice: by texts whose lexicon scores are shuffled (which rules out luck), and by random directions in place of the vectors (which rules
out that any direction agrees, because style and length go along with valence).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.errors import UserError
from emotion_vectors.natural.record import Agreement, AxisAgreement, Chosen, EmotionAgreement
from emotion_vectors.natural.words import spoken
from emotion_vectors.stats.correlation import standardised
from emotion_vectors.stats.intervals import drawn_counts, ends_of_draws
from emotion_vectors.stats.nulls import permutation_p
from emotion_vectors.stimuli.items import POSITIVE
from emotion_vectors.stimuli.norms import SHIPPED, Norms, read_norms, shipped

FEWEST = 30  # texts of a half
MOST = 5000  # texts of a half: more than that makes no interval narrower than 0.06
RESAMPLES = 2000
DIRECTIONS = 100


class Scored(NamedTuple):
    """Texts with a lexicon score, the held-out ones or the others.

    `activation` (n, e + k): mean cosines with emotions and random directions; `valence` (n,) and `words` (n,): the lexicon's mean and how
    many words it is of; `named` (n,): whether a text has a word of any emotion.
    """

    activation: np.ndarray
    valence: np.ndarray
    words: np.ndarray
    named: np.ndarray


class Spearman(NamedTuple):
    """Spearman's r (m,) with 95 % intervals."""

    r: np.ndarray
    low: np.ndarray
    high: np.ndarray


def lexicon(path: Path | None) -> Norms:
    """The user's lexicon, or the Glasgow norms that ship (valence of 82 of the 171 emotion words)."""
    if path is None:
        return shipped()[SHIPPED.index("glasgow")]
    found = read_norms(path)
    if "valence" not in found.ratings:
        raise UserError(f"{path} has no column `valence`; the columns are word and valence.")
    return found


def lexicon_score(text: str, valence: Mapping[str, float]) -> tuple[float | None, int]:
    """Mean valence of the words of a text that are in the lexicon, and how many these are; None for none."""
    found = [valence[word] for word in spoken(text) if word in valence]
    return (sum(found) / len(found), len(found)) if found else (None, 0)


def ranked_r(columns: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(m,) Spearman's r of each of `columns` (n, m) with `score` (n,); 0 for a constant column."""
    unit, other = standardised(rankdata(columns, axis=0)), standardised(rankdata(score))
    return np.clip(np.nan_to_num(other @ unit), -1, 1)


def spearman(columns: np.ndarray, score: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Spearman:
    """Spearman's r of each of `columns` (n, m) with `score` (n,), with bootstrap intervals over the n texts.

    Each draw weights the ranks that all texts have instead of ranking anew, which is the same up to rounding for 30 texts and more.
    A constant column has r 0 and the interval -1 to 1.
    """
    r, ranks = ranked_r(columns, score), standardised(rankdata(columns, axis=0))
    counts = drawn_counts(len(score), resamples, seed) / len(score)
    unit, other = np.nan_to_num(ranks), np.nan_to_num(standardised(rankdata(score)))
    mean, mean_of = counts @ unit, counts @ other
    spread = (counts @ unit**2 - mean**2) * (counts @ other**2 - mean_of**2)[:, None]
    shared = counts @ (unit * other[:, None]) - mean * mean_of[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = np.where(spread > 1e-20, shared / np.sqrt(spread), r)
    ends = np.array([ends_of_draws(draws[:, column], len(score)) for column in range(columns.shape[1])])
    flat = np.isnan(ranks).any(axis=0)
    return Spearman(r, np.where(flat, -1.0, ends[:, 0]), np.where(flat, 1.0, ends[:, 1]))


def shuffled_r(column: np.ndarray, score: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """(resamples,) Spearman's r of `column` (n,) with the scores (n,) shuffled."""
    unit, other = np.nan_to_num(standardised(rankdata(column))), np.nan_to_num(standardised(rankdata(score)))
    draw = np.random.default_rng(seed)
    return np.array([unit @ draw.permutation(other) for _ in range(resamples)])


def axis_agreement(texts: Scored, signs: np.ndarray, seed: int = 0) -> AxisAgreement | None:
    """The emotions with sign 1 less those with sign -1; None for fewer than `FEWEST` texts.

    `signs` (e,) is 0 for emotions without a valence. Both signs must be there.
    """
    if len(texts.valence) < FEWEST:
        return None
    emotions, directions = texts.activation[:, : len(signs)], texts.activation[:, len(signs) :]
    axis = emotions[:, signs > 0].mean(axis=1) - emotions[:, signs < 0].mean(axis=1)
    found = spearman(axis[:, None], texts.valence, seed)
    r = float(found.r[0])
    null = np.abs(shuffled_r(axis, texts.valence, seed))
    random = np.abs(ranked_r(directions, texts.valence))
    return AxisAgreement(
        texts=len(texts.valence),
        r=r,
        interval=[float(found.low[0]), float(found.high[0])],
        shuffled=float(np.quantile(null, 0.95)),
        p=float(permutation_p(abs(r), null)),
        random=float(np.quantile(random, 0.95)),
        p_random=float(permutation_p(abs(r), random)),
    )


def agreement(
    emotions: Sequence[str],
    valence: Mapping[str, str],
    norms: Norms,
    choosing: Scored,
    held_out: Scored,
    seed: int = 0,
) -> tuple[Agreement | None, str]:
    """How far the activations of `emotions` agree with `norms`; None with the reason where there are too few texts.

    `valence` labels emotions "positive" or "negative", fixed before any text was read.
    """
    fewest = min(len(choosing.valence), len(held_out.valence))
    if fewest < FEWEST:
        return None, (
            f"One half of the texts has only {fewest} with a word of the lexicon, and {FEWEST} are needed; give more texts, or a "
            "lexicon of more words with --norms."
        )
    if np.ptp(choosing.valence) == 0 or np.ptp(held_out.valence) == 0:
        return None, "All texts have the same score in the lexicon, so nothing can agree with it."
    signs = np.array([0 if name not in valence else 1 if valence[name] == POSITIVE else -1 for name in emotions])
    both = bool((signs > 0).any() and (signs < 0).any())
    plain = Scored(*(part[~held_out.named] for part in held_out))
    every = spearman(held_out.activation[:, : len(emotions)], held_out.valence, seed)
    first = ranked_r(choosing.activation[:, : len(emotions)], choosing.valence)
    best = int(np.abs(first).argmax())
    rows = [
        EmotionAgreement(emotion=name, r=float(r), interval=[float(low), float(high)])
        for name, r, low, high in zip(emotions, *every, strict=True)
    ]
    return Agreement(
        lexicon=norms.name,
        source=norms.source,
        words=len(norms.ratings["valence"]),
        per_text=float(np.median(np.concatenate([choosing.words, held_out.words]))),
        choosing=len(choosing.valence),
        held_out=len(held_out.valence),
        directions=held_out.activation.shape[1] - len(emotions),
        axis=axis_agreement(held_out, signs, seed) if both else None,
        without=axis_agreement(plain, signs, seed) if both and len(set(plain.valence.tolist())) > 1 else None,
        chosen=Chosen(
            emotion=emotions[best], choosing=float(first[best]), held_out=rows[best].r, interval=rows[best].interval
        ),
        emotions=rows,
    ), ""
