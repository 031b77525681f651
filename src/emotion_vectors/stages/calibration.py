"""Neutral texts -> `calibration.safetensors`: their scores, with which those of other texts are compared. Resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from safetensors import safe_open
from safetensors.numpy import load_file

from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.scale.workers import InProcess, Job
from emotion_vectors.store import atomic, parts
from emotion_vectors.vectors import activations, calibration
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.neutral import Read, as_read, centred_with_others, neutral_scores, refuse_unread, spread

TEXTS_PER_PART = 32  # fixed: a part is a unit of resuming and must not depend on the machine


def calibrate(lab: Lab, vectors: EmotionVectors) -> None:
    """Read the run's neutral texts once as plain texts and once as chat messages, at all layers."""
    if lab.run.done("calibration"):
        return
    texts = pl.read_parquet(lab.run / "neutral.parquet").filter("kept")["text"].to_list()
    forms = {number: as_read(lab.lm, texts[number]) for number in spread(len(texts), calibration.MOST_TEXTS)}
    usable = [number for number, reads in forms.items() if reads]
    if not usable:
        refuse_unread(lab.lm, texts[0])
    total = sum(len(read.ids) for number in usable for read in forms[number])
    with lab.reporter.stage("Calibrating", total, "tokens") as stage:
        means = _means(lab, texts)
        around = means.mean(axis=0) if vectors.centre is None else vectors.centre
        none = np.zeros_like(vectors.raw[0])
        units = np.stack([unit(vectors.at(at)) if at in vectors.layers else none for at in range(len(vectors.raw))])
        blocks = {start: usable[start : start + TEXTS_PER_PART] for start in range(0, len(usable), TEXTS_PER_PART)}
        missing = [start for start in blocks if not parts.is_sound(_part(lab, start), lab.reporter.say)]
        lab.scratch["units"] = units
        jobs = [
            Job(_Block(start, block, [forms[n] for n in block], centred_with_others(around, means, block)))
            for start, block in blocks.items()
            if start in missing
        ]
        for job, read in InProcess(lab).each(calibrate_block, jobs, stage.advance, len(jobs)):
            atomic.write_tensors(_part(lab, job.payload.start), {"scores": read})
            parts.seal(_part(lab, job.payload.start))
        del lab.scratch["units"]
        scores = [load_file(_part(lab, start))["scores"] for start in blocks]
        found = Calibration(np.sort(np.concatenate(scores, axis=-1), axis=-1), around)
        found.save(lab.run / calibration.FILE, lab.fingerprint)
        lab.run.finish(
            "calibration",
            [calibration.FILE],
            stage.seconds,
            stage.units,
            "tokens",
            texts=len(usable),
            left_out=len(forms) - len(usable),
        )


class _Block(NamedTuple):
    """Some neutral texts: their numbers, how each is read in every form, and the centre (texts, l, d) of each."""

    start: int
    numbers: list[int]
    reads: list[tuple[Read, ...]]
    centres: np.ndarray


def calibrate_block(kit: Equipment, block: _Block, advance: Callable[[float], None]) -> Iterator[np.ndarray]:
    """Scores of a block's texts, one table for each form."""
    read = [
        neutral_scores(
            kit.lm, [reads[form] for reads in block.reads], block.numbers, kit.scratch["units"], block.centres,
            kit.runtime.tokens_per_batch, advance,
        )
        for form in range(len(calibration.FORMS))
    ]  # fmt: skip
    yield np.stack(read)


def _part(lab: Lab, start: int) -> Path:
    return lab.run.parts("calibration") / f"{start:06d}.safetensors"


def _means(lab: Lab, texts: list[str]) -> np.ndarray:
    """(texts, l, d): the means that the vectors' `centre` is the mean of."""
    if lab.settings.neutral_pca == "per_text":
        with safe_open(lab.run / "activations.safetensors", framework="np") as file:
            return file.get_tensor("neutral")[:, 1:]
    ranges = []
    for text in texts:
        prompt = story_prompt(lab.lm, text, lab.settings.story_format == "chat")
        first, last = prompt.spans["story"]
        ranges.append((prompt.ids, (min(first + lab.settings.first_token, last - 1), last)))
    return activations.pool(lab.lm, ranges, lab.runtime.tokens_per_batch).means[:, 1:]
