"""What the inversion, the dose and the depth of the steering part must agree on."""

from __future__ import annotations

from typing import Any

import numpy as np

from emotion_vectors.report.requirements import parts, pearson, require, require_close, require_order, require_within
from emotion_vectors.report.wording import ELO_PER_NAT

TOUCHES = ("own", "both", "all")
_NOISE = 1e-5  # nats of rounding; where both activities get the vector the sums are exact zeros


def check_inversion(steering: dict[str, Any]) -> None:
    """Each arm's r, means and sums are those of the points; vectors on both activities transfer nothing."""
    inversion = parts(steering, "inversion")
    if not inversion:
        return
    points, listed = inversion["points"], {row["emotion"]: row for row in steering["emotions"]}
    require(
        len(points) == inversion["emotions"], f"The inversion counts {inversion['emotions']} emotions of {len(points)}."
    )
    require([arm["touch"] for arm in inversion["arms"]] == list(TOUCHES), "The inversion lacks one of its three arms.")
    for point in points:
        name, own = f"The inversion's {point['emotion']}", listed.get(point["emotion"])
        require(own is not None, f"{name} was not steered.")
        assert own is not None
        require_close(point["r"], own["r"], 1e-4, f"{name}: r")
        for half in ("even", "odd"):
            require_close(point[f"own_{half}"], own[f"nats_{half}"], 1e-4, f"{name} on the {half} half")
    for arm in inversion["arms"]:
        _arm(arm, points)


def _arm(arm: dict[str, Any], points: list[dict[str, Any]]) -> None:
    touch = arm["touch"]
    name = f"The inversion's arm '{touch}'"
    r = [point["r"] for point in points if point["r"] is not None]
    sides = {half: np.array([point[f"{touch}_{half}"] for point in points]) for half in ("even", "odd")}
    for half, values in sides.items():
        ends = [arm[f"{half}_{key}"] for key in ("r", "low", "high")]
        require_within(ends, -1, 1, f"{name}: r on the {half} half")
        require_order(ends[1], ends[2], f"{name}: the interval on the {half} half")
        known = [value for value, point in zip(values, points, strict=True) if point["r"] is not None]
        # Where effects are as small as rounding their r is arbitrary.
        computed = pearson(r, known) if np.ptp(values) > 1e-9 else None
        require_close(ends[0], computed, 0.002, f"{name}: r on the {half} half")
        require_close(arm[f"{half}_mean_nats"], float(values.mean()), 1e-4, f"{name}: the mean on the {half} half")
    total = float(np.abs(sides["even"] + sides["odd"]).max())
    require_close(arm["halves_sum_nats"], total, _NOISE, f"{name}: the sum of both halves")
    require(
        arm["halves_sum_nats"] <= arm["zero_sum_nats"] + _NOISE,
        f"{name}: both halves add up to {arm['halves_sum_nats']:g} nats, but no pair to more than {arm['zero_sum_nats']:g}.",
    )
    require(
        arm["net_transfer_nats"] <= arm["zero_sum_nats"] / 2 + _NOISE, f"{name} transfers more than any of its pairs."
    )
    size = float(np.abs(np.concatenate(list(sides.values()))).mean() * ELO_PER_NAT / 2)
    require_close(arm["mean_size_elo"], size, 0.01 + 0.001 * size, f"{name}: the mean size in Elo points")
    if touch != "own":
        for key in ("zero_sum_nats", "halves_sum_nats", "net_transfer_nats"):
            require(
                abs(arm[key]) <= _NOISE, f"{name} has {key} = {arm[key]:g}, which must be 0 where both get the vector."
            )


def check_dose(steering: dict[str, Any]) -> None:
    """Curves as long as the strengths, 0 at strength 0, the judged effect at the judged strength, slopes as fitted."""
    dose = parts(steering, "dose")
    if not dose:
        return
    strengths = [row["strength"] for row in dose["strengths"]]
    require(strengths == sorted(set(strengths)), "The strengths of the dose-response curve are not in order.")
    require(
        0.0 in strengths and steering["strength"] in strengths,
        "The dose-response curve lacks 0 or the judged strength.",
    )
    judged, zero = strengths.index(steering["strength"]), strengths.index(0.0)
    listed = {row["emotion"]: row["nats"] for row in steering["emotions"]}
    random = [row["nats"] for row in steering["controls"] if row["kind"] == "random"]
    require(
        0 < dose["random_directions"] <= len(random),
        f"The dose-response band has {dose['random_directions']} random directions of {len(random)}.",
    )
    for row in dose["strengths"]:
        require_order(row["random_low"], row["random_high"], f"The random band at strength {row['strength']}")
    band = dose["strengths"][judged]
    inside = min(random) - 1e-4 <= band["random_low"] and band["random_high"] <= max(random) + 1e-4
    require(inside, "The dose-response band at the judged strength is wider than its random directions.")
    for row in dose["emotions"]:
        name, nats = f"The dose-response curve of {row['emotion']}", row["nats"]
        require(len(nats) == len(strengths), f"{name} has {len(nats)} points for {len(strengths)} strengths.")
        require(nats[zero] == 0, f"{name} is {nats[zero]} at strength 0.")
        require(row["emotion"] in listed, f"{name} is of an emotion that was not steered.")
        require_close(nats[judged], listed[row["emotion"]], 1e-4, f"{name} at the judged strength")
        slope = float(np.polyfit(strengths, nats, 1)[0])
        require_close(row["nats_per_strength"], slope, 1e-4 + 0.001 * abs(slope), f"{name}: its slope")


def check_depth(steering: dict[str, Any]) -> None:
    """The chosen layers were swept, contrasts are recomputed, and the analysis layer's row is the main experiment."""
    depth = parts(steering, "depth")
    if not depth:
        return
    layers = [row["layer"] for row in depth["rows"]]
    require(layers == sorted(set(layers)), "The swept layers are not in order.")
    chosen = depth["chosen_layers"]
    require(
        len(chosen) == 2 and set(chosen) <= set(layers),
        f"The chosen layers {chosen} are not two of those that were swept.",
    )
    require_within([depth["p"]], 0, 1, "The p of the chosen layer")
    listed = {row["emotion"]: row["nats"] for row in steering["emotions"]}
    random = [row["nats"] for row in steering["controls"] if row["kind"] == "random"]
    for row in depth["rows"]:
        name = f"Layer {row['layer']} of the sweep"
        require_order(row["random_low"], row["random_high"], f"{name}: the random band")
        require_within([one["r"] for one in row["emotions"]], -1, 1, f"{name}: r")
        known = [one for one in row["emotions"] if one["r"] is not None]
        if not known:
            require(row["contrast"] is None, "A layer without any correlation has a contrast.")
            continue
        r, nats = np.array([[one["r"], one["nats"]] for one in known]).T
        weights = r - r.mean()
        if np.abs(weights).sum() > 0:
            contrast = float(weights @ nats / np.abs(weights).sum())
            require_close(row["contrast"], contrast, 1e-4, f"{name}: the effect along the correlation")
        if row["layer"] == steering["layer"]:
            for one in row["emotions"]:
                require_close(one["nats"], listed.get(one["emotion"]), 1e-4, f"{name}: {one['emotion']}")
            for key, expected in (("random_low", min(random)), ("random_high", max(random))):
                require_close(row[key], expected, 1e-4, f"{name}: the random band")
