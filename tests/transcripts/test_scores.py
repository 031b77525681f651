"""Scores of messages against readings of one text at a time, whatever the batches; and long texts in windows."""

import numpy as np
import pytest
from tiny import tiny
from vectors.worlds import EMOTIONS, make_vectors, plain_pass

from emotion_vectors.lm.messages import converse
from emotion_vectors.transcripts.scores import score_texts, windows

from .planted_texts import sentence

CHAT = [
    {"role": "system", "content": "You are an agent."}, {"role": "user", "content": "Write a poem about the sea."},
    {"role": "assistant", "content": "No, rest."}, {"role": "user", "content": "Why?"},
]  # fmt: skip


def scores(lm, vectors, texts, size=1024, tokens_per_batch=4096, **options):
    rendered = [converse(lm, text, any_length=True) for text in texts]
    return score_texts(vectors, lm, rendered, EMOTIONS, 2, size, tokens_per_batch, **options)


@pytest.mark.parametrize("tokens_per_batch", [1, 64, 4096])
@pytest.mark.parametrize("centre", [True, False])
def test_scores_are_those_of_one_reading_after_the_other(tokens_per_batch, centre):
    lm, vectors = tiny(), make_vectors(centre=centre)
    texts = [
        "One day the sea was calm",
        CHAT,
        "Rest",
        CHAT[:3],
        "What would you rather do today, write a poem or go home?",
    ]
    for text, found in zip(texts, scores(lm, vectors, texts, tokens_per_batch=tokens_per_batch), strict=True):
        alone = vectors.read(lm, text)
        assert found.windows == 1 and len(found.messages) == len(alone.messages)
        for message, span in zip(found.messages, alone.messages, strict=True):
            first = max(span.first, 1) if span.last > 1 else span.first
            for kind, tokens in enumerate((alone.raw, alone.centred)):
                if tokens is None:
                    assert np.isnan(message.mean[kind]).all() and np.isnan(message.max[kind]).all()
                    continue
                own = tokens[first : span.last, :, 0]
                np.testing.assert_allclose(message.mean[kind], own.mean(axis=0), atol=1e-5)
                np.testing.assert_allclose(message.max[kind], own.max(axis=0), atol=1e-5)
                np.testing.assert_array_equal(message.place[kind], own.argmax(axis=0) + first)
            assert message.counted == span.last - first


def test_the_response_positions_are_where_answers_begin():
    lm, vectors = tiny(), make_vectors()
    (found,) = scores(lm, vectors, [CHAT])
    alone = vectors.read(lm, CHAT)
    assert np.isnan([found.messages[n].response for n in (0, 1)]).all()
    # The answer in the middle begins where an open chat up to there would have been answered.
    earlier = vectors.read(lm, CHAT[:2])
    np.testing.assert_allclose(found.messages[2].response[1], earlier.centred[earlier.response, :, 0], atol=1e-5)
    np.testing.assert_allclose(found.messages[3].response[0], alone.raw[alone.response, :, 0], atol=1e-5)
    (text,) = scores(lm, vectors, ["One day the sea was calm"])
    np.testing.assert_allclose(
        text.messages[0].response[0], vectors.read(lm, "One day the sea was calm").raw[-1, :, 0], atol=1e-5
    )


@pytest.mark.parametrize(
    ("length", "size", "overlap"), [(10, 64, 16), (64, 64, 16), (65, 64, 16), (1000, 64, 16), (700, 512, 256)]
)
def test_windows_cover_every_token_once_with_context_before_it(length, size, overlap):
    found = windows(length, size, overlap)
    fresh = [token for window in found for token in range(window.fresh, window.last)]
    assert fresh == list(range(length))
    assert all(window.last - window.first <= size for window in found)
    assert all(window.fresh - window.first == min(overlap, size // 4) for window in found[1:])


@pytest.mark.parametrize("begins", [True, False])
def test_long_texts_are_read_in_windows(begins):
    lm, vectors = tiny(), make_vectors()
    rendered = converse(lm, sentence(lm, 0, 150), any_length=True)
    bos = lm.tokenizer.bos_token_id
    assert rendered.ids[0] != bos
    if begins:
        rendered = converse(lm, [{"role": "user", "content": sentence(lm, 0, 150)}], any_length=True)
        assert rendered.ids[0] == bos
    (found,) = score_texts(vectors, lm, [rendered], EMOTIONS, 2, 64, 200)
    assert found.windows == len(windows(len(rendered.ids), 64)) > 2
    values = np.empty((len(rendered.ids), 3))
    for window in windows(len(rendered.ids), 64):
        put = [bos] if begins and window.first else []
        residual = plain_pass(lm, [*put, *rendered.ids[window.first : window.last]])[1][2][len(put) :]
        cosines = residual @ vectors.unit().T / np.linalg.norm(residual, axis=1, keepdims=True)
        values[window.fresh : window.last] = cosines[window.fresh - window.first :]
    span = rendered.messages[0]
    first = max(span.first, 1)
    message = found.messages[0]
    np.testing.assert_allclose(message.mean[0], values[first : span.last].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(message.max[0], values[first : span.last].max(axis=0), atol=1e-5)
    np.testing.assert_array_equal(message.place[0], values[first : span.last].argmax(axis=0) + first)
    np.testing.assert_allclose(message.response[0], values[-1], atol=1e-5)
    whole = scores(lm, vectors, [sentence(lm, 0, 150)])[0].messages[0]
    assert not np.allclose(message.mean[0], whole.mean[0], atol=1e-5), (
        "windows must matter for this test to say something"
    )


def test_progress_counts_texts():
    lm, vectors, seen = tiny(), make_vectors(), []
    scores(lm, vectors, ["Rest", sentence(lm, 0, 150), CHAT], 64, 128, advance=seen.append)
    assert sum(seen) == pytest.approx(3) and len(seen) > 2
