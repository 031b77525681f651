"""The neutral mean that a run keeps with its vectors, against its own neutral texts read one at a time with plain hooks."""

import numpy as np
import polars as pl

from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.model import load_model
from emotion_vectors.settings import toy
from emotion_vectors.vectors.file import EmotionVectors
from vectors.worlds import plain_pass


def test_the_centre_is_the_mean_of_the_neutral_texts_mean_activations(toy_run):
    lm, vectors = load_model("toy", device="cpu", dtype="float32"), EmotionVectors.load(toy_run[0])
    texts = pl.read_parquet(toy_run[0] / "neutral.parquet").filter("kept")["text"]
    means = []
    for text in texts:
        conversation = converse(lm, text)
        (whole,) = conversation.messages
        start = min(whole.first + toy().first_token, whole.last - 1)
        _, residuals = plain_pass(lm, conversation.ids)
        means.append([residuals[layer][start : whole.last].astype(np.float64).mean(axis=0) for layer in range(4)])
    expected = np.mean(means, axis=0)
    np.testing.assert_allclose(vectors.centre, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.01, "the tolerance must be small beside the values"
