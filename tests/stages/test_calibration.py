"""What the stage keeps of the neutral texts is what `read` says of them: each has its own rank among all."""

import shutil

import numpy as np
import polars as pl
import pytest
from small import CHOSEN, without_page

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import load_model
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.vectors import calibration
from emotion_vectors.vectors.file import EmotionVectors


@pytest.mark.parametrize("form", ["text", "message"])
@pytest.mark.parametrize("statistic", ["response", "mean", "max"])
def test_a_neutral_text_that_is_read_stands_at_its_own_rank(small_run, form, statistic):
    vectors, lm = EmotionVectors.load(small_run[0]), load_model("toy", "cpu", "float32")
    known = vectors.calibration
    texts = pl.read_parquet(small_run[0] / "neutral.parquet").filter("kept")["text"].to_list()
    assert known is not None and known.texts == len(texts) >= 4
    scores, longest = [], 10_000  # compared with whole texts
    for text in texts:
        given = text if form == "text" else [{"role": "user", "content": text}]
        reading = vectors.read(lm, given)
        first, last = reading.messages[0].first, reading.messages[0].last
        first = max(first, 1) if last > 1 else first  # the first token of all is left out, as in `read`'s own means
        own = reading.raw[first:last, :, 0]
        at = last - 1 if reading.response is None else reading.response
        scores.append({"response": reading.raw[at, :, 0], "mean": own.mean(axis=0), "max": own.max(axis=0)}[statistic])
    columns = range(len(vectors.emotions))
    own = np.array(scores)
    number = calibration.reference(statistic, longest)
    kept = known.scores[calibration.FORMS.index(form), calibration.KINDS.index("raw"), number, vectors.layer]
    np.testing.assert_allclose(kept, np.sort(own.T, axis=1), atol=2e-3)
    found = known.rank(own, statistic, np.full(len(texts), longest), vectors.layer, columns, form, "raw").percentile
    assert (np.diff(np.take_along_axis(found, np.argsort(own, axis=0), axis=0), axis=0) >= 0).all()
    # A text of the m stands at (i + 0.5) / m. Scores that are one float16, as those of single tokens often are, share their middle.
    alone = np.array([len(np.unique(column.astype(np.float16))) == len(texts) for column in own.T])
    expected = 100 * (np.arange(len(texts)) + 0.5) / len(texts)
    assert statistic == "max" or alone.mean() > 0.5
    np.testing.assert_allclose(
        np.sort(found[:, alone], axis=0), np.repeat(expected[:, None], alone.sum(), axis=1), atol=100 / len(texts)
    )
    assert np.isclose(np.sort(found[:, alone], axis=0), expected[:, None]).mean() > 0.9 or not alone.any()


@pytest.mark.parametrize("rest", [0, 100, -1])
@pytest.mark.slow
def test_a_damaged_calibration_is_made_again_by_its_run(small_run, tmp_path, rest):
    """The vectors beside it are read without it."""
    folder = tmp_path / "run"
    shutil.copytree(small_run[0], folder)
    file = folder / "calibration.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:rest])
    with pytest.raises(UserError, match="does not belong to its vectors"):
        EmotionVectors.load(folder)
    with without_page():
        record = run_experiment(CHOSEN, folder, settings.Runtime(device="cpu", quiet=True, threads=1))
    assert file.read_bytes() == whole and record["criteria"] == small_run[1]["criteria"]
