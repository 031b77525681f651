"""Short prompts -> activations at all layers: scenarios and numeric prompts at the response position, activities on their tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file

from emotion_vectors.lab import Lab
from emotion_vectors.lm.prompts import Prompt, chat_prompt
from emotion_vectors.store import atomic
from emotion_vectors.vectors import activations

FILE = "readings.safetensors"


class Readings(NamedTuple):
    """Activations of the short prompts; entry l + 1 of the layer axis is the output of block l."""

    scenarios: np.ndarray  # (s, n + 1, d)
    numeric: list[np.ndarray]  # per template (values, n + 1, d)
    activities: np.ndarray  # (a, n + 1, d)
    heldout: np.ndarray  # as scenarios, of the held-out battery
    retrieval: np.ndarray  # as scenarios, of one scenario for each emotion
    twinned: list[np.ndarray]  # per template with twins (3, values, n + 1, d): template, twin, other severity


def read_prompts(lab: Lab) -> Readings:
    """Run the prompts of the three scenario batteries, the numeric prompts with their twins and the activity prompts, once each."""
    pack = lab.pack
    if not lab.finished("readings"):
        scenarios, heldout, retrieval = (
            [_at_response(chat_prompt(lab.lm, "{message}", {"message": scenario.prompt})) for scenario in battery]
            for battery in (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios)
        )
        numeric = [
            _at_response(chat_prompt(lab.lm, "{message}", {"message": template.fill(value)}))
            for template in pack.numeric_templates
            for value in template.values
        ]
        twinned = [
            _at_response(chat_prompt(lab.lm, "{message}", {"message": message}))
            for template in pack.more_numeric_templates
            for messages in template.prompts()
            for message in messages
        ]
        feelings = [chat_prompt(lab.lm, pack.prompts.feeling, {"activity": a.text}) for a in pack.activities]
        activities = [(prompt.ids, prompt.spans["activity"]) for prompt in feelings]
        groups = {
            "scenarios": scenarios,
            "numeric": numeric,
            "activities": activities,
            "heldout": heldout,
            "retrieval": retrieval,
            "twinned": twinned,
        }
        total = sum(len(ids) for group in groups.values() for ids, _ in group)
        with lab.reporter.stage("Reading prompts", total, "tokens") as stage:
            tensors = {
                name: activations.pool(lab.lm, texts, lab.room, stage.advance).means for name, texts in groups.items()
            }
            atomic.write_tensors(lab.run / FILE, tensors)
            lab.run.finish("readings", [FILE], stage.seconds, stage.units, "tokens")
    tensors = load_file(lab.run / FILE)
    borders = np.cumsum([len(template.values) for template in pack.numeric_templates])[:-1]
    numeric = np.split(tensors["numeric"], borders)
    borders = np.cumsum([3 * len(template.base.values) for template in pack.more_numeric_templates])[:-1]
    twinned = [rows.reshape(3, -1, *rows.shape[1:]) for rows in np.split(tensors["twinned"], borders)]
    return Readings(
        tensors["scenarios"], numeric, tensors["activities"], tensors["heldout"], tensors["retrieval"], twinned
    )


def _at_response(prompt: Prompt) -> activations.Text:
    return prompt.ids, (len(prompt.ids) - 1, len(prompt.ids))
