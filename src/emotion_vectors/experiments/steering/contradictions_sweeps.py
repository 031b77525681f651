"""What the inversion, the dose and the depth of the steering part must agree on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.experiments.steering.record_controls import InversionArm, InversionPoint
from emotion_vectors.experiments.steering.terms import HALVES, TOUCHES
from emotion_vectors.record.requirements import pearson, require, require_close
from emotion_vectors.stats.scores import ELO_PER_NAT

_NOISE = 1e-5  # nats of rounding; where both activities get the vector the sums are exact zeros


def check_inversion(steering: Steering) -> None:
    """Each arm's r, means and sums are those of the points; vectors on both activities transfer nothing."""
    inversion, listed = steering.inversion, {row.emotion: row for row in steering.emotions}
    points = inversion.points
    require(len(points) == inversion.emotions, f"The inversion counts {inversion.emotions} emotions of {len(points)}.")
    require([arm.touch for arm in inversion.arms] == list(TOUCHES), "The inversion lacks one of its three arms.")
    for point in points:
        name, own = f"The inversion's {point.emotion}", listed.get(point.emotion)
        require(own is not None, f"{name} was not steered.")
        assert own is not None
        require_close(point.r, own.r, 1e-4, f"{name}: r")
        require_close(point.own_even, own.nats_even, 1e-4, f"{name} on the even half")
        require_close(point.own_odd, own.nats_odd, 1e-4, f"{name} on the odd half")
    for arm in inversion.arms:
        _arm(arm, points)


def _arm(arm: InversionArm, points: Sequence[InversionPoint]) -> None:
    name = f"The inversion's arm '{arm.touch}'"
    r = [point.r for point in points if point.r is not None]
    sides = {half: np.array([point.nats(arm.touch, half) for point in points]) for half in HALVES}
    for half in HALVES:
        found, values = arm.half(half), sides[half]
        known = [value for value, point in zip(values, points, strict=True) if point.r is not None]
        # Where effects are as small as rounding their r is arbitrary.
        computed = pearson(r, known) if np.ptp(values) > 1e-9 else None
        require_close(found.r, computed, 0.002, f"{name}: r on the {half} half")
        require_close(found.mean_nats, float(values.mean()), 1e-4, f"{name}: the mean on the {half} half")
    total = float(np.abs(sides["even"] + sides["odd"]).max())
    require_close(arm.halves_sum_nats, total, _NOISE, f"{name}: the sum of both halves")
    require(
        arm.halves_sum_nats <= arm.zero_sum_nats + _NOISE,
        f"{name}: both halves add up to {arm.halves_sum_nats:g} nats, but no pair to more than {arm.zero_sum_nats:g}.",
    )
    require(arm.net_transfer_nats <= arm.zero_sum_nats / 2 + _NOISE, f"{name} transfers more than any of its pairs.")
    size = float(np.abs(np.concatenate(list(sides.values()))).mean() * ELO_PER_NAT / 2)
    require_close(arm.mean_size_elo, size, 0.01 + 0.001 * size, f"{name}: the mean size in Elo points")
    if arm.touch != "own":
        sums = {
            "zero_sum_nats": arm.zero_sum_nats,
            "halves_sum_nats": arm.halves_sum_nats,
            "net_transfer_nats": arm.net_transfer_nats,
        }
        for key, nats in sums.items():
            require(abs(nats) <= _NOISE, f"{name} has {key} = {nats:g}, which must be 0 where both get the vector.")


def _random(steering: Steering) -> list[float]:
    return [row.nats for row in steering.controls if row.kind == "random"]


def check_dose(steering: Steering) -> None:
    """Curves as long as the strengths, 0 at strength 0, the judged effect at the judged strength, slopes as fitted."""
    dose = steering.dose
    if dose is None:
        return
    strengths = [row.strength for row in dose.strengths]
    require(strengths == sorted(set(strengths)), "The strengths of the dose-response curve are not in order.")
    require(
        0.0 in strengths and steering.strength in strengths, "The dose-response curve lacks 0 or the judged strength."
    )
    judged, zero = strengths.index(steering.strength), strengths.index(0.0)
    listed, random = {row.emotion: row.nats for row in steering.emotions}, _random(steering)
    require(
        0 < dose.random_directions <= len(random),
        f"The dose-response band has {dose.random_directions} random directions of {len(random)}.",
    )
    band = dose.strengths[judged]
    inside = min(random) - 1e-4 <= band.random_low and band.random_high <= max(random) + 1e-4
    require(inside, "The dose-response band at the judged strength is wider than its random directions.")
    for row in dose.emotions:
        name, nats = f"The dose-response curve of {row.emotion}", row.nats
        require(len(nats) == len(strengths), f"{name} has {len(nats)} points for {len(strengths)} strengths.")
        require(nats[zero] == 0, f"{name} is {nats[zero]} at strength 0.")
        require(row.emotion in listed, f"{name} is of an emotion that was not steered.")
        require_close(nats[judged], listed[row.emotion], 1e-4, f"{name} at the judged strength")
        slope = float(np.polyfit(strengths, nats, 1)[0])
        require_close(row.nats_per_strength, slope, 1e-4 + 0.001 * abs(slope), f"{name}: its slope")


def check_depth(steering: Steering) -> None:
    """The chosen layers were swept, contrasts are recomputed, and the analysis layer's row is the main experiment."""
    depth = steering.depth
    if depth is None:
        return
    layers, chosen = [row.layer for row in depth.rows], depth.chosen_layers
    require(layers == sorted(set(layers)), "The swept layers are not in order.")
    require(
        len(chosen) == 2 and set(chosen) <= set(layers),
        f"The chosen layers {chosen} are not two of those that were swept.",
    )
    listed, random = {row.emotion: row.nats for row in steering.emotions}, _random(steering)
    for row in depth.rows:
        name = f"Layer {row.layer} of the sweep"
        known = [(one.r, one.nats) for one in row.emotions if one.r is not None]
        if not known:
            require(row.contrast is None, "A layer without any correlation has a contrast.")
            continue
        r, nats = np.array(known).T
        weights = r - r.mean()
        if np.abs(weights).sum() > 0:
            contrast = float(weights @ nats / np.abs(weights).sum())
            require_close(row.contrast, contrast, 1e-4, f"{name}: the effect along the correlation")
        if row.layer == steering.layer:
            for one in row.emotions:
                require_close(one.nats, listed.get(one.emotion), 1e-4, f"{name}: {one.emotion}")
            require_close(row.random_low, min(random), 1e-4, f"{name}: the random band")
            require_close(row.random_high, max(random), 1e-4, f"{name}: the random band")
