"""The stage that takes the words out: which text belongs to which activation, and a finished run against scikit-learn."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from emotion_vectors.experiments.words_out.measure import PENALTY
from emotion_vectors.experiments.words_out.record import LEFT, OWN, STATIC
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.stages import words_out
from emotion_vectors.stimuli import load_pack
from emotion_vectors.vectors.activations import pool
from emotion_vectors.vectors.directions import contrast, cosine
from tests.tiny import tiny


def test_every_activation_gets_the_text_of_its_own_story(tmp_path, monkeypatch):
    monkeypatch.setattr(words_out, "BATCH", 100)
    monkeypatch.setattr(words_out, "SIZE", 64)
    g = np.random.default_rng(0)
    stories = pl.DataFrame(
        {
            "emotion": [f"e{i % 7}" for i in range(450)], "topic": [f"t{i // 7 % 9}" for i in range(450)], "slot": [i // 63 for i in range(450)],
            "text": [f"text {i}" for i in range(450)], "kept": g.uniform(size=450) > 0.2,
        }
    )  # fmt: skip
    stories.write_parquet(tmp_path / "stories.parquet")
    kept = stories.filter("kept").with_row_index("place")
    kept = kept.with_columns(shard=(pl.col("place") // 64 * 64).cast(pl.Int64))
    read = kept.filter(g.uniform(size=len(kept)) > 0.1).filter(
        pl.col("shard") != 128
    )  # too short ones, a whole shard too
    read.select("emotion", "topic", "slot", "shard").write_parquet(tmp_path / "story_index.parquet")
    found = list(words_out._stories(SimpleNamespace(run=tmp_path)))
    assert [text for _, texts in found for text in texts] == read["text"].to_list()
    assert [rows["shard"].unique().to_list() for rows, _ in found] == [
        [start] for start in read["shard"].unique(maintain_order=True)
    ]


def test_words_of_other_stories_stay_in_their_topic():
    rows, topics = np.arange(40.0)[:, None], np.repeat([0, 1], 20)
    found = words_out._dealt(rows, topics, 0)
    for topic in (0, 1):
        assert sorted(found[topics == topic].ravel()) == sorted(rows[topics == topic].ravel())
    assert (found != rows).mean() > 0.8


def test_static_embeddings_are_means_over_the_tokens_that_the_activations_are_means_of():
    lm, texts = tiny(), [story.prompt for story in load_pack().scenarios[:2]]
    lab: Any = SimpleNamespace(lm=lm, settings=SimpleNamespace(story_format="raw", first_token=3))
    prompts = [story_prompt(lm, text, False) for text in texts]
    spans = [(prompt.ids, (prompt.spans["story"][0] + 3, prompt.spans["story"][1])) for prompt in prompts]
    assert words_out._embedded(lab, texts) == pytest.approx(pool(lm, spans).means[:, 0], abs=1e-5)


def test_a_finished_run_has_what_scikit_learn_leaves(toy_run):
    folder, record = toy_run
    part = record["experiments"]["words_out"]
    index = pl.read_parquet(folder / "story_index.parquet")
    stories = pl.read_parquet(folder / "stories.parquet").filter("kept")
    texts = index.join(stories, on=["emotion", "topic", "slot"], how="left", maintain_order="left")["text"].to_list()
    shards = index["shard"].unique(maintain_order=True)
    y = np.concatenate(
        [load_file(folder / "story_vectors" / f"{shard:08d}.safetensors")["vectors"] for shard in shards]
    ).astype(float)
    rows = TfidfVectorizer().fit(stories["text"].to_list()).transform(stories["text"].to_list())
    svd = TruncatedSVD(part["components"], algorithm="arpack", random_state=0).fit(rows)
    z = svd.transform(TfidfVectorizer().fit(stories["text"].to_list()).transform(texts))
    topics, emotions = index["topic"].to_numpy(), index["emotion"].to_numpy()
    names = list(dict.fromkeys(topics.tolist()))
    centred = [
        np.stack([one - values[topics == topics[i]].mean(axis=0) for i, one in enumerate(values)]) for values in (z, y)
    ]
    left = y.copy()
    for topic in names:
        there = topics == topic
        alpha = PENALTY * (centred[0][~there] ** 2).sum() / z.shape[1]
        left[there] -= (
            z[there] @ Ridge(alpha=alpha, fit_intercept=False).fit(centred[0][~there], centred[1][~there]).coef_.T
        )
    order = [row["emotion"] for row in record["experiments"]["lens"]["emotions"]]
    before, after = (
        contrast(np.stack([values[emotions == name].mean(axis=0) for name in order])) for values in (y, left)
    )
    columns = {column["row"]["name"]: column for column in part["columns"]}
    assert part["folds"] == len(names) > 1
    assert columns[LEFT]["cosine"] == pytest.approx(np.median(np.diag(cosine(after, before))), abs=1e-5)
    ratio = np.linalg.norm(after, axis=1) / np.linalg.norm(before, axis=1)
    assert columns[LEFT]["norm"] == pytest.approx(np.median(ratio), abs=1e-5)
    assert columns[OWN]["row"]["V3"] == record["criteria"]["V3"]["value"]
    static = next(row for row in record["experiments"]["baselines"]["rows"] if row["name"] == STATIC)
    assert {k: v for k, v in columns[STATIC]["row"].items() if k != "name"} == {
        k: v for k, v in static.items() if k != "name"
    }
