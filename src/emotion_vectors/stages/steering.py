"""Preferences under steering: the asked pairs of activities under every condition of the plan. Resumable part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from safetensors.numpy import load_file

from emotion_vectors.experiments.steering.arms import Condition, Plan, Runs, plan
from emotion_vectors.experiments.steering.controls import CONTROLS as CONTROL_KINDS
from emotion_vectors.experiments.steering.terms import Touch
from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm import choices, keeping
from emotion_vectors.scale.workers import Job
from emotion_vectors.settings import Settings
from emotion_vectors.stages.control_vectors import DIRECTIONS
from emotion_vectors.stages.preferences import prepared_choices
from emotion_vectors.stats.steering import ring_pairs
from emotion_vectors.store import atomic
from emotion_vectors.store import parts as sealed
from emotion_vectors.vectors.directions import unit
from emotion_vectors.vectors.file import EmotionVectors

VECTORS_PER_PART = 8  # fixed: a part is a unit of resuming and must not depend on the machine
FILE, CONTROLS = "steering.parquet", "control_vectors.safetensors"
ROLES: dict[Touch, tuple[choices.Touch, ...]] = {"own": ("first", "second"), "both": ("both",), "all": ("all",)}


class Part(NamedTuple):
    """Some conditions with the same layers and touched tokens, run together."""

    index: int
    rows: tuple[int, ...]
    layers: tuple[int, ...]
    touch: Touch


def steering_plan(lab: Lab, emotions: tuple[str, ...]) -> Plan:
    """What this run steers, from its settings."""
    return plan_from(lab.settings, emotions, lab.layer, lab.lm.n_layers)


def plan_from(settings: Settings, emotions: Sequence[str], layer: int, n_layers: int) -> Plan:
    """What settings steer at the analysis layer `layer` of a model of `n_layers` blocks."""
    return plan(
        emotions, layer, n_layers, control_emotions=settings.control_emotions,
        sweep_emotions=settings.sweep_emotions, random=settings.random_directions, shuffled=settings.shuffled_vectors,
        strength=settings.strength, strengths=settings.sweep_strengths, sweep_every=settings.sweep_every,
        band_layers=settings.band_layers,
    )  # fmt: skip


def steered_layers(lab: Lab) -> set[int]:
    """The layers at which this run needs vectors."""
    wanted = steering_plan(lab, lab.emotions)
    return {lab.layer, *wanted.sweep_layers, *wanted.band}


def asked_pairs(lab: Lab) -> np.ndarray:
    """(n, n) bool: the pairs of activities that are asked under steering."""
    return ring_pairs(len(lab.pack.activities), lab.settings.partners, lab.settings.seed)


def share_steering(lab: Lab, emotions: tuple[str, ...], vectors: EmotionVectors) -> Plan:
    """This process's share of the conditions; the one that leads makes the table of all."""
    planned = steering_plan(lab, emotions)
    if not lab.run.done("steering"):
        _steer(lab, planned, vectors)
    return planned


def steer_preferences(lab: Lab, emotions: tuple[str, ...], vectors: EmotionVectors) -> Runs | None:
    """Ask the pairs again under every condition; `emotions` in order of priority. None where there are none to steer."""
    if not emotions:
        if not lab.run.done("steering"):
            lab.run.finish("steering", [], 0.0, 0, "prompts", layer=lab.layer, conditions=0)
        return None
    planned = share_steering(lab, emotions, vectors)
    return _from_table(pl.read_parquet(lab.run / FILE), planned, len(lab.pack.activities))


def parts_of(conditions: list[Condition]) -> list[Part]:
    """Conditions in parts of at most VECTORS_PER_PART that share layers and touched tokens; lowest first layer last."""
    groups: dict[tuple[tuple[int, ...], Touch], list[int]] = {}
    for row, condition in enumerate(conditions):
        groups.setdefault((condition.layers, condition.touch), []).append(row)
    parts = []
    for (layers, touch), rows in sorted(groups.items(), key=lambda item: -min(item[0][0])):
        for start in range(0, len(rows), VECTORS_PER_PART):
            parts.append(Part(len(parts), tuple(rows[start : start + VECTORS_PER_PART]), layers, touch))
    return parts


class PartTask(NamedTuple):
    """One part as it is sent to whoever does it: the asked pairs (n, n), and what is added, per layer (rows, d)."""

    index: int
    asked: np.ndarray
    additions: dict[int, torch.Tensor]
    touch: Touch


def steer_part(kit: Equipment, part: PartTask, advance: Callable[[float], None]) -> Iterator[dict[str, np.ndarray]]:
    """The steered answers to the asked pairs, for each touched role: logits, mass, entropy, divergence."""
    prepared, baseline = _begin(kit, part.asked, min(part.additions))
    tensors = {}
    for role in ROLES[part.touch]:
        found = choices.read_steered(
            kit.lm, prepared, baseline, part.additions, role, kit.runtime.tokens_per_batch, advance, kit.reporter.say
        )
        tensors |= {f"{role}.{name}": values[:, part.asked] for name, values in found._asdict().items()}
    yield tensors


def _begin(kit: Equipment, asked: np.ndarray, start: int) -> tuple[choices.Choices, choices.Baseline]:
    """The prompts, and the unsteered pass that kept the residuals of layer `start`.

    One start layer at a time, so memory does not grow with the number of layers that are swept.
    """
    if "choices" not in kit.scratch:
        kit.scratch["choices"] = prepared_choices(kit, asked)
    prepared = kit.scratch["choices"]
    if kit.scratch.get("start") != start:
        kit.scratch.update(start=start, baseline=None)
        keep = keeping.keep_for(choices.kept_bytes(kit.lm, prepared, start), kit.spill, kit.reporter.say)
        kit.scratch["baseline"] = choices.read_baseline(kit.lm, prepared, start, keep=keep)
    return prepared, kit.scratch["baseline"]


def _forget(kit: Equipment) -> None:
    """Let go of the prompts and the unsteered pass: the residuals of all prompts may be gigabytes."""
    kit.scratch.clear()


def _steer(lab: Lab, planned: Plan, vectors: EmotionVectors) -> None:
    conditions, asked = planned.conditions(), asked_pairs(lab)
    parts, prompts = parts_of(conditions), int(asked.sum())
    work = {part: prompts * len(part.rows) * len(ROLES[part.touch]) for part in parts if lab.workers.takes(part.index)}
    missing = [part for part in work if not sealed.is_sound(_file(lab, part), lab.reporter.say)]
    done = sum(amount for part, amount in work.items() if part not in missing)
    added = _directions(lab, planned, vectors, missing)
    jobs = [Job(PartTask(part.index, asked, added[part], part.touch), work[part]) for part in missing]
    with lab.reporter.stage("Steering", sum(work.values()), "prompts", done) as stage:
        if missing and lab.runtime.on is None and lab.processes(len(jobs)) > 1:
            _begin(lab, asked, min(jobs[0].payload.additions))  # once, for all forks
        for job, tensors in lab.workers.each(steer_part, jobs, stage.advance, len(jobs)):
            file = _file(lab, parts[job.payload.index])
            atomic.write_tensors(file, tensors)
            sealed.seal(file)
        lab.workers.everywhere(_forget)
        if not lab.workers.leads:
            return
        lab.workers.wait(
            lambda: all(_file(lab, part).is_file() for part in parts), "the other shards to steer their part"
        )
        table = pl.concat([_table(lab, part, conditions, asked) for part in parts]).sort(
            "condition", maintain_order=True
        )
        atomic.write_parquet(lab.run / FILE, table)
        lab.run.finish(
            "steering",
            [FILE, CONTROLS],
            stage.seconds,
            stage.units,
            "prompts",
            layer=lab.layer,
            conditions=len(conditions),
        )


def _directions(
    lab: Lab, planned: Plan, vectors: EmotionVectors, parts: list[Part]
) -> dict[Part, dict[int, torch.Tensor]]:
    """What is added, per part and layer (rows, d): unit direction x strength x residual norm, shared over the layers.

    That is `EmotionVectors.additions`, but with unit directions in double precision; by its own, in float32, numbers of runs would move.
    """
    conditions, controls = planned.conditions(), control_vectors(lab, planned, vectors)
    controls["zero"] = np.zeros((1, vectors.raw.shape[-1]))

    def vector(condition: Condition, layer: int) -> np.ndarray:
        if condition.kind == "emotion":
            direction = unit(vectors.at(layer)[vectors.index(condition.name)].astype(np.float64))
        else:
            direction = controls[condition.kind][int(condition.name)]
        return direction * condition.strength * float(vectors.residual_norm[layer]) / len(condition.layers)

    return {
        part: {
            layer: torch.from_numpy(np.array([vector(conditions[row], layer) for row in part.rows])).float()
            for layer in part.layers
        }
        for part in parts
    }


def control_vectors(lab: Lab, planned: Plan, vectors: EmotionVectors) -> dict[str, np.ndarray]:
    """The control directions of each kind, (directions, d) of length 1; see `experiments.steering.arms`."""
    path = lab.run / CONTROLS
    if not lab.run.done("steering"):
        tensors = {kind: DIRECTIONS[kind](lab, vectors, len(planned.names(kind))) for kind in CONTROL_KINDS}
        if not lab.workers.leads:
            return tensors
        atomic.write_tensors(path, tensors)
    return load_file(path)


def _file(lab: Lab, part: Part) -> Path:
    return lab.run.parts("steering") / f"{part.index:05d}.safetensors"


def _table(lab: Lab, part: Part, conditions: list[Condition], asked: np.ndarray) -> pl.DataFrame:
    """The finished part as rows of `steering.parquet`: a row for each condition, role and prompt."""
    tensors, pairs = load_file(_file(lab, part)), np.argwhere(asked)
    frames = []
    for role in ROLES[part.touch]:
        for i, row in enumerate(part.rows):
            condition, logits = conditions[row], tensors[f"{role}.logits"][i]
            columns: dict[str, np.ndarray] = {
                "first": pairs[:, 0], "second": pairs[:, 1], "logit_a": logits[:, 0], "logit_b": logits[:, 1],
                "difference": logits[:, 0] - logits[:, 1],
            } | {name: tensors[f"{role}.{name}"][i] for name in ("mass", "entropy", "divergence")}  # fmt: skip
            facts = {
                "condition": row, "kind": condition.kind, "name": condition.name, "strength": condition.strength,
                "layers": " ".join(map(str, condition.layers)), "touched": role,
            }  # fmt: skip
            frames.append(pl.DataFrame(columns).select(*(pl.lit(v).alias(k) for k, v in facts.items()), pl.all()))
    return pl.concat(frames)


def _from_table(table: pl.DataFrame, planned: Plan, n: int) -> Runs:
    conditions = tuple(planned.conditions())
    first, second = np.full((2, len(conditions), n, n), np.nan)
    for frame in table.partition_by("touched"):
        cells = tuple(frame[name].to_numpy() for name in ("condition", "first", "second"))
        role = frame["touched"][0]
        if role != "second":
            first[cells] = frame["difference"].to_numpy()
        if role != "first":
            second[cells] = frame["difference"].to_numpy()
    shifts = table.group_by("condition").agg(pl.col("mass", "entropy", "divergence").mean()).sort("condition")
    return Runs(conditions, first, second, shifts.drop("condition").to_numpy(), planned)
