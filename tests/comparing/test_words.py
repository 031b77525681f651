"""What two runs' vectors share beyond the words of their stories: a planted common structure is found, that of the words is not."""

import shutil

import numpy as np
import pytest
from scipy.stats import spearmanr

from emotion_vectors.comparing import compare_runs
from emotion_vectors.comparing.pairs import what_differs
from emotion_vectors.comparing.runs import Compared
from emotion_vectors.comparing.words import beyond_words
from emotion_vectors.record import parse

N, WIDTH = 30, 8


def drawn(seed):
    return np.random.default_rng(seed).standard_normal((N, WIDTH))


def structure(rows):
    rows = rows - rows.mean(axis=0)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(N, 1)]


def test_a_common_structure_is_the_models_and_the_words_is_not():
    words, shared = drawn(0), drawn(1)
    models = beyond_words(shared + 0.5 * drawn(2), shared + 0.5 * drawn(3), [words, words], 300, 0)
    assert models["interval"][0] > 0.1 and models["partial_interval"][0] > 0.2 and abs(models["bar"]) < 0.2
    stories = beyond_words(words + 0.6 * drawn(2), words + 0.6 * drawn(3), [words, words], 300, 0)
    assert stories["bar"] > 0.6 and stories["interval"][1] < 0.1 and abs(stories["partial"]) < 0.15


def test_the_numbers_are_scipys_and_the_bar_is_the_other_runs_words():
    rows = [drawn(seed) for seed in range(4)]
    rows[3] = rows[0] + drawn(9)  # the second run's words, near the first run's vectors
    found = beyond_words(rows[0], rows[1], rows[2:], 100, 0)
    r = spearmanr(np.stack([structure(one) for one in rows]), axis=1).statistic
    assert found["bar"] == pytest.approx(r[0, 3]) and found["difference"] == pytest.approx(r[0, 1] - r[0, 3])
    assert found["own"] == pytest.approx([r[0, 2], r[1, 3]])
    inverse = np.linalg.inv(r)
    assert found["partial"] == pytest.approx(-inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]))


def test_runs_without_their_stories_say_so_and_with_them_the_page_judges(toy_run, tmp_path):
    bare, whole = tmp_path / "bare", tmp_path / "whole"
    for folder in (bare, whole):
        folder.mkdir()
        for name in ("results.json", "run.json", "vectors.safetensors"):
            shutil.copy(toy_run[0] / name, folder / name)
    shutil.copy(toy_run[0] / "stories.parquet", whole / "stories.parquet")
    record = compare_runs([toy_run[0], bare, whole], tmp_path / "out", 100)
    pairs = {tuple(pair["runs"])[1]: pair["geometry"] for pair in record["pairs"] if pair["runs"][0] == toy_run[0].name}
    assert pairs["bare"]["words"] is None and "bare are not in its folder" in pairs["bare"]["words_reason"]
    found = pairs["whole"]["words"]
    assert found["difference"] == pytest.approx(1 - found["bar"]) and found["own"][0] == pytest.approx(found["bar"])
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert (
        "Words of the stories (TF-IDF): those of one run alone reach" in page
        and "it is not known how much of the geometry" in page
    )


def test_a_setting_that_an_older_run_lacks_is_its_default(toy_run):
    record = parse(toy_run[1], {})
    older = {name: value for name, value in record.settings.items() if name != "clusters"}

    def run(settings):
        return Compared("one", toy_run[0], record.model_copy(update={"settings": settings}), None)

    assert what_differs(run(older), run(older | {"clusters": 10})) == []
    assert what_differs(run(older), run(older | {"clusters": 5})) == ["clusters"]
