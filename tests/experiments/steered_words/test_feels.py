"""Emotion words after a sentence in the planted world: a vector raises its own word by a known amount, or by nothing."""

import numpy as np
import pytest
import torch

from emotion_vectors.experiments.chance import turned_sets
from emotion_vectors.experiments.steered_words import diagonal, feels
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.continuations import spell, word_log_probabilities
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.planted.making import make_planted

EMOTIONS = ("happy", "proud", "calm", "loving", "sad", "afraid", "angry", "guilty")
VALENCE = dict.fromkeys(EMOTIONS[:4], "positive") | dict.fromkeys(EMOTIONS[4:], "negative")


@pytest.fixture(scope="module", params=[True, False], ids=["planted", "without the effect"])
def world(request):
    planted = make_planted(EMOTIONS, ["bake bread", "mend fences"], texts=["He feels I feel"], structure=request.param)
    lm = LanguageModel(
        planted.model, planted.tokenizer, find_parts(planted.model), "planted", "test", "0", None, torch.device("cpu"),
        torch.float32, is_chat=True,
    )  # fmt: skip
    return request.param, planted, lm


def heard(planted, lm, sentence, size=4.0):
    """Steered at the last block, whose output the unembedding reads: there the planted effect is exact."""
    vectors = planted.directions[planted.analysis_layer]
    own = size * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    spelled = spell(lm, sentence, EMOTIONS)
    sets = turned_sets(own, 10, 0)
    added = np.concatenate([np.zeros((1, own.shape[1])), own, *sets])
    found = word_log_probabilities(lm, spelled, lm.n_layers - 1, added)
    tokens = np.array([len(word) for word in spelled.words])
    n = len(EMOTIONS)
    return own, spelled, feels.Heard(sentence, found[0], found[1 : n + 1], found[n + 1 :].reshape(10, n, n), tokens)


@pytest.mark.parametrize("sentence", feels.PAPER)
def test_the_change_is_the_planted_one(world, sentence):
    structure, planted, lm = world
    own, spelled, found = heard(planted, lm, sentence)
    rows = planted.model.lm_head.weight.double().numpy()[[word[0] for word in spelled.words]]
    logits = own @ rows.T
    change = found.steered - found.base
    # Log probabilities share a normaliser for each vector: differences between words are those of the planted logits.
    assert change - change[:, :1] == pytest.approx(logits - logits[:, :1], abs=2e-3)
    record = feels.sentence(found, [VALENCE[e] for e in EMOTIONS], 300, 0)
    assert record.contrast == pytest.approx(float(diagonal.contrast(logits)), abs=2e-3)
    assert record.beyond_chance == structure
    if structure:
        assert record.own_first == len(EMOTIONS) and record.contrast > 2 and record.within_valence.p < 0.05
    else:
        assert abs(record.contrast) < 0.2


def test_the_record_part_has_every_sentence_and_nothing_else_changes_it(world):
    _, planted, lm = world
    parts = [heard(planted, lm, sentence)[2] for sentence in feels.PAPER]
    parts[1] = parts[1]._replace(random=None)
    record = feels.run(EMOTIONS, parts, VALENCE, feels.Added(1, 4.0, 1.0, 10), 100, 0)
    assert [row.sentence for row in record.sentences] == list(feels.PAPER)
    assert record.sentences[1].random is None and record.sentences[0].random.sd > 0
    assert record.valence == [VALENCE[e] for e in EMOTIONS]
