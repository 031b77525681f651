"""Short prompts -> activations at all layers: scenarios and numeric prompts at the response position, activities on their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file

from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm.prompts import Prompt, chat_prompt
from emotion_vectors.scale.workers import InProcess, Job
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
        jobs = [Job((name, texts), sum(len(ids) for ids, _ in texts)) for name, texts in groups.items()]
        jobs.sort(key=lambda job: -job.units)  # the largest first, so that processes end at about the same time
        with lab.reporter.stage("Reading prompts", sum(job.units for job in jobs), "tokens") as stage:
            found = InProcess(lab).each(pool_group, jobs, stage.advance, len(jobs))
            means = {job.payload[0]: rows for job, rows in found}
            tensors = {name: means[name] for name in groups}
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


def pool_group(
    kit: Equipment, group: tuple[str, list[activations.Text]], advance: Callable[[float], None]
) -> Iterator[np.ndarray]:
    """Activations (texts, n + 1, d) of a group of prompts."""
    yield activations.pool(kit.lm, group[1], kit.room, advance).means


def _at_response(prompt: Prompt) -> activations.Text:
    return prompt.ids, (len(prompt.ids) - 1, len(prompt.ids))
