"""The stage of the scenario tests and of the words alone: on a tiny model, without a run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from emotion_vectors.experiments.baselines import measure as baselines
from emotion_vectors.experiments.criteria import Null, Seed, Threshold, judge
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.scale.together import Together
from emotion_vectors.stages import validation
from emotion_vectors.stages.readings import Readings
from emotion_vectors.stimuli import load_pack
from emotion_vectors.vectors.activations import pool
from emotion_vectors.vectors.directions import contrast
from emotion_vectors.vectors.file import EmotionVectors
from tests.tiny import tiny

PACK = load_pack()
EMOTIONS = tuple(PACK.subset[:24])


def run_folder(folder: Path, stories: int = 3) -> Any:
    """What the stage asks of a run: kept stories of every emotion, and a dropped one that must not be read."""
    rows = [
        {"emotion": emotion, "text": f"{PACK.topics[k]} {'mark' + 'abcdefghijklmnopqrstuvwx'[i]} quietly", "kept": True}
        for k in range(stories)
        for i, emotion in enumerate(EMOTIONS)
    ]
    rows.insert(1, {"emotion": EMOTIONS[0], "text": "forbidden forbidden", "kept": False})
    pl.DataFrame(rows).write_parquet(folder / "stories.parquet")
    settings = SimpleNamespace(resamples=100, seed=0, layer=None)
    return SimpleNamespace(run=folder, pack=PACK, lm=tiny(), settings=settings)


def readings() -> Readings:
    lm = tiny()

    def at_response(texts):
        prompts = [chat_prompt(lm, "{message}", {"message": text}) for text in texts]
        return pool(lm, [(prompt.ids, (len(prompt.ids) - 1, len(prompt.ids))) for prompt in prompts]).means

    batteries = [
        at_response([s.prompt for s in b]) for b in (PACK.scenarios, PACK.heldout_scenarios, PACK.retrieval_scenarios)
    ]
    return Readings(batteries[0], [], np.zeros(0), batteries[1], batteries[2], [], None)


def directions(seed: int = 0) -> EmotionVectors:
    rows = np.random.default_rng(seed).standard_normal((4, 24, 32))
    return EmotionVectors(EMOTIONS, rows, rows, rows[0], np.ones(4), 2)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_static_embeddings_are_plain_means_of_the_table_and_the_embedding_layer(kind):
    lm, texts = tiny(kind), [PACK.scenarios[0].prompt, PACK.activities[3].text]
    found = validation.static_embeddings(lm, texts)
    for row, text in zip(found, texts, strict=True):
        prompt = chat_prompt(lm, "{message}", {"message": text})
        first, last = prompt.spans["message"]
        with torch.no_grad():  # the first hidden state of the model's own forward pass
            own = lm.model(torch.tensor([prompt.ids]), output_hidden_states=True).hidden_states[0][0, first:last]
        assert row == pytest.approx(own.mean(0).numpy(), abs=1e-5)


@pytest.mark.parametrize("batch", [1, 7, 8192])
def test_stories_are_streamed_whole_and_dropped_ones_are_not(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(validation, "BATCH", batch)
    found = list(validation.kept_stories(run_folder(tmp_path)))
    assert [emotion for emotion, _ in found] == list(EMOTIONS) * 3
    assert not any("forbidden" in text for _, text in found)


@pytest.mark.slow
def test_the_batteries_reach_the_tests_with_their_layers():
    """The layer axis of the readings begins with the embedding; the tests must get the output of the blocks."""
    planted, vectors = readings(), directions()
    index = {emotion: row for row, emotion in enumerate(EMOTIONS)}
    for battery, rows in ((PACK.scenarios, planted.scenarios), (PACK.heldout_scenarios, planted.heldout)):
        for row, scenario in zip(rows, battery, strict=True):
            if scenario.emotion in index:
                row[3] = vectors.projected[2, index[scenario.emotion]]
    lab = SimpleNamespace(pack=PACK, settings=SimpleNamespace(resamples=100, seed=0, layer=None))
    record, (v3, _) = validation.scenario_tests(lab, vectors, planted)  # pyright: ignore[reportArgumentType]
    first = v3.seed
    assert first.value == first.of == record.by_layer[2].matches and len(record.by_layer) == 4
    assert record.heldout is not None and record.retrieval is not None
    assert record.heldout.raw.matches.value == record.heldout.of == 3 * first.of
    assert v3.of == 4 * first.of and v3.value > 3 * first.of
    assert record.by_layer[1].matches < first.of and not record.layer_set_by_hand
    assert record.retrieval.of == record.retrieval.emotions == 24
    by_hand = SimpleNamespace(pack=PACK, settings=SimpleNamespace(resamples=100, seed=0, layer=2))
    assert validation.scenario_tests(by_hand, vectors, planted)[0].layer_set_by_hand  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_the_words_of_a_run_are_compared_and_noted(tmp_path):
    lab, vectors = run_folder(tmp_path), directions()
    record, criteria = validation.scenario_tests(lab, vectors, readings())
    nats = np.random.default_rng(0).standard_normal(64)
    chance, seeds = Null("chance", 0.0, 1.0), Seed(0, Threshold(17), "curves", 24)
    rest = [
        judge(name, "", 0, (0, 0), chance, Threshold(17), "", of, note="x", seed=seeds)
        for name, of in (("V5", 24), ("V6", 24), ("V8", 3), ("V9", 24), ("V1", 24))
    ]
    counted = SimpleNamespace(count=0, of=55, count_p=1.0)
    numbers = SimpleNamespace(
        twins=SimpleNamespace(earlier=SimpleNamespace(null=SimpleNamespace(p=1.0)), severity=counted)
    )
    facts, together = validation.story_facts(lab, vectors), Together()
    rows = validation.begin_words_alone(lab, vectors, nats, facts, together)
    together.run(lambda tasks: 1)
    found, noted = validation.words_alone(rows, [*criteria, *rest], record, numbers, facts, lab.settings)
    assert [row.name for row in found.rows] == ["residual stream", "bag of words", "static embedding"]
    stories = {word for _, text in validation.kept_stories(lab) for word in text.lower().split()}
    assert 24 <= found.vocabulary <= len(stories)
    for name in baselines.CRITERIA:
        reached = baselines.remarks(found)[name]
        note = next(one.note for one in noted if one.id == name)
        assert note.endswith(reached) and ("reaches" in note) == bool(reached)
    notes = {one.id: one.note for one in noted}
    assert notes["V1"] == "x" and notes["V5"].startswith("x A bag of words reaches ")


def test_the_static_vectors_of_a_run_are_in_the_same_space():
    """`EmotionVectors.embedding` is a contrast of means over story tokens of what `static_embeddings` averages."""
    lm, texts = tiny(), ["a quiet morning by the sea", "they never came back to the house"]
    read = pool(
        lm, [(p.ids, p.spans["message"]) for p in (chat_prompt(lm, "{message}", {"message": t}) for t in texts)]
    )
    assert contrast(read.means[:, 0]) == pytest.approx(contrast(validation.static_embeddings(lm, texts)), abs=1e-5)
