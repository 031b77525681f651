"""The scenario and the numeric tests of a run, and the same tests for its stories and prompts as a bag of words and as static embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import polars as pl
import torch

from emotion_vectors.experiments.baselines import measure as baselines
from emotion_vectors.experiments.baselines.record import Baselines, Row
from emotion_vectors.experiments.geometry import stories
from emotion_vectors.experiments.geometry.stories import StoryFacts
from emotion_vectors.experiments.numeric import measure as numeric
from emotion_vectors.experiments.numeric.record import Numeric
from emotion_vectors.experiments.scenarios import measure as scenarios
from emotion_vectors.experiments.scenarios import retrieval
from emotion_vectors.experiments.scenarios.ranking import Battery
from emotion_vectors.experiments.scenarios.record import Scenarios
from emotion_vectors.lab import Lab
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.scale.together import Later, Together
from emotion_vectors.settings import Settings
from emotion_vectors.stages.readings import Readings
from emotion_vectors.vectors.file import EmotionVectors

BATCH = 8192


def scenario_tests(lab: Lab, vectors: EmotionVectors, readings: Readings) -> tuple[Scenarios, list[Criterion]]:
    """The record's `scenarios` part and V3, V4: the main battery at every layer, the other two at the analysis layer."""
    pack, settings = lab.pack, lab.settings
    given = list(vectors.layers)
    main, heldout, every = (
        Battery(texts, rows[:, 1:])
        for texts, rows in (
            (pack.scenarios, readings.scenarios),
            (pack.heldout_scenarios, readings.heldout),
            (pack.retrieval_scenarios, readings.retrieval),
        )
    )
    layers = scenarios.Layers(given.index(vectors.layer), settings.layer is not None, tuple(given))
    directions = (vectors.projected if vectors.kind == "projected" else vectors.raw)[given]
    retrieved = retrieval.run(
        every, vectors.emotions, vectors.at(), vectors.layer, pack.valence, settings.resamples, settings.seed
    )
    return scenarios.run(
        main.at(given),
        heldout.at(given),
        vectors.emotions,
        directions,
        layers,
        settings.resamples,
        settings.seed,
        retrieved=retrieved,
        detect=True,
    )


def numeric_tests(lab: Lab, vectors: EmotionVectors, readings: Readings) -> tuple[Numeric | None, list[Criterion]]:
    """The record's `numeric` part and V5, V6, at the analysis layer."""
    pack, settings, place = lab.pack, lab.settings, vectors.layer + 1
    return numeric.run(
        pack.numeric_templates, [values[:, place] for values in readings.numeric], vectors.emotions, vectors.at(),
        settings.resamples, settings.seed, detect=True,
        twinned=numeric.Twinned(pack.more_numeric_templates, [values[:, :, place] for values in readings.twinned]),
    )  # fmt: skip


def begin_words_alone(
    lab: Lab, vectors: EmotionVectors, nats: np.ndarray, facts: StoryFacts, together: Together
) -> list[Later[Row]]:
    """Have `together` put a bag of the stories' words and the emotion words' static embeddings through the tests of V3 to V9."""

    def measured(name: str, rows: np.ndarray, of: Callable[[Sequence[str]], np.ndarray]) -> Row:
        one = represent(lab, name, rows, of)
        return baselines.measure(one, lab.pack, vectors.emotions, nats, lab.settings.resamples, lab.settings.seed)

    embedded = partial(static_embeddings, lab.lm)
    return [
        together.later(lambda: measured("bag of words", facts.bag, facts.vocabulary.rows)),
        together.later(lambda: measured("static embedding", vectors.embedding, embedded)),
    ]


def words_alone(
    found: Sequence[Later[Row]],
    criteria: list[Criterion],
    scenario_record: Scenarios,
    numeric_record: Numeric | None,
    facts: StoryFacts,
    settings: Settings,
) -> tuple[Baselines, list[Criterion]]:
    """The record's `baselines` part, and `criteria` with a note on each whose value the words alone reach."""
    rows = [row() for row in found]
    words = len(facts.vocabulary.columns)
    record = baselines.run(rows, criteria, scenario_record, numeric_record, words, settings.resamples, settings.seed)
    sentences = baselines.remarks(record)
    return record, [criterion.noted(sentences.get(criterion.id, "")) for criterion in criteria]


def story_facts(lab: Lab, vectors: EmotionVectors) -> StoryFacts:
    """The words, length and person of the run's kept stories, for all that ask about them."""
    return stories.read(partial(kept_stories, lab), vectors.emotions)


def kept_stories(lab: Lab) -> Iterator[tuple[str, str]]:
    """(emotion, text) of every kept story, a few thousand at a time."""
    table = pl.scan_parquet(lab.run / "stories.parquet").select("emotion", "text", "kept")
    total = table.select(pl.len()).collect().item()
    for start in range(0, total, BATCH):
        yield from table.slice(start, BATCH).collect().filter("kept").select("emotion", "text").iter_rows()


def static_embeddings(lm: LanguageModel, texts: Sequence[str]) -> np.ndarray:
    """(t, d) mean input embedding of each text's own tokens, as they are spelled in its prompt; nothing is run."""
    embedding, rows = lm.model.get_input_embeddings(), []
    with torch.inference_mode():
        for text in texts:
            prompt = chat_prompt(lm, "{message}", {"message": text})
            first, last = prompt.spans["message"]
            ids = torch.tensor(prompt.ids[first:last], device=lm.device)
            rows.append(embedding(ids).float().mean(dim=0).cpu().numpy())
    return np.stack(rows) if rows else np.zeros((0, lm.hidden_size), dtype=np.float32)


def represent(
    lab: Lab, name: str, vectors: np.ndarray, rows: Callable[[Sequence[str]], np.ndarray]
) -> baselines.Representation:
    """All texts of the pack that the tests ask about."""
    pack = lab.pack
    batteries = (
        rows([scenario.prompt for scenario in battery])
        for battery in (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios)
    )
    return baselines.Representation(
        name,
        vectors,
        *batteries,
        numeric=[rows([template.fill(value) for value in template.values]) for template in pack.numeric_templates],
        twinned=[
            np.stack([rows(messages) for messages in template.prompts()]) for template in pack.more_numeric_templates
        ],
        activities=rows([activity.text for activity in pack.activities]),
    )
