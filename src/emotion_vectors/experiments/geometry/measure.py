"""What do the axes of the emotion vectors mean? Principal components, and human ratings predicted for words that were left out.

In: vectors (n, d) of n emotions, lists of human ratings, facts of the stories, the model's token embeddings of the emotion words.
Out: the record's `geometry`. Formula: for each scale of each list, ridge regression on the places on the first k components of the
unit vectors; components, penalty and line are fitted without the words of the fold that is predicted; r of all predictions with the
ratings. Beside it the single best component, chosen without that fold too, and the partial r given the list's other scale. The
null shuffles the ratings over the words (for the partial r only what the other scale leaves of them) and goes through all of it.
Source: the paper's Figures 7 and 8 (there in sample, first component with valence, second with arousal); the form out of sample is ours.
What it can't tell: agreement with ratings can come from the words of the stories, so what these alone give is reported with it; and the
interval is over words, for these stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emotion_vectors.experiments.geometry.record import (
    Agreement,
    BestOf,
    Ceiling,
    Component,
    Difference,
    Geometry,
    Place,
    Represented,
    Tested,
    UsedNorms,
)
from emotion_vectors.experiments.geometry.stories import StoryFacts
from emotion_vectors.stats import nulls, predicting
from emotion_vectors.stats.clustering import drawn_weights
from emotion_vectors.stats.intervals import ends_of_draws, fisher_interval
from emotion_vectors.stimuli.norms import SCALES, Norms
from emotion_vectors.vectors.directions import contrast, unit
from emotion_vectors.vectors.geometry import coordinates, principal, towards

FEWEST = 12  # words of a list: fewer predict nothing
FEWEST_EMOTIONS = 4
FOLDS = 10
SHOWN = 10  # components in the record
VECTORS, WORDS, TOKENS = "emotion vectors", "words of the stories", "tokens of the emotion words"
STORY, STORY_WORDS = "without length and person", "without length, person and words"


class Rated(NamedTuple):
    """One list on this run's emotions: rows (m,) of the emotions, scale names, and ratings (m, scales)."""

    norms: Norms
    rows: np.ndarray
    scales: tuple[str, ...]
    ratings: np.ndarray


class Space(NamedTuple):
    """One set of vectors: n emotions in coordinates of their own span (n, r), and the columns (n, c) to project out, or None."""

    name: str
    rows: np.ndarray
    out: np.ndarray | None = None

    def left(self, train: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(n, r) the rows without their linear fit on the columns, as the emotions `train` give it."""
        if self.out is None:
            return self.rows
        design = np.column_stack([np.ones(len(self.out)), self.out])
        return self.rows - design @ np.linalg.lstsq(design[train], self.rows[train], rcond=None)[0]


def run(
    emotions: Sequence[str],
    vectors: np.ndarray,
    layer: int,
    valence: Mapping[str, str],
    norms: Sequence[Norms],
    shipped: int,
    facts: StoryFacts | None,
    tokens: np.ndarray | None,
    k: int,
    resamples: int,
    seed: int,
) -> Geometry | None:
    """The record's `geometry` part, or None with fewer than four emotions.

    The first `shipped` of the `norms` come with the package; `tokens` (n, d) are the token embeddings of the emotion words.
    """
    n = len(emotions)
    if n < FEWEST_EMOTIONS:
        return None
    rated = [found for one in norms if (found := _rated(one, emotions)) is not None]
    covariates = {} if facts is None else facts.covariates()
    most_words = min(k, n // 6)
    spaces = _spaces(vectors, facts, tokens, covariates, most_words)
    found = [_represent(space, rated, covariates, k, resamples, seed) for space in spaces]
    main = principal(spaces[0].rows, 2)
    signs = _signs(main.places, rated)
    places = np.zeros((n, 2))
    places[:, : main.places.shape[1]] = main.places * signs
    return Geometry(
        layer=layer, emotions=n, k=k, word_components=most_words if facts is not None else 0, folds=FOLDS,
        norms=[
            UsedNorms(name=one.name, source=one.source, shipped=place < shipped, words=max(len(one.of(emotions, s)[0]) for s in SCALES))
            for place, one in enumerate(norms)
        ],
        scales=[[one.norms.name, scale] for one in rated for scale in one.scales], covariates=list(covariates),
        ceilings=ceilings(norms, emotions), representations=_with_differences(found, rated, resamples, seed),
        places=[
            Place(emotion=emotion, valence=valence.get(emotion), at=[float(x) for x in at])
            for emotion, at in zip(emotions, places, strict=True)
        ],
    )  # fmt: skip


def _rated(norms: Norms, emotions: Sequence[str]) -> Rated | None:
    """The list on this run's emotions, with its scales that vary; None with too few words."""
    scales = tuple(scale for scale in SCALES if scale in norms.ratings)
    rows, ratings = norms.of(emotions, *scales)
    varies = [column for column in range(len(scales)) if len(rows) >= FEWEST and np.ptp(ratings[:, column]) > 0]
    if not varies:
        return None
    return Rated(norms, rows, tuple(scales[column] for column in varies), ratings[:, varies])


def _spaces(
    vectors: np.ndarray,
    facts: StoryFacts | None,
    tokens: np.ndarray | None,
    covariates: Mapping[str, np.ndarray],
    most_words: int,
) -> list[Space]:
    """The vectors, the same with columns projected out, and what the words alone give."""
    own = coordinates(unit(vectors.astype(np.float64)))
    found = [Space(VECTORS, own)]
    if facts is not None:
        words = coordinates(unit(facts.bag.astype(np.float64)))
        columns = list(covariates.values())
        if columns:
            found.append(Space(STORY, own, _standard(np.column_stack(columns))))
        if most_words:
            out = np.column_stack([*columns, principal(words, most_words).places])
            found.append(Space(STORY_WORDS, own, _standard(out)))
        found.append(Space(WORDS, words))
    if tokens is not None:
        found.append(Space(TOKENS, coordinates(unit(contrast(tokens.astype(np.float64))))))
    return found


def _standard(columns: np.ndarray) -> np.ndarray:
    spread = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)


class _Found(NamedTuple):
    """A representation, and its ridge predictions (m, scales) for each list, which the differences need."""

    part: Represented
    predictions: list[np.ndarray]


def _represent(
    space: Space, rated: Sequence[Rated], covariates: Mapping[str, np.ndarray], k: int, resamples: int, seed: int
) -> _Found:
    left = space.left()
    main = principal(left, SHOWN)
    total = float(((space.rows - space.rows.mean(axis=0)) ** 2).sum())
    signs = _signs(main.places, rated)
    places = main.places * signs
    by_scale = [towards(places[one.rows], one.ratings[:, column]) for one in rated for column in range(len(one.scales))]
    by_covariate = [towards(places, column) for column in covariates.values()]
    agreements, predictions = [], []
    for one in rated:
        found, predicted = _agreements(space, one, k, resamples, seed)
        agreements += found
        predictions.append(predicted)
    part = Represented(
        name=space.name,
        removed=None if space.out is None else max(0.0, 1 - float((left**2).sum()) / max(total, 1e-300)),
        removed_columns=0 if space.out is None else space.out.shape[1],
        components=[
            Component(
                share=float(share),
                r=[float(r[row]) for r in by_scale],
                covariates=[float(r[row]) for r in by_covariate],
            )
            for row, share in enumerate(main.shares)
        ],
        agreements=agreements,
    )
    return _Found(part, predictions)


def _signs(places: np.ndarray, rated: Sequence[Rated]) -> np.ndarray:
    """(k,) signs that make the largest |r| of each component with a scale positive: a component has no sign of its own."""
    if not rated:
        return np.ones(places.shape[1])
    r = np.array([towards(places[one.rows], column) for one in rated for column in one.ratings.T])
    strongest = r[np.abs(r).argmax(axis=0), np.arange(r.shape[1])]
    return np.where(strongest < 0, -1.0, 1.0)


def _agreements(space: Space, one: Rated, k: int, resamples: int, seed: int) -> tuple[list[Agreement], np.ndarray]:
    """Every scale of one list, and the ridge predictions (m, scales)."""
    m = len(one.rows)
    fold = predicting.folds(m, FOLDS, seed)
    features = fold_features(space, one.rows, fold, k)
    orders = nulls.permuted_rows(m, None, resamples, seed)
    found, predictions = [], np.empty(one.ratings.shape)
    for column, scale in enumerate(one.scales):
        rating, other = one.ratings[:, column], np.delete(one.ratings, column, axis=1)
        targets = predicting.permuted(rating, orders)
        predicted = predicting.ridge(features, targets, fold)
        predictions[:, column] = predicted[:, 0]
        chosen = predicting.best_feature(features, targets, fold)
        mode = int(np.bincount(chosen.feature[:, 0]).argmax())
        partial = None
        if other.size:
            given = predicting.permuted_beyond(rating, other, orders)
            r = predicting.beyond(predicting.ridge(features, given, fold), given, other)
            partial = _tested(r, m - 4)
        found.append(Agreement(
            norms=one.norms.name, scale=scale, words=m, ridge=_tested(predicting.agreement(predicted, targets), m - 3),
            best=BestOf(
                **_tested(predicting.agreement(chosen.predictions, targets), m - 3).dump(), component=mode + 1,
                folds=float((chosen.feature[:, 0] == mode).mean()),
            ), partial=partial,
        ))  # fmt: skip
    return found, predictions


def fold_features(space: Space, rows: np.ndarray, fold: np.ndarray, k: int) -> list[np.ndarray]:
    """For each fold the places (m, k) of the words `rows` (m,) on components that the words of that fold took no part in."""
    found = []
    for number in range(int(fold.max()) + 1):
        train = np.setdiff1d(np.arange(len(space.rows)), rows[fold == number])
        left = space.left(train)
        axes = principal(left[train], k).axes
        found.append((left[rows] - left[train].mean(axis=0)) @ axes.T)
    return found


def _tested(r: np.ndarray, freedom: int) -> Tested:
    """From the observed r, which comes first, and those of the null."""
    value, null = float(r[0]), r[1:]
    return Tested(
        r=value, interval=_ends(fisher_interval(value, freedom)), null=float(null.mean()),
        null_high=float(np.quantile(null, 0.95)), p=float(nulls.permutation_p(value, null)),
    )  # fmt: skip


def _ends(found: Iterable[Any]) -> list[int | float]:
    return [float(end) for end in found]


def _with_differences(found: list[_Found], rated: Sequence[Rated], resamples: int, seed: int) -> list[Represented]:
    """The representations, those of the model with how much more they predict than the words of the stories."""
    words = next((one for one in found if one.part.name == WORDS), None)
    if words is None:
        return [one.part for one in found]
    weights = [drawn_weights(len(one.rows), resamples, seed) for one in rated]
    parts = []
    for one in found:
        if one is words:
            parts.append(one.part)
            continue
        rows, place = [], 0
        for lists, (list_, weight) in enumerate(zip(rated, weights, strict=True)):
            for column in range(len(list_.scales)):
                draws = [
                    predicting.drawn_agreement(who.predictions[lists][:, column], list_.ratings[:, column], weight)
                    for who in (one, words)
                ]
                rows.append(_difference(one.part.agreements[place], words.part.agreements[place], draws[0] - draws[1]))
                place += 1
        parts.append(one.part.model_copy(update={"agreements": rows}))
    return parts


def _difference(mine: Agreement, theirs: Agreement, draws: np.ndarray) -> Agreement:
    gain = Difference(value=mine.ridge.r - theirs.ridge.r, interval=_ends(ends_of_draws(draws, int(mine.words))))
    return mine.model_copy(update={"beyond_words": gain})


def ceilings(norms: Sequence[Norms], emotions: Sequence[str]) -> list[Ceiling]:
    """Agreement of every two lists on the emotions that both rate: what rates the same words can't agree more than that."""
    found = []
    for place, first in enumerate(norms):
        for second in norms[place + 1 :]:
            for scale in SCALES:
                both = [emotion for emotion in emotions if all(emotion.lower() in one.ratings.get(scale, {}) for one in (first, second))]  # fmt: skip
                mine, theirs = (one.of(both, scale)[1].ravel() for one in (first, second))
                if len(both) < FEWEST_EMOTIONS or np.ptp(mine) == 0 or np.ptp(theirs) == 0:
                    continue
                r = float(np.clip(np.corrcoef(mine, theirs)[0, 1], -1, 1))
                found.append(Ceiling(
                    scale=scale, norms=[first.name, second.name], words=len(both), r=r, interval=_ends(fisher_interval(r, len(both) - 3)),
                ))  # fmt: skip
    return found
