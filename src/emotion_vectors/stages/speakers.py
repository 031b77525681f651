"""Dialogues of two speakers -> mean activations over each one's tokens, under two pairs of names. Resumable.

Read as the model computes, as the stories are. The first turn is context only: the other has not spoken yet, so nothing of him can be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from emotion_vectors.corpus.dialogues import WRITE, Dialogue, Dialogues, read_dialogues
from emotion_vectors.corpus.speaking import written_dialogues
from emotion_vectors.experiments.geometry.stories import StoryFacts
from emotion_vectors.experiments.speakers import measure
from emotion_vectors.experiments.speakers.record import Speakers
from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm.messages import Conversation, converse, transcript
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.scale.workers import InProcess, Job
from emotion_vectors.stages.control_vectors import neutral_basis
from emotion_vectors.store import atomic, parts
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors import activations
from emotion_vectors.vectors.directions import project_out
from emotion_vectors.vectors.file import EmotionVectors

FILE, TEXTS = "speakers.safetensors", "dialogues.parquet"
PER_PART = 32  # fixed: a part is a unit of resuming and must not depend on the machine
FRAMINGS = {"chat": ("Human", "Assistant"), "persons": ("Person 1", "Person 2")}
COLUMNS = {
    "row": pl.Int64, "topic": pl.String, "turns": pl.List(pl.String), "first_emotion": pl.String, "second_emotion": pl.String,
    "dropped": pl.String,
}  # fmt: skip


class Rendered(NamedTuple):
    """Token ids of a dialogue, and the half-open token range of each turn."""

    ids: tuple[int, ...]
    turns: tuple[tuple[int, int], ...]


class Block(NamedTuple):
    """Some dialogues in one framing, from number `start` on: a unit of resuming."""

    framing: str
    start: int
    dialogues: list[Rendered]


def read_speakers(lab: Lab) -> None:
    """Read the dialogues that the settings name or that were written; nothing where they name none."""
    if lab.settings.dialogues is None or lab.run.done("speakers"):
        return
    found = _dialogues(lab)
    kept = found.kept
    rendered = {name: [render(lab.lm, one, name) for one in kept] for name in FRAMINGS}
    blocks = [Block(name, start, rendered[name][start : start + PER_PART]) for name in FRAMINGS for start in range(0, len(kept), PER_PART)]  # fmt: skip
    missing = [block for block in blocks if not parts.is_sound(_part(lab, block), lab.reporter.say)]
    jobs = [Job(block, sum(len(one.ids) for one in block.dialogues)) for block in missing]
    with lab.reporter.stage("Reading dialogues", sum(job.units for job in jobs), "tokens") as stage:
        for job, rows in InProcess(lab).each(read_block, jobs, stage.advance, len(jobs)):
            atomic.write_tensors(_part(lab, job.payload), {"rows": rows})
            parts.seal(_part(lab, job.payload))
        tensors = {
            name: np.concatenate([load_file(_part(lab, block))["rows"] for block in blocks if block.framing == name])
            for name in FRAMINGS
            if kept
        }
        atomic.write_tensors(lab.run / FILE, tensors)
        table = [(one.number, one.topic, list(one.turns), *one.emotions, one.fault) for one in found.rows]
        atomic.write_parquet(lab.run / TEXTS, pl.DataFrame(table, schema=COLUMNS, orient="row"))
        lab.run.finish(
            "speakers", [FILE, TEXTS], stage.seconds, stage.units, "tokens", source=found.source.name, sha256=found.source.sha256,
            kept=len(kept), dropped=found.dropped, chat=lab.lm.is_chat,
        )  # fmt: skip


def _dialogues(lab: Lab) -> Dialogues:
    """Those that were written for this run, or those of the file that the settings name, which must still be the one that the run began with."""
    name = str(lab.settings.dialogues)
    if name == WRITE:
        return written_dialogues(lab.run.path)
    found = read_dialogues(name, lab.pack)
    lab.require_unchanged("dialogues", found.source.sha256, found.source.name)
    return found


def render(lm: LanguageModel, dialogue: Dialogue, framing: str) -> Rendered:
    """A dialogue as a chat of Human and Assistant, or as plain text of Person 1 and Person 2."""
    text: Conversation
    if framing == "chat":
        roles = ("user", "assistant")
        text = converse(lm, [{"role": roles[turn % 2], "content": one} for turn, one in enumerate(dialogue.turns)])
    else:
        text = transcript(lm, [(FRAMINGS[framing][turn % 2], one) for turn, one in enumerate(dialogue.turns)])
    return Rendered(text.ids, tuple((span.first, span.last) for span in text.messages))


def read_block(kit: Equipment, block: Block, advance: Callable[[float], None]) -> Iterator[np.ndarray]:
    """`pooled` as a piece of work; `kit` has a model, its room and the analysis layer."""
    yield pooled(kit, block.dialogues, advance)


def pooled(kit: Equipment, dialogues: list[Rendered], advance=lambda _: None) -> np.ndarray:
    """(t, 2, d) float32 at the analysis layer: mean over all tokens of each speaker's turns, the first turn apart."""
    most = max(len(one.turns) for one in dialogues)
    # A turn that a shorter dialogue lacks is an empty range.
    texts = [(one.ids, [*one.turns, *[(0, 0)] * (most - len(one.turns))]) for one in dialogues]
    means = activations.pool_ranges(kit.lm, texts, kit.room, advance)[:, :, kit.layer + 1].astype(np.float64)
    sizes = np.array([[last - first for first, last in ranges] for _, ranges in texts], dtype=np.float64)
    sizes[:, 0] = 0
    owned = [(means[:, who::2] * sizes[:, who::2, None]).sum(axis=1) / sizes[:, who::2].sum(axis=1)[:, None] for who in (0, 1)]  # fmt: skip
    return np.stack(owned, axis=1).astype(np.float32)


def speakers(lab: Lab, vectors: EmotionVectors, facts: StoryFacts) -> JsonObject:
    """The record's part `speakers`, under its key; empty for a run without dialogues."""
    marker = lab.run.marker("speakers")
    if marker is None or not marker["facts"]["kept"]:
        return {}
    table, told = pl.read_parquet(lab.run / TEXTS).filter(pl.col("dropped") == ""), marker["facts"]
    both = list(zip(table["first_emotion"], table["second_emotion"], strict=True))
    emotions = sorted({one for pair in both for one in pair})
    place = {one: row for row, one in enumerate(emotions)}
    felt = np.array([[place[one] for one in pair] for pair in both], dtype=np.intp)
    asked = measure.Asked(told["source"], told["sha256"], table["topic"].to_list(), emotions, felt, told["dropped"])
    basis = neutral_basis(lab) if vectors.kind == "projected" and lab.theirs is None else None
    framings = [
        measure.Read(FRAMINGS[name], name == "chat" and told["chat"], rows if basis is None else project_out(rows, basis))
        for name, rows in sorted(load_file(lab.run / FILE).items())
    ]  # fmt: skip
    words, story_words = _bags(table["turns"].to_list(), vectors.emotions, emotions, facts)
    part = measure.run(
        asked, framings, _of(vectors.at(), vectors.emotions, emotions), words, story_words, vectors.layer, lab.settings.resamples,
        lab.settings.seed,
    )  # fmt: skip
    return {Speakers.key: part.dump()}


def _bags(
    turns: list[list[str]], in_run: tuple[str, ...], emotions: list[str], facts: StoryFacts
) -> tuple[np.ndarray, np.ndarray]:
    """(t, 2, w) each speaker's turns, the first one apart, and (n, w) the stories, as TF-IDF over the words that the dialogues have."""
    texts = [" ".join(one[2 if who == 0 else 1 :: 2]) for one in turns for who in (0, 1)]
    rows = facts.vocabulary.rows(texts)
    used = rows.any(axis=0)
    return rows[:, used].reshape(len(turns), 2, -1), _of(facts.bag[:, used], in_run, emotions)


def _of(vectors: np.ndarray, in_run: tuple[str, ...], emotions: list[str]) -> np.ndarray:
    """Rows (n, d) of `emotions`; NaN for one that the run does not have."""
    found = np.full((len(emotions), vectors.shape[1]), np.nan)
    for row, emotion in enumerate(emotions):
        if emotion in in_run:
            found[row] = vectors[in_run.index(emotion)]
    return found


def _part(lab: Lab, block: Block) -> Path:
    return lab.run.parts("speakers") / f"{block.framing}-{block.start:06d}.safetensors"
