"""Words after a sentence and steered answers, against plain forward passes: one text at a time, no cache, no padding, own hooks."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import ARCHITECTURES, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import continuations
from lm.plain_passes import plain

SENTENCE, WORDS = "He feels", ("happy", "sad", "calm", "at ease", "surprised", "inspired")


LAYER = 2


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_word_log_probabilities_are_those_of_one_plain_pass_for_each_word(kind):
    lm = tiny(kind)
    vectors = np.random.default_rng(0).standard_normal((3, lm.hidden_size)) * [[0.0], [1.0], [3.0]]
    spelled = continuations.spell(lm, SENTENCE, WORDS)
    assert max(len(word) for word in spelled.words) > 1, "several tokens must be tested"
    found = continuations.word_log_probabilities(lm, spelled, LAYER, vectors, tokens_per_batch=40)
    touched = list(range(*spelled.touched))
    assert lm.tokenizer.decode([spelled.sentence[i] for i in touched]) == SENTENCE
    for row, vector in enumerate(vectors):
        for column, word in enumerate(WORDS):
            ids = lm.tokenizer(f"{SENTENCE} {word}", add_special_tokens=False)["input_ids"]
            if lm.tokenizer("a")["input_ids"][0] == lm.tokenizer.bos_token_id:
                ids = [lm.tokenizer.bos_token_id, *ids]
            table = plain(lm, ids, vector, touched)
            first = len(spelled.sentence)
            expected = sum(float(table[i - 1, ids[i]]) for i in range(first, len(ids)))
            assert found[row, column] == pytest.approx(expected, abs=2e-4)


def test_batches_of_any_size_give_the_same():
    lm = tiny()
    vectors = np.random.default_rng(1).standard_normal((5, lm.hidden_size))
    spelled = continuations.spell(lm, SENTENCE, WORDS)
    whole = continuations.word_log_probabilities(lm, spelled, LAYER, vectors)
    assert np.allclose(continuations.word_log_probabilities(lm, spelled, LAYER, vectors, 1), whole, atol=1e-5)
    one_by_one = [continuations.word_log_probabilities(lm, spelled, LAYER, vectors[[i]])[0] for i in range(5)]
    assert np.allclose(one_by_one, whole, atol=1e-5)


def test_a_word_that_changes_the_sentence_is_refused(monkeypatch):
    """A tokenizer that spells the sentence in other tokens as soon as a word follows."""
    real = continuations.locate

    def merging(tokenizer, text, ranges):
        found = real(tokenizer, text, ranges)
        return found if text == SENTENCE else replace(found, ids=(*found.ids[:1], 7, *found.ids[2:]))

    monkeypatch.setattr(continuations, "locate", merging)
    with pytest.raises(UserError, match="no tokens of its own"):
        continuations.spell(tiny(), SENTENCE, ["calm"])
