"""What the numeric part must agree on: curves, changes, counts and means, recomputed, and V5 and V6."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from emotion_vectors.experiments.numeric.record import KINDS, SIGNS, ChangeSize, Numeric, TwinCurves, Twins
from emotion_vectors.record import Record
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.record.requirements import agrees, pearson, require, require_close


def contradictions(record: Record) -> None:
    """Refuse statistics that the curves deny, and V5 and V6 that are not these statistics."""
    numeric = record.part(Numeric)
    if numeric is None:
        return
    v5, v6 = record.criteria["V5"], record.criteria["V6"]
    pairs = _curves(numeric)
    signed = [(expected, rho) for expected, rho in pairs if expected != "none"]
    whole = v5.reference.of
    require(whole in (None, len(signed)), f"V5 is out of {whole} but the experiment has {len(signed)}.")
    right = sum(rho is not None and rho * SIGNS[expected] > 0 for expected, rho in signed)
    require_close(v5.reference.value, right, 1e-6, "V5")
    if numeric.twins is not None:
        _check_twins(numeric.twins, numeric.emotions, v5)
    if numeric.effect is not None:
        _check_effect(numeric, numeric.effect, v5)
    counted = pairs if v6.of == len(pairs) else signed
    require_close(v6.value, sum(rho is not None and abs(rho) > 0.7 for _, rho in counted), 1e-6, "V6")


def _curves(numeric: Numeric) -> list[tuple[str, float | None]]:
    """Expected sign and rho of every curve, after a check of each curve's rho and change."""
    pairs: list[tuple[str, float | None]] = []
    for template in numeric.templates:
        for emotion, cosine in template.cosine.items():
            name = f"{emotion} in '{template.name}'"
            require(len(cosine) == len(template.values), f"The curve of {name} has {len(cosine)} points.")
            rho = template.spearman.get(emotion)
            if len(set(cosine)) == len(cosine):
                computed = pearson(rankdata(template.values), rankdata(cosine))
                require_close(rho, computed, 0.002, f"Spearman's rho of {name}")
            require_close(template.change.get(emotion), cosine[-1] - cosine[0], 0.0002, f"The change of {name}")
            pairs.append((template.expected.get(emotion, "none"), rho))
    return pairs


def _fitted(values: Sequence[float], curve: Sequence[float]) -> float:
    """Change of a curve by a line over the ranks of its values."""
    ranks = rankdata(values)
    return float(np.polyfit(ranks, curve, 1)[0] * np.ptp(ranks))


def _check_effect(numeric: Numeric, effect: ChangeSize, v5: Criterion) -> None:
    """The mean change in cosine is that of the curves, its interval holds it, and V5 respects its p."""
    changes = []
    for template in numeric.templates:
        for emotion, curve in template.cosine.items():
            change = _fitted(template.values, curve)
            require_close(template.fitted_change.get(emotion), change, 0.0002, f"The fitted change of {emotion}")
            sign = SIGNS[template.expected.get(emotion, "none")]
            changes += [sign * change] if sign else []
    require(effect.curves == len(changes), f"The effect size counts {effect.curves} curves of {len(changes)}.")
    name = "The mean change in cosine"
    require_close(effect.mean, float(np.mean(changes)) if changes else None, 0.0002, name)
    _holds(effect.low, effect.mean, effect.high, name)
    null = numeric.twins.earlier.null if numeric.twins else v5.null
    stated = null.p if null else None
    for p in (effect.p, effect.signs_p):
        held = stated is None or p is None or stated >= p - 1e-9
        require(held, f"V5 states p = {stated}, but its size or its signs have p = {p}.")


def _holds(low: float | None, value: float | None, high: float | None, name: str) -> None:
    held = low is None or value is None or high is None or low <= value <= high
    require(held, f"{name} is {value}, outside its interval {low} to {high}.")


def _check_twins(found: Twins, emotions: Sequence[str], v5: Criterion) -> None:
    """V5: every change, excess and difference from the curves, and the counts and means from those."""
    excess: list[float] = []
    severity: list[float] = []
    for row in found.templates:
        for emotion in emotions:
            _check_twin(row, emotion)
            for values, value, expected in (
                (excess, row.excess[emotion], row.expected),
                (severity, row.severity_difference[emotion], row.severity_expected),
            ):
                sign = SIGNS[expected.get(emotion, "none")]
                values += [sign * value] if sign else []
    for key, part, values in (("excess", found.excess, excess), ("severity", found.severity, severity)):
        name = f"The {key} of the templates with twins"
        require(part.of == len(values), f"{name} counts {part.of} curves of {len(values)}.")
        require_close(part.count, sum(value > 0 for value in values), 1e-6, f"{name}, the count,")
        require_close(part.mean, float(np.mean(values)) if values else None, 2e-6, f"{name}, the mean,")
        _holds(part.low, part.mean, part.high, name)
    part, of = found.excess, len(excess)
    agrees(v5, part.count if of else None, of, part.interval, part.null)
    if part.count_p is not None and part.size_p is not None:
        larger = max(part.count_p, part.size_p)
        require_close(v5.null.p if v5.null else None, larger, 1e-9, "The p of V5, the larger of two,")
    require_close(v5.reference.value, found.earlier.value, 1e-6, "V5 without twins")


def _check_twin(row: TwinCurves, emotion: str) -> None:
    name = f"{emotion} in '{row.name}'"
    curves = [row.curves(kind)[emotion] for kind in KINDS]
    require({len(curve) for curve in curves} == {len(row.values)}, f"The curves of {name} differ in length.")
    changes = [_fitted(row.values, curve) for curve in curves]
    for kind, change in zip(KINDS, changes, strict=True):
        require_close(row.fitted(kind)[emotion], change, 2e-6, f"The fitted change of {name}")
    beyond, other = changes[0] - changes[1], float(np.mean(np.subtract(curves[2], curves[0])))
    require_close(row.excess[emotion], beyond, 2e-6, f"The excess over the twin of {name}")
    require_close(row.severity_difference[emotion], other, 2e-6, f"The severity's difference of {name}")
