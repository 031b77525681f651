"""Checks of steering: hooks fire once, touch the tokens they should in every row, and change nothing else."""

from __future__ import annotations

from contextlib import suppress

import torch

from emotion_vectors.doctor.bench import RESIDUAL_TOLERANCE, Bench, in_spreads, plain_hooks
from emotion_vectors.doctor.check import Finding, at_most
from emotion_vectors.lm import forward, readout, selfcheck
from emotion_vectors.lm.uncompiled import HookError

Pass = tuple[dict[int, torch.Tensor], torch.Tensor]
"""Outputs (b, t, d) of all blocks, and the logits (b, v) of the answers."""


def _steered(bench: Bench, strength: float) -> Pass:
    """A pass of the batch with production's hooks adding `strength` times the vectors; each strength is run once."""
    if strength not in bench.passes:
        add = forward.add_at({bench.layer: strength * bench.vectors}, bench.touched)
        with torch.inference_mode(), forward.watch_blocks(bench.lm, [bench.layer], add), plain_hooks(bench.lm) as found:
            bench.passes[strength] = found, _logits(bench)
    return bench.passes[strength]


def _plain(bench: Bench) -> Pass:
    """The same without a hook of production."""
    if None not in bench.passes:
        with torch.inference_mode(), plain_hooks(bench.lm) as found:
            bench.passes[None] = found, _logits(bench)
    return bench.passes[None]


def _logits(bench: Bench) -> torch.Tensor:
    hidden = forward.run(bench.lm, bench.batch)[bench.last]
    return readout.logits_of(bench.lm, hidden, range(bench.lm.parts.head.weight.shape[0]))


def fired(bench: Bench) -> Finding:
    """Every block's hook fires once in one pass, by its own count and by that of the function it calls."""
    lm, called = bench.lm, [0] * bench.lm.n_layers

    def watch(layer: int, _: torch.Tensor) -> None:
        called[layer] += 1

    # What the hooks counted is judged here, whatever they say of themselves.
    with suppress(HookError), torch.inference_mode(), forward.watch_blocks(lm, range(lm.n_layers), watch) as counted:
        forward.run(lm, bench.batch)
    right = sum(a == b == 1 for a, b in zip(counted, called, strict=True))
    wrong = next((layer for layer in range(lm.n_layers) if not counted[layer] == called[layer] == 1), 0)
    found = (
        f"The hook of block {wrong} fired {called[wrong]} times in one pass and counted {counted[wrong]}; report a bug."
    )
    good = "The hook of every block fired once in one pass."
    return Finding(right, lm.n_layers, right == lm.n_layers, good if right == lm.n_layers else found)


def touched(bench: Bench) -> Finding:
    """Positions whose residual an addition changes: the span of every row, by that row's vector, and no other."""
    before, after = _plain(bench)[0][bench.layer], _steered(bench, 1.0)[0][bench.layer]
    changed = (after != before).any(dim=-1)
    expected = bench.touched.sum(dim=1)
    wrong = ((changed != bench.touched).sum(dim=1) > 0).nonzero().flatten().tolist()
    added = (after.float() - before.float())[bench.touched]
    wanted = bench.vectors.to(bench.lm.dtype).float()[bench.touched.nonzero()[:, 0]]
    # The sum is rounded at the size of the residual, so the bound grows with it.
    size = torch.maximum(wanted.norm(dim=-1), before.float()[bench.touched].norm(dim=-1))
    error = float(((added - wanted).norm(dim=-1) / size).max())
    count, total = int(changed.sum()), int(expected.sum())
    if wrong:
        row = wrong[0]
        detail = f"In row {row} {int(changed[row].sum())} positions changed, not the {int(expected[row])} of its span; report a bug."
        return Finding(count, total, False, detail)
    if not error <= RESIDUAL_TOLERANCE[bench.lm.dtype]:
        return Finding(
            count, total, False, f"What was added differs from the vector by {error:.2g} of its size; report a bug."
        )
    return Finding(count, total, True, f"In {len(bench.rows)} rows the vector was added to the span and nowhere else.")


def steered_rows(bench: Bench) -> Finding:
    """A batch with another vector in each row against the rows one at a time, steered by a plain hook."""
    lm, worst = bench.lm, []
    _, together = _steered(bench, 1.0)
    for row, (ids, (first, last)) in enumerate(bench.rows):

        def change(residual: torch.Tensor, row: int = row, first: int = first, last: int = last) -> torch.Tensor:
            moved = residual.clone()
            moved[0, first:last] += bench.vectors[row].to(residual.dtype)
            return moved

        with torch.inference_mode(), plain_hooks(lm, {bench.layer: change}):
            alone = lm.model(torch.tensor([list(ids)], device=lm.device), use_cache=False).logits[0, -1]
        worst.append(in_spreads(together[row], alone))
    return at_most(
        float(torch.tensor(worst).max()), selfcheck.TOLERANCE[lm.dtype], "Steered rows of a batch answer as each row alone.",
        "A row of a batch is steered differently than on its own; report a bug.",
    )  # fmt: skip


def strength_zero(bench: Bench) -> Finding:
    """Strength 0 through the steering hooks gives the logits of a pass without hooks, bit for bit."""
    plain, zero = _plain(bench)[1], _steered(bench, 0.0)[1]
    return at_most(
        float((zero - plain).abs().max()), 0.0, "Strength 0 gives the baseline logits bit for bit.",
        "Strength 0 changes the logits: something other than the vector is added, or passes on this device are not repeatable.",
    )  # fmt: skip


def strength(bench: Bench) -> Finding:
    """A strength other than 0 changes the answer's logits, and the opposite strength changes them otherwise."""
    plain, more, less = _plain(bench)[1], _steered(bench, 1.0)[1], _steered(bench, -1.0)[1]
    moved = min(float((a - b).abs().max()) for a, b in ((more, plain), (less, plain), (more, less)))
    last = " (the steered layer is the last one, so nothing can reach the answer)"
    detail = f"The vector changes logits of the answer by {moved:.2g} nats."
    bad = "Adding the vector changes no logit of the answer" + (last if bench.layer == bench.lm.n_layers - 1 else "")
    return Finding(moved, "above 0", moved > 0, detail if moved > 0 else f"{bad}; steer a lower layer or report a bug.")


def causality(bench: Bench) -> Finding:
    """A vector on a span changes nothing before the span and nothing at lower layers, and does change its own tokens."""
    before, after = _plain(bench)[0], _steered(bench, 1.0)[0]
    positions = torch.arange(bench.batch.ids.shape[1], device=bench.lm.device)
    starts = torch.tensor([span[0] for _, span in bench.rows], device=bench.lm.device)
    earlier = (positions < starts[:, None]) & bench.batch.mask.bool()
    worst, place, missing = 0.0, "", ""
    for layer in sorted(before):
        size = before[layer].float().norm(dim=-1).clamp(min=1e-30)
        moved = (after[layer].float() - before[layer].float()).norm(dim=-1) / size
        quiet = earlier if layer >= bench.layer else bench.batch.mask.bool()
        leak = float(moved[quiet].max()) if bool(quiet.any()) else 0.0
        if not leak <= worst:
            worst, place = (
                leak,
                f"at layer {layer}, {'before the span' if layer >= bench.layer else 'below the vector'}",
            )
        if layer >= bench.layer and not bool((moved[bench.touched] > 0).all()):
            missing = (
                missing or f"The vector added at layer {bench.layer} is missing at layer {layer} of its own tokens."
            )
    found = _quiet(worst, RESIDUAL_TOLERANCE[bench.lm.dtype], place)
    return found._replace(passed=False, detail=missing + " Report a bug.") if found.passed and missing else found


def _quiet(worst: float, limit: float, place: str) -> Finding:
    good = "The vector changes nothing before its span and nothing below its layer, and all of its own tokens from there on."
    return at_most(worst, limit, good, f"The vector changes the residual {place}, where it can't reach; report a bug.")
