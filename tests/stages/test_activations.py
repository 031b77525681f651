"""The stage that reads the stories: whatever the shards, the same sums; texts come from the file shard by shard."""

import dataclasses

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import load_file
from tiny import tiny

from emotion_vectors.lab import Lab
from emotion_vectors.lm.model import Located
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime, change, toy
from emotion_vectors.stages import activations as stage
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import open_run
from emotion_vectors.vectors import passes

EMOTIONS = ("calm", "angry", "sad")
SETTINGS = change(toy(), first_token=3, min_tokens=8)


class Said(Reporter):
    """Keeps what was said."""

    def __init__(self):
        super().__init__(quiet=True)
        self.lines = []

    def say(self, sentence):
        self.lines.append(sentence)


def table():
    """40 stories: every third was dropped, and one that was kept is too short to be read."""
    words = "she walked home in the rain and looked at the river for a long quiet while before she slept".split()
    texts = [" ".join(words[i % 5 : 12 + i % 9]) + f" {i}." for i in range(40)]
    texts[4] = "No."
    return pl.DataFrame({
        "emotion": [EMOTIONS[i % 2 if i < 20 else 2] for i in range(40)], "topic": "rain", "slot": range(40), "text": texts,
        "tokens": [len(text.split()) for text in texts], "kept": [i % 3 != 0 for i in range(40)],
    })  # fmt: skip


def read(folder, monkeypatch, size, runtime=Runtime(quiet=True), before=lambda run: None):
    """The stage in a new run folder with shards of `size`; the folder and what was said."""
    monkeypatch.setattr(stage, "SIZE", size)
    lm = tiny()
    atomic.write_parquet(folder / "stories.parquet", table())
    atomic.write_parquet(folder / "neutral.parquet", table().tail(4).with_columns(kept=pl.lit(True)))
    atomic.write_json(folder / "run.json", {})
    reporter = Said()
    with open_run(folder, {}) as run:
        located = Located(None, "tiny", "0", None)
        lab = Lab(
            settings=SETTINGS, runtime=runtime, pack=load_pack(), located=located, reporter=reporter, run=run, fingerprint=""
        )  # fmt: skip
        lab.__dict__.update(lm=lm, emotions=EMOTIONS)
        before(lab)
        stage.pool_stories(lab)
    return folder, reporter.lines


def files(folder):
    shards = [load_file(path)["vectors"] for path in sorted((folder / "story_vectors").iterdir())]
    return load_file(folder / "activations.safetensors"), pl.read_parquet(folder / "story_index.parquet"), shards


def expected():
    """Sums by emotion over the stories that are kept and long enough, one text at a time by the model's own states."""
    lm, rows = tiny(), []
    sums: dict[str, np.ndarray] = {}
    for row in table().filter("kept").iter_rows(named=True):
        ids = story_prompt(lm, row["text"], chat=False)
        first, last = ids.spans["story"]
        if last - first < SETTINGS.min_tokens:
            continue
        with torch.no_grad():
            states = lm.model(torch.tensor([ids.ids]), output_hidden_states=True).hidden_states[:-1]
        mean = np.stack([state[0, first + 3 : last].mean(0).numpy() for state in states])
        sums[row["emotion"]] = sums.get(row["emotion"], np.zeros_like(mean)) + mean
        rows.append((row["emotion"], row["slot"], mean))
    return sums, rows


@pytest.mark.parametrize("size", [4, 7, 256])
def test_sums_are_those_of_single_stories_whatever_the_shards(tmp_path, monkeypatch, size):
    folder, _ = read(tmp_path, monkeypatch, size)
    tensors, index, shards = files(folder)
    sums, rows = expected()
    for place, emotion in enumerate(EMOTIONS):
        np.testing.assert_allclose(tensors["sums"][place, :-1], sums[emotion], atol=1e-3)
    assert tensors["counts"].tolist() == [sum(one == emotion for one, *_ in rows) for emotion in EMOTIONS]
    assert index.select("emotion", "slot").rows() == [(emotion, slot) for emotion, slot, _ in rows]
    layer = tiny().default_layer
    np.testing.assert_allclose(np.concatenate(shards), [mean[layer + 1] for *_, mean in rows], atol=1e-4)
    assert len(shards) == -(-len(table().filter("kept")) // size)


def test_shards_that_an_earlier_run_read_are_not_read_again(tmp_path, monkeypatch):
    whole, _ = read(tmp_path / "whole", monkeypatch, 7)
    seen = []
    prepare = stage._prepare
    monkeypatch.setattr(stage, "_prepare", lambda lab, shard: seen.append(shard.start) or prepare(lab, shard))

    def killed_before(lab):
        for name in ("00000000", "00000014"):
            (source,) = (whole / "parts").glob(f"activations-*/{name}.safetensors")
            target = lab.run.parts("activations") / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())

    again, _ = read(tmp_path / "again", monkeypatch, 7, before=killed_before)
    assert seen == [7, 21]
    for name in ("activations.safetensors", "story_index.parquet"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def test_only_the_texts_of_a_shard_are_read(tmp_path, monkeypatch):
    held = []
    texts = stage._Shard.texts
    monkeypatch.setattr(stage._Shard, "texts", lambda shard: held.append(texts(shard)) or held[-1])
    read(tmp_path, monkeypatch, 7)
    kept = table().filter("kept")["text"].to_list()
    assert held == [kept[i : i + 7] for i in range(0, len(kept), 7)]


def test_running_out_of_memory_is_said_once_in_the_whole_stage(tmp_path, monkeypatch):
    whole, most = passes.read, 60

    def scarce(lm, laid, take):
        # Beginnings that texts have in common are computed once.
        if (laid.size if laid.spread is None else int(laid.spread.max()) + 1) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        whole(lm, laid, take)

    calm, _ = read(tmp_path / "calm", monkeypatch, 7)
    monkeypatch.setattr(passes, "read", scarce)
    runtime = dataclasses.replace(Runtime(quiet=True), tokens_per_batch=100)
    folder, lines = read(tmp_path / "scarce", monkeypatch, 7, runtime)
    assert len(lines) == 1 and "Out of memory while reading" in lines[0]
    np.testing.assert_allclose(files(folder)[0]["sums"], files(calm)[0]["sums"], atol=1e-3)
