"""Vectors of labelled texts: against plain hooks and one text at a time, on a planted model, and what is refused."""

import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors import EmotionVectors, LanguageModel
from emotion_vectors.errors import UserError
from emotion_vectors.planted.making import make_planted
from emotion_vectors.vectors import making
from vectors.worlds import plain_pass

WORDS = "the boat ship wind sea rope sail storm night harbour old captain map gold quiet letter garden stone".split()


def sentences(count, words, seed):
    """Different texts of so many words each."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, words)) + "." for _ in range(count)]


def slow(lm, texts, start):
    """(texts, layers + 1, d): means over a text's tokens from `start` on, one text at a time, by plain hooks."""
    table, means = lm.model.get_input_embeddings().weight.detach().numpy(), []
    for text in texts:
        ids = lm.tokenizer(text, add_special_tokens=False)["input_ids"]
        _, seen = plain_pass(lm, ids)
        # The very first token of a sequence is left out where pooling starts at the beginning.
        layers = [table[ids], *(seen[layer] for layer in sorted(seen))]
        means.append([layer[max(start, 1) :].astype(np.float64).mean(axis=0) for layer in layers])
    return np.array(means)


def slow_vectors(groups, neutral, share):
    """Contrast of the labels' means, then without the neutral texts' leading directions, by eigenvectors of the covariance."""
    means = np.stack([texts.mean(axis=0) for texts in groups])
    raw = (means - means.mean(axis=0)).swapaxes(0, 1)
    projected, counts = raw.copy(), []
    for layer in range(len(raw)):
        values, vectors = np.linalg.eigh(np.cov(neutral[:, layer].T))
        values, vectors = values[::-1], vectors[:, ::-1]
        counts.append(int(np.argmax(np.cumsum(values) / values.sum() >= share)) + 1)
        for direction in vectors[:, : counts[-1]].T:
            projected[layer] -= np.outer(projected[layer] @ direction, direction)
    return raw, projected, counts


@pytest.mark.parametrize("words, start", [(30, 0), (110, 50)])
@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_they_are_what_plain_hooks_and_slow_arithmetic_give(kind, words, start):
    """Short texts are pooled from their beginning, texts of 100 tokens and more from token 50 on."""
    lm = tiny(kind)
    texts = {"a": sentences(4, words, 1), "b": sentences(3, words + 5, 2), "c": sentences(2, words, 3)}
    neutral = sentences(9, words + 2, 4)
    made = EmotionVectors.from_texts(lm, texts, neutral, neutral_variance=0.4)
    plain = slow(lm, neutral, start)
    raw, projected, counts = slow_vectors([slow(lm, some, start) for some in texts.values()], plain, 0.4)
    assert made.emotions == ("a", "b", "c") and made.header["first_token"] == start
    assert made.header["texts"] == [4, 3, 2] and made.header["neutral_components"] == counts[1:]
    scale = np.abs(raw[1:]).max()
    np.testing.assert_allclose(made.raw, raw[1:], atol=1e-5 * scale)
    np.testing.assert_allclose(made.projected, projected[1:], atol=1e-4 * scale)
    np.testing.assert_allclose(made.embedding, raw[0], atol=1e-6)
    np.testing.assert_allclose(made.centre, plain[:, 1:].mean(axis=0), rtol=1e-4, atol=1e-5)
    assert not np.allclose(made.raw, made.projected, atol=1e-2 * scale)


def test_the_residual_norm_is_the_mean_over_pooled_tokens():
    lm, texts = tiny(), {"a": sentences(2, 20, 1), "b": sentences(2, 60, 2)}
    made = EmotionVectors.from_texts(lm, texts, sentences(4, 20, 3))
    norms = []
    for text in [*texts["a"], *texts["b"]]:
        _, seen = plain_pass(lm, lm.tokenizer(text, add_special_tokens=False)["input_ids"])
        norms.append([np.linalg.norm(seen[layer], axis=1)[1:] for layer in range(lm.n_layers)])
    expected = [np.concatenate([text[layer] for text in norms]).mean() for layer in range(lm.n_layers)]
    np.testing.assert_allclose(made.residual_norm, expected, rtol=1e-5)


def test_one_short_text_moves_the_start_of_all_and_a_given_start_is_kept():
    lm, short, long = tiny(), sentences(2, 30, 1), sentences(2, 110, 2)
    tokens = len(lm.tokenizer(short[0], add_special_tokens=False)["input_ids"])
    assert EmotionVectors.from_texts(lm, {"a": short, "b": long}, long + short).header["first_token"] == 0
    assert (
        EmotionVectors.from_texts(lm, {"a": short, "b": long}, long + short, first_token=7).header["first_token"] == 7
    )
    with pytest.raises(UserError, match=f"Text 1, of the label 'a', has {tokens} tokens"):
        EmotionVectors.from_texts(
            lm, {"a": short[:1] + long[:1], "b": long[1:] + sentences(1, 40, 3)}, long + short, first_token=tokens
        )


def test_neutral_scores_are_those_of_a_reading():
    """The stored raw response scores are the sorted cosines at the neutral texts' last tokens."""
    lm, neutral = tiny(), sentences(6, 40, 9)
    made = EmotionVectors.from_texts(lm, {"a": sentences(3, 20, 1), "b": sentences(3, 20, 2)}, neutral)
    last = [made.read(lm, text).raw[-1, :, 0] for text in neutral]
    kept = made.calibration.scores[0, 0, 0, made.layer].astype(float)
    np.testing.assert_allclose(kept, np.sort(np.array(last).T, axis=1), atol=1e-3)


@pytest.fixture(scope="module")
def planted():
    """A model in which the invented words of four concepts carry their directions; the filler words carry none."""
    names = ("pirate", "plain", "formal", "childish")
    torch.set_num_threads(1)
    return make_planted(names, ("walk home", "read a book", "cook soup", "plant trees"), seed=3)


def write(planted, concept, count, seed, words=40, share=0.25):
    """Texts of filler, in which every fourth word or so is one of the concept's (None: filler alone)."""
    generator = np.random.default_rng(seed)
    own = planted.story_words[concept] if concept else planted.filler
    picked = [
        [generator.choice(own if generator.random() < share else planted.filler) for _ in range(words)]
        for _ in range(count)
    ]
    return [" ".join(words) + "." for words in picked]


def test_planted_concepts_are_found(planted):
    lm = LanguageModel.of(planted.model, planted.tokenizer)
    texts = {name: write(planted, name, 12, seed) for seed, name in enumerate(planted.emotions)}
    made = EmotionVectors.from_texts(lm, texts, write(planted, None, 30, 50), layer=planted.analysis_layer)
    for name in made:
        found, true = made[name], planted.direction(name)
        assert found @ true / np.linalg.norm(found) / np.linalg.norm(true) > 0.9
        assert made.read(lm, write(planted, name, 1, 60)[0]).top(1)[0][0] == name
    assert made.reliability.median > 0.8 and made.reliability.reliable and made.caution() == ""


@pytest.mark.slow
def test_concepts_that_are_not_there_are_not_found(planted):
    """The same texts under labels dealt at random: nothing agrees with itself, and the file says so."""
    lm = LanguageModel.of(planted.model, planted.tokenizer)
    mixed = [text for seed, name in enumerate(planted.emotions) for text in write(planted, name, 12, seed)]
    dealt = np.random.default_rng(1).permutation(np.array(mixed, dtype=object))
    texts = {name: list(dealt[i::4]) for i, name in enumerate(planted.emotions)}
    made = EmotionVectors.from_texts(lm, texts, write(planted, None, 30, 50), layer=planted.analysis_layer)
    first = [made.read(lm, write(planted, name, 1, 60 + i)[0]).top(1)[0][0] == name for i in range(5) for name in made]
    assert np.mean(first) < 0.6
    assert made.reliability.median < 0.33 and "noise" in made.caution()


def test_choices_that_cannot_be_are_refused():
    lm, texts, neutral = tiny(), {"a": ["one", "two"], "b": ["three", "four"]}, sentences(4, 9, 0)
    for options, says in (
        ({"layer": 4}, "no layer 4"), ({"first_token": -1}, "token -1"), ({"neutral_variance": 1.0}, "share of 1"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=says):
            EmotionVectors.from_texts(lm, texts, neutral, **options)
    with pytest.raises(UserError, match="3 different ones"):
        EmotionVectors.from_texts(lm, texts, ["one", "one", "two"])
    with pytest.raises(UserError, match="Neutral text 2 is empty"):
        making.check_neutral(["one", " ", "two", "three"])
    with pytest.raises(UserError, match="Text 2: The text has"):
        EmotionVectors.from_texts(lm, {"a": ["one", "boat " * 2000], "b": ["three", "four"]}, neutral)
