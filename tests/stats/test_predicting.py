"""Predictions for rows left out against scikit-learn, and against cases whose answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, LeaveOneOut

from emotion_vectors.stats import predicting
from emotion_vectors.stats.intervals import fisher_interval

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((40, 5)) * [3, 2, 1, 0.5, 0.1]
TARGETS = np.column_stack([FEATURES[:, 2] + GENERATOR.standard_normal(40), GENERATOR.standard_normal(40)])
FOLD = predicting.folds(40, 10, 0)


def plain_ridge(train, test, target):
    """scikit-learn: the penalty by leave-one-out among the rows of the fit, the prediction less their mean."""
    unit = ((train - train.mean(axis=0)) ** 2).sum() / train.shape[1]
    search = GridSearchCV(
        Ridge(),
        {"alpha": [unit * one for one in predicting.PENALTIES]},
        cv=LeaveOneOut(),
        scoring="neg_mean_squared_error",
    )
    return search.fit(train, target).predict(test) - target.mean()


def test_ridge_is_that_of_scikit_learn_with_the_penalty_chosen_without_the_fold():
    found = predicting.ridge([FEATURES] * 10, TARGETS, FOLD)
    for number in range(2):
        train, test = number != FOLD, number == FOLD
        for column in range(2):
            expected = plain_ridge(FEATURES[train], FEATURES[test], TARGETS[train, column])
            assert found[test, column] == pytest.approx(expected, abs=1e-9)


def test_the_best_feature_is_chosen_and_fitted_without_the_fold():
    found = predicting.best_feature([FEATURES] * 10, TARGETS, FOLD)
    for number in range(10):
        train, test = number != FOLD, number == FOLD
        for column in range(2):
            r = [abs(np.corrcoef(one, TARGETS[train, column])[0, 1]) for one in FEATURES[train].T]
            best = int(np.argmax(r))
            line = LinearRegression().fit(FEATURES[train][:, [best]], TARGETS[train, column])
            expected = line.predict(FEATURES[test][:, [best]]) - TARGETS[train, column].mean()
            assert found.feature[number, column] == best
            assert found.predictions[test, column] == pytest.approx(expected, abs=1e-9)
    assert (found.feature[:, 0] == 2).all()


def test_folds_are_even_and_every_row_is_left_out_once():
    sizes = np.bincount(predicting.folds(43, 10, 1))
    assert len(sizes) == 10 and sizes.sum() == 43 and sizes.max() - sizes.min() == 1


def test_the_mean_of_the_fits_rows_is_not_in_the_predictions():
    """It is high where the left-out rows are low: with it features that know nothing get a far more negative r."""
    targets = np.random.default_rng(1).standard_normal((40, 400))
    predictions = predicting.ridge([FEATURES] * 10, targets, FOLD)
    levels = np.stack([targets[number != FOLD].mean(axis=0) for number in range(10)])[FOLD]
    r, with_mean = (predicting.agreement(one, targets).mean() for one in (predictions, predictions + levels))
    assert -0.15 < r < 0.05 and with_mean < r - 0.05


def test_the_partial_null_keeps_what_the_other_scale_explains():
    other = np.random.default_rng(2).standard_normal((40, 1))
    target = 3 * other[:, 0] + np.random.default_rng(3).standard_normal(40)
    orders = np.array([np.random.default_rng(seed).permutation(40) for seed in range(200)])
    found = predicting.permuted_beyond(target, other, orders)
    assert found[:, 0] == pytest.approx(target)
    # Every column still goes with the other scale; what is left of it is what was permuted.
    assert min(np.corrcoef(column, other[:, 0])[0, 1] for column in found.T) > 0.8
    left = predicting.without(target[:, None], other)[:, 0]
    slopes = np.polyfit(other[:, 0], target, 1)
    assert np.sort(found[:, 5] - np.polyval(slopes, other[:, 0])) == pytest.approx(np.sort(left))


def test_resampled_correlation_is_that_of_the_copied_rows():
    x, y = TARGETS.T
    rows = np.random.default_rng(4).integers(40, size=40)
    weights = np.bincount(rows, minlength=40)[None].astype(float)
    assert predicting.drawn_agreement(x, y, weights)[0] == pytest.approx(np.corrcoef(x[rows], y[rows])[0, 1])


def test_fishers_interval_is_scipys():
    from scipy.stats import pearsonr

    found = pearsonr(*TARGETS.T)
    assert fisher_interval(found.statistic, 37) == pytest.approx(tuple(found.confidence_interval(0.95)))
