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


def read_prompts(lab: Lab) -> Readings:
    """Run the scenario, numeric and activity prompts, once each."""
    pack = lab.pack
    if not lab.run.done("readings"):
        scenarios = [_at_response(chat_prompt(lab.lm, "{message}", {"message": s.prompt})) for s in pack.scenarios]
        numeric = [
            _at_response(chat_prompt(lab.lm, "{message}", {"message": template.fill(value)}))
            for template in pack.numeric_templates
            for value in template.values
        ]
        feelings = [chat_prompt(lab.lm, pack.prompts.feeling, {"activity": a.text}) for a in pack.activities]
        activities = [(prompt.ids, prompt.spans["activity"]) for prompt in feelings]
        groups = {"scenarios": scenarios, "numeric": numeric, "activities": activities}
        total = sum(len(ids) for group in groups.values() for ids, _ in group)
        with lab.reporter.stage("Reading prompts", total, "tokens") as stage:
            tensors = {
                name: activations.pool(lab.lm, texts, lab.runtime.tokens_per_batch, stage.advance).means
                for name, texts in groups.items()
            }
            atomic.write_tensors(lab.run / FILE, tensors)
            lab.run.finish("readings", [FILE], stage.seconds, stage.units, "tokens")
    tensors = load_file(lab.run / FILE)
    borders = np.cumsum([len(template.values) for template in pack.numeric_templates])[:-1]
    return Readings(tensors["scenarios"], np.split(tensors["numeric"], borders), tensors["activities"])


def _at_response(prompt: Prompt) -> activations.Text:
    return prompt.ids, (len(prompt.ids) - 1, len(prompt.ids))
