"""Short prompts -> activations at all layers: scenarios and numeric prompts at the response position, activities on their tokens.

They are read in float32 whatever the run's dtype: verdicts count signs and ranks of small differences between them, which rounding
to bfloat16 can turn over. Where the weights don't allow it (quantised, offloaded), it is said, and they are read as the model computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file

from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm.float32 import in_float32, precision, why_not
from emotion_vectors.lm.prompts import Prompt, chat_prompt
from emotion_vectors.scale.workers import InProcess, Job
from emotion_vectors.store import atomic
from emotion_vectors.vectors import activations, passes

FILE = "readings.safetensors"
# One group, read once: means of residuals, and of residuals at length 1.
ACTIVITIES, COSINES = "activities", "activity_cosines"


class Readings(NamedTuple):
    """Activations of the short prompts; entry l + 1 of the layer axis is the output of block l."""

    scenarios: np.ndarray  # (s, n + 1, d)
    numeric: list[np.ndarray]  # per template (values, n + 1, d)
    activities: np.ndarray  # (a, n + 1, d)
    heldout: np.ndarray  # as scenarios, of the held-out battery
    retrieval: np.ndarray  # as scenarios, of one scenario for each emotion
    twinned: list[np.ndarray]  # per template with twins (3, values, n + 1, d): template, twin, other severity
    activity_cosines: np.ndarray | None  # as activities, of residuals at length 1; None in folders of earlier versions


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
            ACTIVITIES: activities,
            "heldout": heldout,
            "retrieval": retrieval,
            "twinned": twinned,
        }
        if why := why_not(lab.lm):
            lab.reporter.say(f"The short prompts are read in {lab.settings.dtype} and not in float32: {why}.")
        jobs = [Job((name, texts), sum(len(ids) for ids, _ in texts)) for name, texts in groups.items()]
        jobs.sort(key=lambda job: -job.units)  # the largest first, so that processes end at about the same time
        with lab.reporter.stage("Reading prompts", sum(job.units for job in jobs), "tokens") as stage:
            found = InProcess(lab).each(pool_group, jobs, stage.advance, len(jobs))
            means = {name: rows for _, group in found for name, rows in group.items()}
            tensors = {name: means[name] for name in (*groups, COSINES)}
            atomic.write_tensors(lab.run / FILE, tensors)
            dtype = str(precision(lab.lm)).removeprefix("torch.")
            lab.run.finish("readings", [FILE], stage.seconds, stage.units, "tokens", dtype=dtype)
    tensors = load_file(lab.run / FILE)
    borders = np.cumsum([len(template.values) for template in pack.numeric_templates])[:-1]
    numeric = np.split(tensors["numeric"], borders)
    borders = np.cumsum([3 * len(template.base.values) for template in pack.more_numeric_templates])[:-1]
    twinned = [rows.reshape(3, -1, *rows.shape[1:]) for rows in np.split(tensors["twinned"], borders)]
    return Readings(
        tensors["scenarios"], numeric, tensors[ACTIVITIES], tensors["heldout"], tensors["retrieval"], twinned,
        tensors.get(COSINES),
    )  # fmt: skip


def pool_group(
    kit: Equipment, group: tuple[str, list[activations.Text]], advance: Callable[[float], None]
) -> Iterator[dict[str, np.ndarray]]:
    """Activations (texts, n + 1, d) of a group of prompts by its name, with COSINES of activities; float32 where the weights allow it."""
    name, texts = group
    with in_float32(kit.lm) as lm:
        # Every batch makes all weights float32 once, so there are fewer and larger ones than a CPU likes best.
        room = kit.room if lm is kit.lm else passes.room_of(lm, kit.runtime.tokens_per_batch, kit.reporter.say)
        found = activations.pool(lm, texts, room, advance, cosines=name == ACTIVITIES)
    yield {name: found.means} | ({} if found.cosines is None else {COSINES: found.cosines})


def _at_response(prompt: Prompt) -> activations.Text:
    return prompt.ids, (len(prompt.ids) - 1, len(prompt.ids))
