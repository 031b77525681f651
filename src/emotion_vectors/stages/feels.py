"""Words while steered: "He feels" / "I feel" and the answers to "What just happened?", kept as tables and analysed from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from emotion_vectors.corpus.naming import forms
from emotion_vectors.experiments.chance import turned_sets
from emotion_vectors.experiments.steered_words import diagonal, feels, leaks
from emotion_vectors.experiments.steered_words.record import Feels, Leaks
from emotion_vectors.lab import Lab
from emotion_vectors.lm.answers import answer_steered
from emotion_vectors.lm.continuations import spell, word_log_probabilities
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.lm.writers.base import Sampling, read_text
from emotion_vectors.stages.validation import kept_stories
from emotion_vectors.stats import nulls
from emotion_vectors.store import atomic
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors

HEARD, ANSWERS = "feels.parquet", "answers.parquet"
SAMPLES, ANSWER_TOKENS = 3, 30
MOST_RANDOM = 6  # random directions that answer; more would cost more than they tell
# At full strength on every token the text of a small model breaks, and a broken text can't tell a story; so it is also
# asked at a fifth, the strength at which the paper steers what a model writes.
SHARES = (1.0, 0.2)
COLUMNS = {
    HEARD: {"sentence": pl.String, "kind": pl.String, "set": pl.Int64, "vector": pl.String, "word": pl.String, "tokens": pl.Int64,
            "log_probability": pl.Float64},
    ANSWERS: {"strength": pl.Float64, "kind": pl.String, "name": pl.String, "sample": pl.Int64, "seed": pl.Int64, "text": pl.String,
              "tokens": pl.Int64},
}  # fmt: skip


def scenario_emotions(lab: Lab) -> tuple[str, ...]:
    """The emotions of the pack's implicit scenarios that this run has, in the pack's order; none where they are too few."""
    wanted = {scenario.emotion for scenario in lab.pack.scenarios}
    chosen = tuple(emotion for emotion in lab.emotions if emotion in wanted)
    return chosen if len(chosen) >= diagonal.LEAST else ()


def steer_words(lab: Lab, vectors: EmotionVectors) -> None:
    """Score the emotion words after each sentence, and write answers, unsteered, steered and under random directions."""
    if lab.run.done("feels"):
        return
    emotions = scenario_emotions(lab)
    own = unit(vectors.at()[[vectors.index(emotion) for emotion in emotions]].astype(np.float64))
    size = float(vectors.residual_norm[vectors.layer])
    with lab.reporter.stage("Words while steered", _tokens(lab, len(emotions)), "tokens") as stage:
        rows = {HEARD: [], ANSWERS: []}
        if emotions:
            rows[HEARD] = _hear(lab, emotions, own * lab.settings.strength * size)
            rows[ANSWERS] = _ask(lab, emotions, own, size, stage.advance)
        for name, found in rows.items():
            atomic.write_parquet(lab.run / name, pl.DataFrame(found, schema=COLUMNS[name], orient="row"))
        lab.run.finish("feels", [HEARD, ANSWERS], stage.seconds, stage.units, "tokens", layer=vectors.layer)


def _tokens(lab: Lab, emotions: int) -> int:
    """Tokens of all answers, at most."""
    conditions = 1 + len(SHARES) * (emotions + min(MOST_RANDOM, lab.settings.random_directions))
    return conditions * SAMPLES * ANSWER_TOKENS if emotions else 0


def _hear(lab: Lab, emotions: tuple[str, ...], own: np.ndarray) -> list[tuple[Any, ...]]:
    """Rows of `feels.parquet`. Random sets, turned as a whole, are heard after the paper's two sentences only."""
    n, rows = len(emotions), []
    turned = turned_sets(own, lab.settings.random_directions, lab.settings.seed)
    for sentence in feels.SENTENCES:
        spelled = spell(lab.lm, sentence, emotions)
        sets = turned if sentence in feels.PAPER else turned[:0]
        added = np.concatenate([np.zeros((1, own.shape[1])), own, *sets])
        heard = word_log_probabilities(lab.lm, spelled, lab.layer, added, lab.runtime.tokens_per_batch)
        for row, values in enumerate(heard):
            kind = "none" if row == 0 else "emotion" if row <= n else "random"
            vector = emotions[(row - 1) % n] if row else ""
            place = (row - 1) // n - 1 if kind == "random" else None
            rows += [
                (sentence, kind, place, vector, word, len(ids), float(value))
                for word, ids, value in zip(emotions, spelled.words, values, strict=True)
            ]
    return rows


def _ask(
    lab: Lab, emotions: tuple[str, ...], own: np.ndarray, size: float, advance: Callable[[float], None]
) -> list[tuple[Any, ...]]:
    """Rows of `answers.parquet`: every condition with the same seeds, so that samples pair up."""
    settings = lab.settings
    count = min(MOST_RANDOM, settings.random_directions)
    random = nulls.random_directions(count, own.shape[1], seed=settings.seed)
    conditions = [(0.0, "none", "", np.zeros(own.shape[1]))]
    for strength in (part * settings.strength for part in SHARES):
        named = [("emotion", name, row) for name, row in zip(emotions, own, strict=True)]
        named += [("random", str(i), row) for i, row in enumerate(random)]
        conditions += [(strength, kind, name, row * strength * size) for kind, name, row in named]
    asked = [(condition, sample) for condition in conditions for sample in range(SAMPLES)]
    prompt = chat_prompt(lab.lm, leaks.QUESTION).ids
    sampling = Sampling(settings.temperature, settings.top_p, max_new_tokens=ANSWER_TOKENS)
    at_once, rows = max(1, lab.runtime.tokens_per_batch // (len(prompt) + ANSWER_TOKENS)), []
    for start in range(0, len(asked), at_once):
        some = asked[start : start + at_once]
        seeds = [settings.seed + sample for _, sample in some]
        added = np.stack([vector for (*_, vector), _ in some])
        texts = answer_steered(lab.lm, prompt, {lab.layer: added}, seeds, sampling, advance=advance)
        rows += [
            (strength, kind, name, sample, seed, read_text(lab.lm, ids), len(ids))
            for ((strength, kind, name, _), sample), seed, ids in zip(some, seeds, texts, strict=True)
        ]
    return rows


def analyse_words(lab: Lab, vectors: EmotionVectors) -> tuple[Feels | None, Leaks | None]:
    """The record's `feels` and `leaks`, both None where the run has too few of the scenarios' emotions."""
    emotions = scenario_emotions(lab)
    if not emotions:
        return None, None
    settings, valence = lab.settings, lab.pack.valence
    norm = float(vectors.residual_norm[vectors.layer])
    added = feels.Added(vectors.layer, settings.strength, norm, settings.random_directions)
    heard = [_heard(table, emotions) for table in _by(pl.read_parquet(lab.run / HEARD), "sentence")]
    found = feels.run(emotions, heard, valence, added, settings.resamples, settings.seed)
    return found, _leaks(lab, emotions, vectors.layer)


def _by(table: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    return table.partition_by(column, maintain_order=True)


def _heard(table: pl.DataFrame, emotions: tuple[str, ...]) -> feels.Heard:
    n = len(emotions)
    values = {kind: table.filter(kind=kind)["log_probability"].to_numpy() for kind in ("none", "emotion", "random")}
    random = values["random"].reshape(-1, n, n) if len(values["random"]) else None
    tokens = table.filter(kind="none")["tokens"].to_numpy()
    return feels.Heard(table["sentence"][0], values["none"], values["emotion"].reshape(n, n), random, tokens)


def _leaks(lab: Lab, emotions: tuple[str, ...], layer: int) -> Leaks:
    settings, table = lab.settings, pl.read_parquet(lab.run / ANSWERS)
    naming = {
        emotion: frozenset(form for word in (emotion, *lab.pack.synonyms.get(emotion, ())) for form in forms(word))
        for emotion in emotions
    }
    neutral = pl.read_parquet(lab.run / "neutral.parquet").filter("kept")["text"].to_list()
    found = leaks.lexicon(kept_stories(lab), emotions, lab.topics, neutral, naming)
    parts = []
    for strength in (part * settings.strength for part in SHARES):
        own = table.filter((pl.col("strength") == strength) | (pl.col("kind") == "none"))
        answers = [leaks.Answer(*row) for row in own.select("kind", "name", "sample", "text").iter_rows()]
        parts.append(leaks.run(emotions, answers, found, lab.pack.valence, strength, settings.resamples, settings.seed))
    return Leaks(
        question=leaks.QUESTION, layer=layer, emotions=list(emotions), samples=SAMPLES, most_tokens=ANSWER_TOKENS,
        temperature=settings.temperature, top_p=settings.top_p, topics=len(lab.topics),
        special_words=[len(words) for words in found.special], topic_words=len(found.topics), ceiling=found.ceiling,
        strengths=parts,
    )  # fmt: skip
