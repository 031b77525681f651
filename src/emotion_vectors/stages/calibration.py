"""Neutral texts -> `calibration.safetensors`: their scores, with which those of other texts are compared. Resumable."""

from __future__ import annotations

import numpy as np
import polars as pl
from safetensors import safe_open
from safetensors.numpy import load_file

from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.store import atomic, parts
from emotion_vectors.vectors import activations, calibration
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.neutral import as_read, centred_with_others, neutral_scores, spread

TEXTS_PER_PART = 32  # fixed: a part is a unit of resuming and must not depend on the machine


def calibrate(lab: Lab, vectors: EmotionVectors) -> None:
    """Read the run's neutral texts once as plain texts and once as chat messages, at all layers."""
    if lab.run.done("calibration"):
        return
    texts = pl.read_parquet(lab.run / "neutral.parquet").filter("kept")["text"].to_list()
    forms = {number: as_read(lab.lm, texts[number]) for number in spread(len(texts), calibration.MOST_TEXTS)}
    usable = [number for number, reads in forms.items() if reads]
    if not usable:
        raise UserError(
            f"The chat template of {lab.lm.name} changes every neutral text, so none can be read as a message."
        )
    total = sum(len(read.ids) for number in usable for read in forms[number])
    folder = lab.run.parts("calibration")
    with lab.reporter.stage("Calibrating", total, "tokens") as stage:
        scores, means = [], _means(lab, texts)
        around = means.mean(axis=0) if vectors.centre is None else vectors.centre
        none = np.zeros_like(vectors.raw[0])
        units = np.stack([unit(vectors.at(at)) if at in vectors.layers else none for at in range(len(vectors.raw))])
        for start in range(0, len(usable), TEXTS_PER_PART):
            numbers = usable[start : start + TEXTS_PER_PART]
            part = folder / f"{start:06d}.safetensors"
            if not parts.is_sound(part, lab.reporter.say):
                centres = centred_with_others(around, means, numbers)
                read = [
                    neutral_scores(
                        lab.lm, [forms[number][form] for number in numbers], numbers, units, centres,
                        lab.runtime.tokens_per_batch, stage.advance,
                    )
                    for form in range(len(calibration.FORMS))
                ]  # fmt: skip
                atomic.write_tensors(part, {"scores": np.stack(read)})
                parts.seal(part)
            scores.append(load_file(part)["scores"])
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
