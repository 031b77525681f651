"""The reference of neutral texts: against readings of one text at a time, written-out ranks, and files that don't fit."""

import numpy as np
import pytest
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import converse
from emotion_vectors.vectors import calibration
from emotion_vectors.vectors.calibration import REFERENCES, Calibration
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.neutral import Read, neutral_scores
from vectors.worlds import make_vectors

TEXTS = [
    "What would you rather do today, write a poem or go home?", "The sea was calm and the old man went home to write a long letter.",
    "Rest", "Person: How do I boil an egg? AI: Put it into boiling water and wait for eight minutes, then rinse it in cold water.",
]  # fmt: skip


def with_centre(vectors, centre):
    return EmotionVectors(
        vectors.emotions, vectors.raw, vectors.projected, vectors.embedding, vectors.residual_norm, vectors.layer, vectors.kind,
        vectors.header, centre,
    )  # fmt: skip


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


def made(scores):
    """A calibration of one layer and one emotion whose every reference has these neutral scores, plus the reference's number."""
    rows = np.array([np.sort(scores) + number / 16 for number in range(len(REFERENCES))], dtype=np.float16)
    whole = np.broadcast_to(rows[None, None, :, None, None], (2, 2, len(REFERENCES), 1, 1, len(scores)))
    return Calibration(np.ascontiguousarray(whole), np.zeros((1, 8), dtype=np.float32))


def test_percentiles_count_ties_half_and_z_is_robust():
    known = made([-0.5, 0.0, 0.0, 0.25, 0.5])
    values = np.array([[-1.0], [0.0], [0.125], [0.5], [0.75], [np.nan]])
    rank = known.rank(values, "response", np.full(6, 10), 0, [0])
    # One of five below and two tied: 1 + 2 / 2 of 5.
    np.testing.assert_allclose(rank.percentile[:, 0], [0, 40, 60, 90, 100, np.nan])
    np.testing.assert_allclose(rank.z[:, 0], (values[:, 0] - 0.0) / (1.4826 * 0.25))
    assert known.texts == 5


def test_a_message_is_compared_with_pieces_about_as_long():
    known = made([0.0, 0.1, 0.2])
    tokens = [1, 8, 9, 32, 33, 96, 97, 5000]
    expected = ["4", "4", "16", "16", "64", "64", "all", "all"]
    for statistic in ("mean", "max"):
        rank = known.rank(np.full((8, 1), 0.7), statistic, np.array(tokens), 0, [0], "message", "raw")
        for row, size in enumerate(expected):
            shift = REFERENCES.index(f"{statistic} {size}") / 16
            assert rank.z[row, 0] == pytest.approx((0.7 - 0.1 - shift) / 0.14826, abs=0.02)
            assert known.usual(0, [0])[0][1, 0, REFERENCES.index(f"{statistic} {size}"), 0] == pytest.approx(
                0.1 + shift, abs=1e-3
            )


def test_equal_neutral_scores_have_no_z():
    rank = made([0.25, 0.25, 0.25]).rank(np.array([[0.5]]), "response", np.array([3]), 0, [0])
    assert rank.percentile[0, 0] == 100 and np.isnan(rank.z[0, 0])


@pytest.fixture
def calibrated():
    vectors = make_vectors()
    scores = np.sort(np.random.default_rng(0).uniform(-1, 1, (2, 2, len(REFERENCES), 4, 3, 7)), axis=-1).astype(
        np.float16
    )
    return vectors, Calibration(scores, vectors.centre)


def test_it_is_found_beside_the_vectors_and_travels_in_their_file(calibrated, tmp_path):
    vectors, known = calibrated
    vectors.save(tmp_path / "vectors.safetensors")
    assert EmotionVectors.load(tmp_path).calibration is None
    known.save(tmp_path / calibration.FILE, "")
    beside = EmotionVectors.load(tmp_path / "vectors.safetensors")
    assert beside.calibration is not None and (beside.calibration.scores == known.scores).all()
    (tmp_path / "elsewhere").mkdir()
    beside.save(tmp_path / "elsewhere" / "vectors.safetensors")
    alone = EmotionVectors.load(tmp_path / "elsewhere")
    assert alone.calibration is not None and (alone.calibration.scores == known.scores).all()
    assert alone.header == vectors.header and (alone.centre == vectors.centre).all()


def test_vectors_from_before_there_was_a_centre_get_that_of_the_calibration(calibrated, tmp_path):
    vectors, known = calibrated
    with_centre(vectors, None).save(tmp_path / "vectors.safetensors")
    known.save(tmp_path / calibration.FILE, "")
    assert (EmotionVectors.load(tmp_path).centre == known.centre).all()


@pytest.mark.parametrize("damage", ["other run", "shape", "text", "header"])
def test_a_calibration_of_other_vectors_or_a_damaged_one_is_refused(calibrated, tmp_path, damage):
    vectors, known = calibrated
    vectors.save(tmp_path / "vectors.safetensors")
    path = tmp_path / calibration.FILE
    scores = known.scores[:, :, :, :2] if damage == "shape" else known.scores
    Calibration(scores, known.centre).save(path, "another" if damage == "other run" else "")
    if damage == "text":
        path.write_text("no tensors")
    elif damage == "header":
        path.write_bytes(path.read_bytes().replace(b"emotion-vectors-calibration/1", b"emotion-vectors-calibration/9"))
    with pytest.raises(UserError, match=r"delete it and run") as caught:
        EmotionVectors.load(tmp_path)
    assert "\n" not in str(caught.value)
