"""`run --vectors`: a run's own vectors from a file give the run's own results; what does not fit is refused at once."""

import dataclasses
import html
import json

import numpy as np
import pytest
from small import CHOSEN, without_page, without_pictures

from emotion_vectors import EmotionVectors, settings
from emotion_vectors.errors import UserError
from emotion_vectors.opening import settings_identity
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.settings import change
from emotion_vectors.store.atomic import read_json

pytestmark = pytest.mark.slow  # every test waits for whole runs

QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


def again(small_run, out, vectors, page=False, **changes):
    """The toy run with vectors from elsewhere, on the stories that the first run wrote."""
    folder, _ = small_run
    texts = {"stories_from": str(folder / "stories.parquet"), "neutral_from": str(folder / "neutral.parquet")}
    with without_pictures() if page else without_page():
        return run_experiment(change(CHOSEN, vectors_from=str(vectors), **texts, **changes), out, QUIET)


@pytest.fixture(scope="module")
def same(small_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("adopted") / "same"
    return out, again(small_run, out, small_run[0], page=True)


def rounded(found):
    """Numbers to nine digits."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return float(f"{found:.9g}") if isinstance(found, float) else found


def test_a_runs_own_vectors_give_its_own_results(small_run, same):
    folder, first = small_run
    out, record = same
    for part in ("lens", "scenarios", "numeric", "preferences", "correlation", "steering", "feels"):
        assert rounded(record["experiments"][part]) == rounded(first["experiments"][part]), part
    theirs, ours = EmotionVectors.load(folder), EmotionVectors.load(out)
    np.testing.assert_array_equal(ours.raw, theirs.raw)
    np.testing.assert_array_equal(ours.projected, theirs.projected)


def test_what_was_not_made_here_is_not_claimed(small_run, same):
    _, first = small_run
    out, record = same
    assert first["vectors"]["split_half"] is not None and record["vectors"]["split_half"] is None
    assert {"vectors_finite"} == {name for name in record["doctor"] if name.startswith("vectors_")}
    adopted = record["vectors"]["adopted"]
    assert adopted["name"] == "run" and adopted["emotions"] == 12 and adopted["left_out"] == []
    page = html.unescape((out / "report.html").read_text(encoding="utf-8"))
    assert adopted["sha256"][:12] in page and "are not this run's" in page


def test_one_layer_and_other_names_are_enough(small_run, same, tmp_path):
    """As imported from an npz: the analysis layer alone, the emotions in another order and one that the pack has not."""
    theirs = EmotionVectors.load(small_run[0])
    order = [row for row in range(11, -1, -1) if theirs.emotions[row] not in ("angry", "proud")]
    raw = np.zeros((len(theirs.raw), len(order) + 1, theirs.raw.shape[2]), dtype=np.float32)
    raw[theirs.layer, :-1] = theirs.at()[order]
    raw[theirs.layer, -1] = 1
    names = (*(theirs.emotions[row] for row in order), "zestful beyond words")
    header = {
        "source": "imported from npz",
        "layers_given": [theirs.layer],
        "model_sha256": theirs.header["model_sha256"],
    }
    one = EmotionVectors(
        names, raw, raw.copy(), np.zeros_like(raw[0]), theirs.residual_norm, theirs.layer, "raw", header
    )
    one.save(tmp_path / "one.safetensors")
    record = again(
        small_run,
        tmp_path / "run",
        tmp_path / "one.safetensors",
        sweep_every=0,
        band_layers=0,
        skip_unknown_emotions=True,
    )
    kept = [name for name in theirs.emotions if name in names]
    assert [row["emotion"] for row in record["experiments"]["lens"]["emotions"]] == kept
    assert [row["layer"] for row in record["experiments"]["scenarios"]["by_layer"]] == [theirs.layer]
    adopted = record["vectors"]["adopted"]
    assert (adopted["name"], adopted["layers"], adopted["left_out"]) == ("one.safetensors", [theirs.layer], [names[-1]])
    # A direction's own logits don't depend on which others are there.
    whole = {row["emotion"]: row["top"] for row in same[1]["experiments"]["lens"]["emotions"]}
    assert all(row["top"] == whole[row["emotion"]] for row in record["experiments"]["lens"]["emotions"])
    ours = EmotionVectors.load(tmp_path / "run")
    assert ours.layers == (theirs.layer,)
    with pytest.raises(UserError, match="has none at layer"):
        ours.at(0)


def saved(theirs, path, **changes):
    dataclasses.replace(theirs, **changes).save(path)
    return path


def test_vectors_that_do_not_fit_are_refused_before_anything_is_written(small_run, tmp_path):
    theirs = EmotionVectors.load(small_run[0])
    few = 1
    cases = {
        "layers of width": {"raw": theirs.raw[..., :8], "projected": theirs.projected[..., :8], "embedding": theirs.embedding[..., :8],
                            "centre": None, "calibration": None},
        "other weights": {"header": theirs.header | {"model_sha256": "0" * 64}},
        "has 1 of this run's emotions": {"emotions": theirs.emotions[:few], "raw": theirs.raw[:, :few], "calibration": None,
                                         "projected": theirs.projected[:, :few], "embedding": theirs.embedding[:few]},
        "has no vectors at layer": {"header": theirs.header | {"layers_given": [theirs.layer]}},
    }  # fmt: skip
    for number, (words, changes) in enumerate(cases.items()):
        file = saved(theirs, tmp_path / f"{number}.safetensors", **changes)
        with pytest.raises(UserError, match=words):
            again(small_run, tmp_path / f"run{number}", file)
        assert not (tmp_path / f"run{number}" / "stories.parquet").exists()
    with pytest.raises(UserError):
        again(small_run, tmp_path / "none", tmp_path / "nowhere.safetensors")
    assert not (tmp_path / "none").exists()


def test_the_content_of_the_file_is_part_of_the_run(small_run, same, tmp_path):
    out, _ = same
    identity = read_json(out / "run.json")["settings"]
    chosen = change(CHOSEN, vectors_from=str(small_run[0]))
    assert settings_identity(chosen)["vectors_from"] == identity["vectors_from"]
    assert "vectors_from" not in settings_identity(CHOSEN), "folders of runs without it stay valid"
    other = saved(
        EmotionVectors.load(small_run[0]),
        tmp_path / "other.safetensors",
        emotions=tuple(reversed(EmotionVectors.load(small_run[0]).emotions)),
    )
    with pytest.raises(UserError, match="vectors_from"):
        again(small_run, out, other)
    assert json.loads((out / "results.json").read_text())["vectors"]["adopted"]["name"] == "run"
