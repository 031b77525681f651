"""Checks of reading: the same numbers by our passes, in any batch, on any padding side, from any layer, as by the model's own."""

from __future__ import annotations

import numpy as np
import torch

from emotion_vectors.doctor.bench import RESIDUAL_TOLERANCE, Bench, in_spreads, own_pass, plain_hooks, relative
from emotion_vectors.doctor.check import Finding, at_most
from emotion_vectors.lm import forward, readout, selfcheck
from emotion_vectors.lm.starting import begin_of
from emotion_vectors.vectors import activations

SAME_PASS = 1e-3  # of the spread of logits: the same operations on the same shapes, so next to nothing in any precision
EVERYTHING = 1_000_000  # tokens in a batch: all rows at once


def own_forward(bench: Bench) -> Finding:
    """The check at load: logits by our two kinds of pass against the model's own."""
    limit = selfcheck.TOLERANCE[bench.lm.dtype]
    found = selfcheck.check_forward(bench.lm)
    return at_most(found, limit, "Our passes compute what the model computes.", "Our passes compute something else.")


def layers(bench: Bench) -> Finding:
    """What the hooks call the output of block l is the model's own hidden state l + 1, in the same pass, bit for bit."""
    lm, ours = bench.lm, {}
    ids = torch.tensor([list(bench.rows[0][0])], device=lm.device)
    with (
        torch.inference_mode(),
        forward.watch_embedding(lm, lambda residual: ours.update({-1: residual.clone()})),
        forward.watch_blocks(lm, range(lm.n_layers), lambda layer, residual: ours.update({layer: residual.clone()})),
    ):
        states = lm.model(ids, output_hidden_states=True, use_cache=False).hidden_states
    # The last of the model's own states is after the final norm, so the last block has none to compare with.
    apart = {layer: float((ours[layer] - states[layer + 1]).abs().max()) for layer in range(-1, lm.n_layers - 1)}
    worst = max(apart, key=lambda layer: (not apart[layer] <= 0, apart[layer]))
    return at_most(
        apart[worst], 0.0, f"The outputs of blocks 0 to {lm.n_layers - 2} and the embedding are the model's own.",
        f"What is captured as layer {worst} (-1: embedding) is not the model's own hidden state; report a bug.",
    )  # fmt: skip


def _own_means(bench: Bench) -> np.ndarray:
    """(rows, n, d): means over the spans of the model's own hidden states; the last, after the norm, is left out."""
    return np.stack([
        [state[first:last].mean(dim=0).cpu().numpy() for state in own.hidden[:-1]]
        for own, (_, (first, last)) in zip(bench.own, bench.rows, strict=True)
    ])  # fmt: skip


def _apart(bench: Bench, ways: list[np.ndarray]) -> float:
    """The largest relative difference of pooled means between each way and the reference, and between the ways."""
    own = _own_means(bench)
    return float(np.max([
        *(relative(way[:, : own.shape[1]], own).max() for way in ways), *(relative(way, ways[0]).max() for way in ways[1:]),
    ]))  # fmt: skip


def padding(bench: Bench) -> Finding:
    """Pooled means with the rows padded on the left, on the right, and one at a time by the model's own pass."""
    ways = [activations.pool(bench.lm, bench.rows, EVERYTHING, layout=side).means for side in ("right", "left")]
    return at_most(
        _apart(bench, ways), RESIDUAL_TOLERANCE[bench.lm.dtype], "The padding side changes nothing beyond rounding.",
        "Pooled activations depend on padding; report a bug.",
    )  # fmt: skip


def batch_size(bench: Bench) -> Finding:
    """Pooled means one row at a time, two or three, all at once, and with their own beginnings, against the model's own pass."""
    few, count = 2 * max(len(ids) for ids, _ in bench.rows) + 1, len(bench.rows)
    ways = [activations.pool(bench.lm, bench.rows, tokens).means for tokens in (EVERYTHING, few, 1)]
    # What comes after a span changes nothing in it. Half of the texts are beginnings of others, so beginnings are computed once.
    begun = [*bench.rows, *((ids[:last], (first, last)) for ids, (first, last) in bench.rows)]
    together = activations.pool(bench.lm, begun, EVERYTHING).means
    ways += [together[:count], together[count:]]
    return at_most(
        _apart(bench, ways), RESIDUAL_TOLERANCE[bench.lm.dtype], "The size of a batch changes nothing beyond rounding.",
        "Pooled activations depend on the batch that a text is in; report a bug.",
    )  # fmt: skip


def read_position(bench: Bench) -> Finding:
    """Logits at the last token of rows padded on either side against the model's own, one prompt at a time."""
    lm, worst = bench.lm, []
    tokens = range(lm.parts.head.weight.shape[0])
    for side in ("left", "right"):
        batch = forward.pad([ids for ids, _ in bench.rows], lm.device, lm.pad_id, side)
        with torch.inference_mode():
            hidden = forward.run(lm, batch)[bench.last[0], batch.last]
            ours = readout.logits_of(lm, hidden, tokens)
        worst += [in_spreads(row, own.logits) for row, own in zip(ours, bench.own, strict=True)]
    return at_most(
        float(np.max(worst)), selfcheck.TOLERANCE[lm.dtype], "The answer is read at the last token of each prompt.",
        "The answer is not read at the last token of its prompt; report a bug.",
    )  # fmt: skip


def packed(bench: Bench) -> Finding:
    """Logits of A and B from packed prompts against the model's own, one prompt at a time: root mean square difference."""
    logits, _, _ = bench.baseline
    n, apart = bench.choices.n, []
    for i, j in sorted({(0, 1), (1, 0), (0, n - 1), (n - 1, 0), (n // 2, 0), (1, n // 2), (n - 1, 1), (n // 2, n - 1)}):
        if i == j:
            continue
        own = own_pass(bench.lm, bench.choices.prompts[i, j].ids).logits.double().cpu()
        difference = torch.from_numpy(logits[i, j]) - own[list(bench.choices.tokens)]
        apart.append(difference / own.std())
    return at_most(
        float(torch.stack(apart).square().mean().sqrt()), selfcheck.TOLERANCE[bench.lm.dtype],
        "Packed prompts answer as prompts on their own."
        if bench.choices.together
        else "Prompts are read one per row, because this model can't read them packed; they answer as on their own.",
        "Prompts give other answers when they are read together; use a supported model or report a bug.",
    )  # fmt: skip


def start(bench: Bench) -> Finding:
    """A pass that starts above a layer from its kept output, plain and steered, against whole passes with plain hooks."""
    lm, worst = bench.lm, []
    tokens = range(lm.parts.head.weight.shape[0])
    vectors, touched = bench.vectors.to(lm.dtype)[:, None], bench.touched[..., None]
    for layer in sorted({begin_of(lm, layer) for layer in (0, bench.layer)} - {-1}):
        for change in (lambda residual: residual, lambda residual: residual + vectors * touched):
            with torch.inference_mode():
                with plain_hooks(lm, {layer: change}) as outputs:
                    whole = readout.logits_of(lm, forward.run(lm, bench.batch)[bench.last], tokens)
                with forward.start_after(lm, layer, outputs[layer]):
                    started = readout.logits_of(lm, forward.run(lm, bench.batch)[bench.last], tokens)
            worst.append(in_spreads(started, whole))
    if not worst:
        return Finding(
            0.0,
            SAME_PASS,
            True,
            "The last blocks use keys and values of earlier ones, so every pass runs through all blocks.",
        )
    return at_most(
        float(np.max(worst)), SAME_PASS, "A pass that starts above a layer equals the whole pass.",
        "A pass that starts above a layer gives other logits than the whole pass; use a supported model.",
    )  # fmt: skip


def finite(bench: Bench) -> Finding:
    """No NaN and no infinity in the output of any block or in the logits."""
    lm = bench.lm
    with torch.inference_mode(), plain_hooks(lm) as outputs:
        for ids, _ in bench.rows:
            logits = lm.model(torch.tensor([list(ids)], device=lm.device), use_cache=False).logits
            bad = {f"block {layer}": int((~torch.isfinite(output)).sum()) for layer, output in sorted(outputs.items())}
            bad["the logits"] = int((~torch.isfinite(logits)).sum())
            first = next((name for name, count in bad.items() if count), None)
            if first:
                return Finding(
                    sum(bad.values()), 0, False, f"{first} is the first that is not finite; use another dtype."
                )
    return Finding(0, 0, True, "All residuals and logits are finite.")
