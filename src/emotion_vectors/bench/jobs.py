"""The three reading jobs: extraction, preferences and steering, each by the production path and by its plain loop."""

from __future__ import annotations

import time

import numpy as np
import torch

from emotion_vectors.bench import limit, plain, samples
from emotion_vectors.bench.limit import Work
from emotion_vectors.bench.outcome import NATS, RELATIVE, agree, outcome
from emotion_vectors.bench.samples import Case
from emotion_vectors.bench.timing import Lap, race
from emotion_vectors.lm import choices
from emotion_vectors.stages.steering import ROLES, VECTORS_PER_PART
from emotion_vectors.stats.steering import ring_pairs
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors import activations, passes

WAYS = 2  # the production path and the plain loop


def extraction(case: Case) -> JsonObject:
    """Tokens per second (padding not counted) read at all layers and averaged."""
    lm, texts = case.lm, samples.texts(case, case.sizes.stories)
    tokens, room = sum(len(ids) for ids, _ in texts), passes.room_for(lm, case.runtime.tokens_per_batch)
    checked: JsonObject = {}

    def check(found: JsonObject) -> None:
        ours, theirs = found["fast"][:, 1:], found["plain"]
        away = np.linalg.norm(ours - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)
        checked.update(agree("extraction", away, RELATIVE[lm.dtype], "of a mean's length"))

    with case.reporter.stage("Extraction", WAYS * (1 + case.sizes.rounds), "passes") as stage:
        raced = race(
            {
                "fast": lambda: Lap(tokens, activations.pool(lm, texts, room).means),
                "plain": lambda: Lap(tokens, plain.extraction(lm, texts)),
            },
            case.sizes.rounds, check, stage.advance,
        )  # fmt: skip
    lengths, layout = [len(ids) for ids, _ in texts], passes.layout_of(lm, texts)
    work = Work(tokens, sum(map(limit.causal_pairs, lengths)), lm.n_layers, tokens, 0)
    rows = round(tokens / len(passes.batches(lengths, room.size, layout)))
    return outcome(
        "extraction", raced["fast"], raced["plain"],
        "the whole model on right-padded batches of 8 in the order of the stories, a hook on every block, hidden states moved to "
        "the CPU and averaged there",
        _limit(case, work, tokens, rows), checked,
        sample={"texts": len(texts), "tokens": tokens, "layout": layout, "plain_padded_tokens": plain.padded_tokens(lengths)},
    )  # fmt: skip


def preferences(case: Case) -> JsonObject:
    """Prompts per second of the unsteered choices between all ordered pairs of some activities."""
    lm = case.lm
    prepared = _prepared(case, case.sizes.choosing, None)
    keys = samples.in_blocks(list(prepared.prompts), case.sizes.plain_prompts, plain.BATCH)
    prompts = [prepared.prompts[key] for key in keys]
    checked: JsonObject = {}

    def check(found: JsonObject) -> None:
        ours = np.array([found["fast"][key] for key in keys])
        checked.update(agree("preferences", np.abs(ours - found["plain"]), NATS[lm.dtype], "nats"))

    with case.reporter.stage("Preferences", WAYS * (1 + case.sizes.rounds), "passes") as stage:
        raced = race(
            {
                "fast": lambda: Lap(len(prepared.prompts), choices.read_baseline(lm, prepared).differences),
                "plain": lambda: Lap(len(prompts), plain.preferences(lm, prompts, prepared.tokens)),
            },
            case.sizes.rounds, check, stage.advance,
        )  # fmt: skip
    pieces = [
        Work(tree.size, float(tree.allowed().sum()), lm.n_layers, len(tree.read), len(tree.read)) for tree in prepared.trees
    ]  # fmt: skip
    work, count = sum(pieces[1:], pieces[0]), len(prepared.prompts)
    rows = round(work.tokens / len(pieces))
    return outcome(
        "preferences", raced["fast"], raced["plain"],
        "every prompt run whole, left-padded batches of 8, the full head at the last token",
        _limit(case, work, count, rows), checked,
        sample={"activities": case.sizes.choosing, "prompts": count, "plain_prompts": len(prompts)},
    )  # fmt: skip


def steering(case: Case) -> JsonObject:
    """Prompts times vectors per second of steered choices, the vector on either option, as a run asks them.

    The unsteered pass that all vectors start from counts with the share that one of the settings' vectors has in it.
    """
    lm, sizes, layer = case.lm, case.sizes, case.layer
    prepared = _prepared(case, sizes.steering, case.settings.partners)
    vectors = steering_vectors(case, prepared)
    keys = samples.in_blocks(list(prepared.prompts), sizes.plain_prompts // len(ROLES["own"]), plain.BATCH)
    prompts, count = [prepared.prompts[key] for key in keys], len(prepared.prompts) * len(ROLES["own"])
    checked: JsonObject = {}

    def fast() -> Lap:
        begun = time.perf_counter()
        baseline = choices.read_baseline(lm, prepared, layer)
        shared = time.perf_counter() - begun
        found = steered(case, prepared, baseline, vectors)
        seconds = time.perf_counter() - begun - shared
        return Lap(count * len(vectors), found, seconds + shared * len(vectors) / case.settings.steered_count)

    def slow() -> Lap:
        found = {role: plain.steering(lm, prompts, prepared.tokens, layer, vectors[0], role) for role in plain.SPAN}
        return Lap(len(prompts) * len(found), found)

    def check(found: JsonObject) -> None:
        away = []
        for role, theirs in found["plain"].items():
            ours = found["fast"][role]
            away += [abs(ours[0][key] - value) for key, value in zip(keys, theirs, strict=True)]
            # Some prompts under the last vector too: rows of a batch must not be mixed up.
            some = keys[: plain.BATCH]
            last = plain.steering(lm, prompts[: plain.BATCH], prepared.tokens, layer, vectors[-1], role)
            away += [abs(ours[-1][key] - value) for key, value in zip(some, last, strict=True)]
        checked.update(agree("steering", np.array(away), NATS[lm.dtype], "nats"))

    with case.reporter.stage("Steering", WAYS * (1 + sizes.rounds), "passes") as stage:
        raced = race({"fast": fast, "plain": slow}, sizes.rounds, check, stage.advance)
    work, rows = steering_work(case, prepared)
    return outcome(
        "steering", raced["fast"], raced["plain"],
        "as for preferences, once for each vector, a hook that adds it to the tokens of the option",
        _limit(case, work, count, rows), checked,
        sample={
            "activities": sizes.steering, "partners": case.settings.partners, "prompts": count, "vectors": len(vectors),
            "plain_prompts": len(prompts) * len(ROLES["own"]), "layer": layer, "share_of_unsteered_pass": 1 / case.settings.steered_count,
        },
    )  # fmt: skip


def steered(
    case: Case, prepared: choices.Choices, baseline: choices.Baseline, vectors: torch.Tensor
) -> dict[str, np.ndarray]:
    """Differences (m, n, n) by role, in the parts of vectors that a run makes."""
    per_batch = case.runtime.tokens_per_batch
    return {
        role: np.concatenate([
            choices.read_steered(case.lm, prepared, baseline, {case.layer: rows}, role, per_batch).differences
            for rows in vectors.split(VECTORS_PER_PART)
        ])
        for role in ROLES["own"]
    }  # fmt: skip


def steering_vectors(case: Case, prepared: choices.Choices, count: int | None = None) -> torch.Tensor:
    """Random directions (m, d) of the settings' strength: which way a vector points changes no speed."""
    first = next(iter(prepared.prompts.values()))
    with torch.inference_mode():
        hidden = case.lm.parts.body(
            input_ids=torch.tensor([first.ids], device=case.lm.device), output_hidden_states=True, use_cache=False
        ).hidden_states[case.layer]
    # The median, because the first token of many models has a residual hundreds of times as long as the others.
    length = float(hidden[0].float().norm(dim=-1).median())
    generator = torch.Generator().manual_seed(case.settings.seed)
    drawn = torch.randn(count or case.sizes.vectors, case.lm.hidden_size, generator=generator)
    return drawn / drawn.norm(dim=-1, keepdim=True) * length * abs(case.settings.strength)


def steering_work(case: Case, prepared: choices.Choices) -> tuple[Work, int]:
    """What one vector in both roles needs at least, and the mean rows of a batch of the production path.

    Only blocks above the layer and only tokens from the first steered one on; the unsteered pass is left out.
    """
    above = case.lm.n_layers - case.layer - 1
    pieces, rows = [], []
    for i, (tree, partners) in enumerate(zip(prepared.trees, prepared.partners, strict=True)):
        allowed = tree.allowed()
        for name in plain.SPAN.values():
            begins = min(prepared.prompts[i, j].spans[name][0] for j in partners)
            shared = min(begins, tree.prefix)
            tokens, prompts = tree.size - shared, len(partners)
            pieces.append(Work(tokens, float(allowed[shared:].sum()), above, prompts if above else 0, prompts))
            rows.append(
                tokens * min(max(1, case.runtime.tokens_per_batch // tokens), case.sizes.vectors, VECTORS_PER_PART)
            )
    return sum(pieces[1:], pieces[0]), round(float(np.mean(rows)))


def _prepared(case: Case, count: int, partners: int | None) -> choices.Choices:
    options, texts = samples.activities(case.pack, count), case.pack.prompts
    asked = None if partners is None else ring_pairs(len(options), partners, case.settings.seed)
    return choices.prepare(case.lm, texts.preference, texts.preference_prefill, options, asked)


def _limit(case: Case, work: Work, units: float, rows: int) -> JsonObject:
    """The arithmetic limit of `work`, which is `units` units, with matrices of `rows` rows."""
    total, rate = limit.operations(case.lm, work), limit.matrix_rate(case.lm, rows)
    return {
        "rate": units * rate / total, "what": "arithmetic", "operations_per_unit": total / units,
        "operations_per_second": rate, "rows": rows,
    }  # fmt: skip
