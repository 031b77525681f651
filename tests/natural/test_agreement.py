"""Agreement with a lexicon: a planted one is found, its absence is not, and the statistics are those of scipy."""

import numpy as np
import pytest
from scipy import stats

from emotion_vectors.errors import UserError
from emotion_vectors.natural.agreement import (
    Scored,
    agreement,
    axis_agreement,
    lexicon,
    lexicon_score,
    shuffled_r,
    spearman,
)
from emotion_vectors.stimuli.norms import Norms

EMOTIONS = ("calm", "glad", "angry", "sad")
VALENCE = {"calm": "positive", "glad": "positive", "angry": "negative", "sad": "negative"}
SIGNS = np.array([1, 1, -1, -1])
NORMS = Norms("a list", "nowhere", "none", {"valence": {"good": 3.0, "bad": -1.0, "well-made": 2.0}})


def texts(along, seed=0, count=300, directions=100):
    """Texts whose positive emotions follow the valence as much as is said; style, which goes along with nothing, is in all columns."""
    draw = np.random.default_rng(seed)
    valence = draw.normal(size=count)
    style = draw.normal(size=(count, 1))
    activation = draw.normal(size=(count, len(SIGNS) + directions)) + style
    activation[:, : len(SIGNS)] += along * valence[:, None] * SIGNS
    return Scored(activation, valence, np.full(count, 3), draw.random(count) < 0.4)


def test_a_planted_agreement_is_found():
    found, reason = agreement(EMOTIONS, VALENCE, NORMS, texts(0.8, 1), texts(0.8, 2))
    assert not reason and found.axis.r > 0.6 and found.axis.interval[0] > max(found.axis.random, found.axis.shuffled)
    assert found.axis.p == 1 / 2001 and found.axis.p_random == 1 / 101 and found.without.interval[0] > 0.4
    assert [row.r > 0.3 for row in found.emotions] == [True, True, False, False]
    assert found.chosen.held_out == found.emotions[EMOTIONS.index(found.chosen.emotion)].r


@pytest.mark.slow
def test_without_agreement_the_intervals_include_0():
    inside = 0
    for seed in range(40):
        found = axis_agreement(texts(0, seed), SIGNS)
        inside += found.interval[0] <= 0 <= found.interval[1]
    assert inside >= 34  # 38 expected; 33 or fewer have p = 0.02


def test_what_every_direction_shows_is_not_called_the_vectors():
    draw = np.random.default_rng(3)
    planted = texts(0, 4)
    # All directions follow the valence, each its own way: so do the emotions, as one of many.
    loads = draw.normal(size=planted.activation.shape[1])
    planted = planted._replace(activation=planted.activation + planted.valence[:, None] * loads)
    found = axis_agreement(planted, SIGNS)
    assert found.random > 0.5 and found.p_random > 0.01
    assert axis_agreement(Scored(*(part[:20] for part in planted)), SIGNS) is None


def test_the_best_of_many_is_not_good_on_other_texts():
    gaps = []
    for seed in range(10):
        names = tuple(f"e{n}" for n in range(50))
        found, _ = agreement(names, {}, NORMS, texts(0, seed, directions=60), texts(0, 100 + seed, directions=60))
        gaps.append((abs(found.chosen.choosing), abs(found.chosen.held_out)))
        assert found.axis is None and found.without is None
    assert np.mean(gaps, axis=0)[0] > 1.7 * np.mean(gaps, axis=0)[1]


def test_spearman_is_scipys_and_its_interval_that_of_ranking_anew():
    planted = texts(0.4, 5, 80, 0)
    found = spearman(planted.activation, planted.valence)
    for column in range(4):
        assert found.r[column] == pytest.approx(stats.spearmanr(planted.activation[:, column], planted.valence)[0])
    draw, slow = np.random.default_rng(9), []
    for _ in range(2000):
        rows = draw.integers(80, size=80)
        slow.append(stats.spearmanr(planted.activation[rows, 0], planted.valence[rows])[0])
    np.testing.assert_allclose([found.low[0], found.high[0]], np.quantile(slow, [0.0225, 0.9775]), atol=0.03)
    constant = spearman(np.ones((40, 1)), np.arange(40.0))
    assert (constant.r[0], constant.low[0], constant.high[0]) == (0, -1, 1)


def test_shuffled_texts_scatter_as_theory_says():
    null = shuffled_r(np.arange(101.0), np.random.default_rng(0).normal(size=101))
    assert abs(null.mean()) < 0.01 and null.std() == pytest.approx(0.1, rel=0.06)  # 1 / sqrt(n - 1)


def test_a_text_is_scored_by_its_words_in_the_lexicon():
    assert lexicon_score("Good, GOOD and bad; goods.", NORMS.ratings["valence"]) == (pytest.approx(5 / 3), 3)
    assert lexicon_score("A well-made chair.", NORMS.ratings["valence"]) == (2.0, 1)
    assert lexicon_score("Nothing here.", NORMS.ratings["valence"]) == (None, 0)


def test_too_few_texts_are_no_agreement():
    few = Scored(*(part[:10] for part in texts(1)))
    found, reason = agreement(EMOTIONS, VALENCE, NORMS, few, texts(1))
    assert found is None and "only 10" in reason and "--norms" in reason


def test_the_lexicon_that_ships_and_one_of_the_users(tmp_path):
    assert len(lexicon(None).ratings["valence"]) == 82
    (tmp_path / "a.csv").write_text("word,arousal\nbad,2\n")
    with pytest.raises(UserError, match="no column `valence`"):
        lexicon(tmp_path / "a.csv")
