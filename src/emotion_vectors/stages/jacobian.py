"""The first neutral texts -> `jacobian.safetensors`: the Jacobian lens of the analysis layer, where a run asks for it. Resumable.

Tensors, in float32: `jacobian` (d, d), the mean over the texts; `halves` (2, d, d), the means over the texts of even and of odd numbers,
which tell its error. The header, JSON under its key `jacobian`, has the run's fingerprint, the number of texts and tokens, the layer, and the SHA-256 of the texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from safetensors import safe_open
from safetensors.numpy import load_file

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.lens.jacobian import Transport
from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm import jacobian
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.scale.workers import InProcess, Job
from emotion_vectors.store import atomic, parts
from emotion_vectors.store.run_folder import fingerprint
from emotion_vectors.vectors import passes

FILE, HEADER = "jacobian.safetensors", "jacobian"
TEXTS_PER_PART = 4  # of one half; fixed: a part is a unit of resuming and must not depend on the machine


class _Block(NamedTuple):
    """Some texts of one half: the number of the first, and their token ids."""

    start: int
    texts: list[list[int]]


def check_jacobian(lab: Lab) -> None:
    """Refuse a model without derivatives before anything is made, where the run asks for the lens."""
    if lab.settings.jacobian_texts and not lab.run.done("jacobian"):
        jacobian.check_differentiable(lab.lm, lab.layer)


def fit_jacobian(lab: Lab) -> None:
    """The mean Jacobian over the texts and over each half of them, some texts a part."""
    if not lab.settings.jacobian_texts or lab.run.done("jacobian"):
        return
    chosen = _texts(lab)
    texts = list(chosen.values())
    halves = (texts[::2], texts[1::2])
    blocks = [
        [_Block(half + 2 * first, own[first : first + TEXTS_PER_PART]) for first in range(0, len(own), TEXTS_PER_PART)]
        for half, own in enumerate(halves)
    ]
    missing = [
        block for half in blocks for block in half if not parts.is_sound(_part(lab, block.start), lab.reporter.say)
    ]
    jobs = [Job(block, _tokens(block.texts)) for block in missing]
    with lab.reporter.stage("Jacobian lens", sum(job.units for job in jobs), "tokens") as stage:
        for job, summed in InProcess(lab).each(add_up, jobs, stage.advance, len(jobs)):
            atomic.write_tensors(_part(lab, job.payload.start), {"sum": summed})
            parts.seal(_part(lab, job.payload.start))
        sums = [
            np.sum([load_file(_part(lab, block.start))["sum"] for block in half], axis=0, dtype=np.float64)
            for half in blocks
        ]
        means = np.stack([total / len(own) for total, own in zip(sums, halves, strict=True)])
        found = {"jacobian": (sums[0] + sums[1]) / len(texts), "halves": means}
        facts = {
            "texts": len(texts),
            "tokens": int(_tokens(texts)),
            "layer": lab.layer,
            "texts_sha256": fingerprint(list(chosen)),
        }
        atomic.write_tensors(
            lab.run / FILE,
            {name: values.astype(np.float32) for name, values in found.items()},
            # One entry: several would come in another order every time.
            {HEADER: json.dumps({"fingerprint": lab.fingerprint} | facts)},
        )
        lab.run.finish("jacobian", [FILE], stage.seconds, stage.units, "tokens", **facts)


def add_up(kit: Equipment, block: _Block, advance: Callable[[float], None]) -> Iterator[np.ndarray]:
    """The sum (d, d) of the Jacobians of a block's texts."""
    room = passes.room_for(kit.lm, kit.runtime.tokens_per_batch, kit.reporter.say)
    yield np.sum([jacobian.jacobian_of(kit.lm, ids, kit.layer, room, advance) for ids in block.texts], axis=0)


def kept_jacobian(lab: Lab) -> Transport | None:
    """What a run has of it; None where it asked for none."""
    if lab.run.marker("jacobian") is None:
        return None
    with safe_open(lab.run / FILE, framework="np") as file:
        header = json.loads(file.metadata()[HEADER])
        mean, halves = (file.get_tensor(name) for name in ("jacobian", "halves"))
    return Transport(mean, halves, header["texts"], header["tokens"], header["texts_sha256"])


def _texts(lab: Lab) -> dict[str, list[int]]:
    """The first neutral texts that are long enough, as many as the run asks for, and the token ids of each as far as it is read."""
    table = pl.read_parquet(lab.run / "neutral.parquet").filter("kept")
    read = {text: list(story_prompt(lab.lm, text, chat=False).ids[: jacobian.LONGEST]) for text in table["text"]}
    long = [text for text, ids in read.items() if len(ids) >= jacobian.LEAST]
    usable = {text: read[text] for text in long[: lab.settings.jacobian_texts]}
    if len(usable) < 2:
        raise UserError(
            f"The Jacobian lens needs two neutral texts of {jacobian.LEAST} tokens or more, and this run has {len(usable)}; use longer "
            "neutral texts, or leave out jacobian_texts."
        )
    return usable


def _tokens(texts: list[list[int]]) -> float:
    """Tokens that are read; the last of a text is not."""
    return float(sum(len(ids) - 1 for ids in texts))


def _part(lab: Lab, start: int) -> Path:
    return lab.run.parts("jacobian") / f"{start:06d}.safetensors"
