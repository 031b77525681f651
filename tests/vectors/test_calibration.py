"""The reference of neutral texts: against readings of one text at a time, written-out ranks, and files that don't fit."""

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.vectors import calibration
from emotion_vectors.vectors.calibration import REFERENCES, Calibration
from emotion_vectors.vectors.file import EmotionVectors
from vectors.calibrated import made, with_centre
from vectors.worlds import make_vectors


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
    with pytest.raises(UserError, match=r"delete it and repeat the run") as caught:
        EmotionVectors.load(tmp_path)
    assert "\n" not in str(caught.value)
