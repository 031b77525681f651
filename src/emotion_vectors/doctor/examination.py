"""All self-checks in their order, each with its name, title and kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from emotion_vectors.doctor import directions, hooks, passes, preferences, scoring, steering, wording
from emotion_vectors.doctor.bench import Bench
from emotion_vectors.doctor.check import Check, Finding, Kind, make_check
from emotion_vectors.errors import UserError, first_line
from emotion_vectors.lm.float32 import HALF, in_float32, why_not
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.packed import NOISES
from emotion_vectors.progress import Reporter
from emotion_vectors.scale.forks import processes_for
from emotion_vectors.scale.together import Together
from emotion_vectors.stimuli.pack import Pack


class Examination(NamedTuple):
    """One self-check: what it is called, whether a failure stops a run, and the function that measures."""

    name: str
    title: str
    measure: Callable[[Bench], Finding]
    kind: Kind = "stop"
    after: str = ""  # the check whose answers it looks at again


EXAMINATIONS = (
    Examination("prompt", "Prompts have one BOS, no open reasoning, and end where the answer begins", wording.prompt),
    Examination("answers", "A and B are single, different tokens at the read position", wording.answers),
    Examination("spans", "The tokens of every activity decode to its text", wording.spans),
    Examination("finite", "Residuals and logits are finite at every layer", passes.finite),
    Examination("forward", "Our passes give the model's own logits (in their standard deviations)", passes.own_forward),
    Examination("layers", "Layer l is the output of block l (largest difference)", passes.layers),
    Examination("padding", "The padding side changes no activation (share of the norm)", passes.padding),
    Examination("batch_size", "The batch changes no activation (share of the norm)", passes.batch_size),
    Examination("read_position", "The answer is read at the last token (in standard deviations)", passes.read_position),
    Examination("packed", "Packed prompts answer as on their own (in standard deviations)", passes.packed),
    Examination("start", "A pass started above a layer equals the whole pass (in standard deviations)", passes.start),
    Examination("hooks_fired", "Every hook fires once in a pass (layers)", hooks.fired),
    Examination("hooks_touched", "A vector is added at its span in every row (positions)", hooks.touched),
    Examination(
        "steered_rows", "Steered rows of a batch equal rows one by one (in standard deviations)", hooks.steered_rows
    ),
    Examination("strength_zero", "Strength 0 gives the baseline logits bit for bit (nats)", hooks.strength_zero),
    Examination("strength", "Another strength changes the logits (nats)", hooks.strength),
    Examination("causality", "A vector changes nothing earlier or lower (share of the norm)", hooks.causality),
    Examination(
        "steered_choices", "Steered choices have the effect of a plain hook (share of it)", steering.steered_choices
    ),
    Examination("zero_sum", "Scores are zero-sum (nats)", scoring.zero_sum),
    Examination("bradley_terry", "Bradley-Terry recovers planted scores (nats)", scoring.bradley_terry),
    Examination("elo", "Elo puts planted scores in their order (options)", scoring.elo),
    Examination("cosine", "Cosines are at most 1", directions.cosine),
    Examination("centring", "Centred directions have mean 0 (share of the norm)", directions.centring),
    Examination("preference_mass", "Probability on A and B", preferences.mass, "warn", "packed"),
    Examination(
        "preference_spread", "Standard deviation of the preferences (nats)", preferences.spread, "warn", "packed"
    ),
    Examination(
        "position_bias", "Position bias in those standard deviations", preferences.position_bias, "warn", "packed"
    ),
    Examination(
        "order_consistency", "Agreement of the two orders of a pair (r)", preferences.consistency, "warn", "packed"
    ),
)


# Several seconds each; they are begun first.
LONGEST = ("packed", "steered_choices", "start")


def examine(lm: LanguageModel, pack: Pack, layer: int | None = None, reporter: Reporter | None = None) -> list[Check]:
    """Run every self-check on a loaded model and a pack; `layer` (default: the analysis layer) is the one steered.

    A check that can't be computed, because the code under test refuses or breaks, is a failed check that quotes it.
    """
    bench = Bench(lm, pack, lm.default_layer if layer is None else layer)
    groups: dict[str, list[Examination]] = {}  # what looks at another's answers again is done beside it
    for one in EXAMINATIONS:
        groups.setdefault(one.after or one.name, []).append(one)
    together = Together()
    done = [
        together.later(partial(_checks, bench, groups[name]), len(groups[name]))
        for name in sorted(groups, key=lambda name: name not in LONGEST)
    ]
    with (reporter or Reporter(quiet=True)).stage("Self-checks", len(EXAMINATIONS), "checks") as stage:
        together.run(lambda tasks: processes_for(tasks, lm.device.type, torch.get_num_threads()), stage.advance)
    found = {check.name: check for checks in done for check in checks()}
    return [found[one.name] for one in EXAMINATIONS]


def _checks(bench: Bench, examinations: list[Examination]) -> list[Check]:
    return [make_check(one.name, one.title, one.kind, _measured(one, bench)) for one in examinations]


def _measured(examination: Examination, bench: Bench) -> Finding:
    try:
        finding = examination.measure(bench)
        return (
            finding if finding.passed or examination.kind == "warn" else _unless_rounding(examination, bench, finding)
        )
    except Exception as error:  # whatever the code under test raises is what this check has to report
        return Finding("refused", "no error", False, f"The check could not be run: {_reason(bench.lm, error)}.")


def _unless_rounding(examination: Examination, bench: Bench, finding: Finding) -> Finding:
    """A failed check in half precision, made again in float32 where it is little above its limit.

    How far roundings add up depends on the weights: a model that was trained hard can be above a limit that fits all others. Where
    float32 brings the difference below float32's own limit, which is a hundredth, it was rounding; a wrong token or hook differs as much.
    """
    measured, limit = finding.measured, finding.limit
    if bench.lm.dtype not in HALF or why_not(bench.lm) or isinstance(measured, str) or isinstance(limit, str):
        return finding
    if not 0 < limit < measured <= NOISES * limit:
        return finding
    with in_float32(bench.lm) as exact:
        again = examination.measure(Bench(exact, bench.pack, bench.layer))
    if not again.passed:
        return finding
    kind = str(bench.lm.dtype).removeprefix("torch.")
    return Finding(
        measured, NOISES * limit, True,
        f"{again.detail} {measured:.2g} is above the usual {limit:g} by rounding to {kind}: in float32 it is {again.measured:.2g}, of "
        f"{again.limit:g} allowed.",
    )  # fmt: skip


def _reason(lm: LanguageModel, error: Exception) -> str:
    """Why, in words: what the code under test says of itself, else that this model's layers are of another kind, or how it broke off."""
    if isinstance(error, UserError):
        return first_line(error)
    kinds = getattr(lm.model.config.get_text_config(), "layer_types", None) or ()
    others = sorted(
        {
            str(kind)
            for kind in kinds
            if not str(kind).endswith(("full_attention", "sliding_attention", "chunked_attention"))
        }
    )
    broken = f"{type(error).__name__}: {first_line(error)}"
    if not others:
        return f"the code under test stopped with an error ({broken})"
    return (
        f"{lm.name} has layers without keys and values that a mask could hide ({', '.join(others)}), and the code under test needs "
        f"them in every layer ({broken})"
    )
