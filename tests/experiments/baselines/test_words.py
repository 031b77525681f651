"""Rows of word counts against scikit-learn's, and means by hand."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.baselines import words

TEXTS = (
    "The river rose, and the old bridge would not hold; the river took it.",
    "A 7 year old boy found 12 coins at the River-bank. He'd never had so many!",
    "Für Élise was played once more, then the hall was silent.",
    "",
)


@pytest.mark.parametrize("limit", [1000, 9])
def test_rows_equal_scikit_learn(limit):
    peer = TfidfVectorizer(max_features=limit)
    texts = [*TEXTS, "the the the river river old old bridge bridge hall hall silent silent once once boy boy"]
    expected = peer.fit_transform(texts).toarray()
    vocabulary = words.fit(iter(texts), limit)
    # With a limit only the count decides who stays; ties at the border may be cut in another order.
    shared = [word for word in vocabulary.columns if word in peer.vocabulary_]
    assert len(vocabulary.columns) == len(peer.vocabulary_) and (limit == 9 or len(shared) == len(peer.vocabulary_))
    assert list(vocabulary.columns) == sorted(vocabulary.columns)
    if limit == 1000:
        assert vocabulary.rows(texts) == pytest.approx(expected, abs=1e-12)
        other = ["An old river, unheard of, and a river.", "zzz"]
        assert vocabulary.rows(other) == pytest.approx(peer.transform(other).toarray(), abs=1e-12)


def test_emotion_means_by_hand():
    """Two stories of sad, one of happy: idf of gone (2 of 3) is 1 + ln(4/3), of home and light (1 of 3) 1 + ln 2."""
    told = [("sad", "gone gone home"), ("happy", "light"), ("sad", "gone")]
    vocabulary = words.fit(text for _, text in told)
    assert list(vocabulary.columns) == ["gone", "home", "light"]
    two, one = 1 + np.log(4 / 3), 1 + np.log(2)
    assert vocabulary.weights == pytest.approx([two, one, one])
    first = np.array([2 * two, one, 0]) / np.hypot(2 * two, one)
    sad, happy = (first + np.eye(3)[0]) / 2, np.eye(3)[2]
    found = words.emotion_vectors(iter(told), ["happy", "sad"], vocabulary)
    assert found == pytest.approx(np.array([happy - (happy + sad) / 2, sad - (happy + sad) / 2]))


def test_the_most_frequent_words_stay_and_ties_go_by_alphabet():
    assert list(words.fit(["bb cc aa", "cc dd", "dd dd"], 3).columns) == ["aa", "cc", "dd"]


def test_emotions_without_stories_and_stories_without_words_are_refused():
    vocabulary = words.fit(["gone home"])
    with pytest.raises(UserError, match="no story of 'calm'"):
        words.emotion_vectors([("sad", "gone")], ["sad", "calm"], vocabulary)
    with pytest.raises(UserError, match="better writer"):
        words.fit(["a 1", ""])
