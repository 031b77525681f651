"""Neutral scores are those of readings one by one."""

import numpy as np
import pytest
from tiny import tiny

from emotion_vectors.lm.messages import converse
from emotion_vectors.vectors import calibration
from emotion_vectors.vectors.calibration import REFERENCES
from emotion_vectors.vectors.neutral import Read, neutral_scores
from vectors.calibrated import with_centre
from vectors.worlds import make_vectors

TEXTS = [
    "What would you rather do today, write a poem or go home?", "The sea was calm and the old man went home to write a long letter.",
    "Rest", "Person: How do I boil an egg? AI: Put it into boiling water and wait for eight minutes, then rinse it in cold water.",
]  # fmt: skip


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("tokens_per_batch", [30, 4096])
def test_neutral_scores_are_those_of_readings_one_by_one(chat, tokens_per_batch):
    lm, vectors = tiny(), make_vectors()
    centres = np.random.default_rng(1).normal(size=(len(TEXTS), 4, 32)).astype(np.float32)
    given = [[{"role": "user", "content": text}] if chat else text for text in TEXTS]
    reads = []
    for one in given:
        made = converse(lm, one)
        span = made.messages[0]
        reads.append(Read(made.ids, (span.first, span.last), len(made.ids) - 1 if chat else span.last - 1))
    units = np.stack([vectors.unit(layer) for layer in range(4)])
    found = neutral_scores(lm, reads, range(len(TEXTS)), units, centres, tokens_per_batch)
    assert found.shape == (2, len(REFERENCES), 4, 3, len(TEXTS))
    for number, one in enumerate(given):
        reading = with_centre(vectors, centres[number]).read(lm, one, layers=range(4))
        first, last = reads[number].tokens
        first = max(first, 1) if last > 1 else first
        for kind, tokens in enumerate((reading.raw, reading.centred)):
            own = tokens[first:last]
            expected = {
                "response": tokens[reads[number].response],
                "mean all": own.mean(axis=0),
                "max all": own.max(axis=0),
            }
            for name, values in expected.items():
                np.testing.assert_allclose(found[kind, REFERENCES.index(name), :, :, number], values.T, atol=1e-3)
            # A piece of four tokens: somewhere in the text, the same tokens for mean and maximum.
            starts = range(max(1, len(own) - 3))
            pieces = [own[start : start + 4] for start in starts]
            four = (
                found[kind, REFERENCES.index("mean 4"), :, :, number],
                found[kind, REFERENCES.index("max 4"), :, :, number],
            )
            assert any(
                np.allclose(four[0], piece.mean(axis=0).T, atol=1e-3)
                and np.allclose(four[1], piece.max(axis=0).T, atol=1e-3)
                for piece in pieces
            )


def test_pieces_have_their_length_stay_inside_and_differ_from_text_to_text():
    starts = set()
    for number in range(30):
        four, sixteen, sixty_four, whole = calibration.pieces((3, 53), number)
        assert four[1] - four[0] == 4 and sixteen[1] - sixteen[0] == 16
        assert sixty_four == whole == (3, 53)
        assert all(3 <= a < b <= 53 for a, b in (four, sixteen))
        starts.add(four[0])
    assert len(starts) > 20 and min(starts) < 8 and max(starts) > 44
