"""How a criterion is judged, the same way for V1 to V11.

`seed_verdict` is Hong's own threshold on the value alone. `verdict` asks more:

1. Is the value better than chance? The 95 % interval must lie beyond chance and the null must be rejected at 5 %
   (`stats.verdict`).
2. Does it reach Hong's bar?

pass: both. fail: no better than chance by its interval, or the whole interval misses the bar. inconclusive: the rest,
and a pass that a further control of the experiment explains as well (`capped`).
Where ours judges another statistic than Hong's (V2 to V5), `Seed` holds Hong's own: its bar is for that one alone.
What has no value (nothing to count, a correlation with a constant) is inconclusive by both verdicts. What a run lacks the
emotions, pairs or labels for is `not_asked`: no value, and a sentence that says what is lacking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from emotion_vectors.record import base
from emotion_vectors.record.criterion import NOT_ASKED, Criterion, Reference
from emotion_vectors.stats.verdict import verdict_from_interval

UNKNOWN: tuple[base.Verdict, str] = ("inconclusive", "it can't be estimated")
TITLES = {
    "V1": "Self-recognition in the logit lens",
    "V2": "Opposite pairs point apart",
    "V3": "Implied emotion ranks first",
    "V4": "Mean rank of the implied emotion",
    "V5": "Expected signs",
    "V6": "Strong trends",
    "V7": "Gap between categories",
    "V8": "Valence of the extremes",
    "V9": "Emotions that go with preference",
    "V10": "Steering follows correlation",
    "V11": "Steering has the sign of the valence",
}


@dataclass(frozen=True)
class Null:
    """What chance gives: a name, its mean in the criterion's unit, and the p value of the observed value."""

    what: str
    value: float
    p: float


@dataclass(frozen=True)
class Threshold:
    """Hong's bar: `value` is reached `at_least` or `at_most`, or must be exceeded (`above`)."""

    value: float
    side: Literal["at least", "at most", "above"] = "at least"
    note: str = ""
    of: str = ""  # what Hong (2026) compares where that is not the value itself, for example |r|

    def reached(self, value: float) -> bool:
        """Whether `value` meets the bar."""
        if self.side == "at most":
            return value <= self.value
        return value > self.value if self.side == "above" else value >= self.value

    @property
    def text(self) -> str:
        """For tables: >= 20."""
        sign = {"at least": "≥", "at most": "≤", "above": ">"}[self.side]
        return f"{self.of} {sign} {number(self.value)}".strip()


@dataclass(frozen=True)
class Seed:
    """Hong's statistic where ours judges another one: its value out of `of`, its bar, and what is counted."""

    value: float
    threshold: Threshold
    unit: str
    of: int | None = None

    @property
    def verdict(self) -> base.Verdict:
        """Hong's bar on Hong's statistic; inconclusive where there was nothing to count."""
        if self.of == 0 or not math.isfinite(self.value):
            return "inconclusive"
        return "pass" if self.threshold.reached(self.value) else "fail"

    @property
    def record(self) -> Reference:
        """For the criterion, under `seed`."""
        return Reference(
            value=None if self.of == 0 else json_number(self.value), of=self.of, unit=self.unit,
            threshold=self.threshold.value, threshold_text=self.threshold.text, note=self.threshold.note,
        )  # fmt: skip


def scaled(threshold: float, of: int, full: int) -> Threshold:
    """Hong's threshold out of `full`, in proportion for `of` where that differs; the note says so."""
    if of == full:
        return Threshold(threshold)
    value = math.ceil(threshold * of / full)
    return Threshold(value, note=f"Hong's bar of {number(threshold)} out of {full} is scaled to {value} out of {of}.")


def judge(
    name: str,
    title: str,
    value: float,
    interval: tuple[float, float],
    null: Null,
    threshold: Threshold,
    unit: str,
    of: int | None = None,
    note: str = "",
    blocked: str = "",
    seed_value: float | None = None,
    capped: str = "",
    seed: Seed | None = None,
) -> Criterion:
    """One criterion of the record; `blocked` (a reason) makes the verdict inconclusive whatever the numbers say.

    `capped` (a reason) makes a pass inconclusive and leaves the other verdicts: a control explains the value as well.
    `seed_value` is what Hong's own threshold looks at where that differs from `value` (V10 ignores the sign); `seed` is
    Hong's statistic where its bar too is another one.
    """
    if of == 0:
        value, interval = math.nan, (math.nan, math.nan)
    value, low, high = float(value), float(interval[0]), float(interval[1])
    # A percentile interval of a count can miss its own estimate; the reported one always holds it.
    low, high = min(low, value), max(high, value)
    finite = all(math.isfinite(x) for x in (value, low, high, null.value, null.p))
    seen = value if seed_value is None or math.isnan(value) else float(seed_value)
    verdict, because = decide(value, (low, high), null, threshold, blocked, capped)
    share = f" of {of}" if of is not None else ""
    reason = (
        f"Not measured: {because}."
        if math.isnan(value)
        else f"{number(value)}{share} {unit} (95 % interval {number(low)} to {number(high)}), against {number(null.value)} "
        f"for {null.what} (p = {number(null.p)}): {because}."
    )
    seeds = seed or Seed(seen, threshold, unit)
    # What is not set is not written: only V2 to V5 have a `seed`.
    judged = Criterion(
        id=name, name=title, value=json_number(value), of=of, unit=unit, threshold=threshold.value, threshold_text=threshold.text,
        seed_value=seeds.record.value, seed_verdict=seeds.verdict, verdict=verdict, interval=[low, high] if finite else None,
        null=base.Null(what=null.what, value=json_number(null.value), p=json_number(null.p)),
        reason=reason, note=" ".join(part for part in (threshold.note, note) if part),
    )  # fmt: skip
    return judged if seed is None else judged.model_copy(update={"seed": seed.record})


def decide(
    value: float, interval: tuple[float, float], null: Null, threshold: Threshold, blocked: str = "", capped: str = ""
) -> tuple[base.Verdict, str]:
    """The verdict of `judge` and why, without the record; `experiments.power` asks it about planted effects."""
    if blocked:
        return "inconclusive", blocked
    low, high = min(interval[0], value), max(interval[1], value)
    if not all(math.isfinite(x) for x in (value, low, high, null.value, null.p)):
        return UNKNOWN
    verdict, because = _decide(value, (low, high), null, threshold)
    if capped and verdict == "pass":
        return "inconclusive", f"{because}, but {capped}"
    return verdict, because


def not_asked(name: str, reason: str) -> Criterion:
    """A criterion that this run can't ask; `reason` is a sentence that says what the run lacks."""
    return Criterion(
        id=name, name=TITLES[name], value=None, of=None, unit="", threshold=None, threshold_text="", seed_value=None,
        seed_verdict=NOT_ASKED, verdict=NOT_ASKED, interval=None, null=base.Null(what="none", value=None, p=None),
        reason=reason, note="",
    )  # fmt: skip


def chance_of(criterion: Criterion) -> Null:
    """The null of a judged criterion, for effects that are planted into it and have a p of their own."""
    null = criterion.null
    value = math.nan if null is None or null.value is None else float(null.value)
    return Null(null.what if null else "", value, 1.0)


def _decide(value: float, interval: tuple[float, float], null: Null, threshold: Threshold) -> tuple[base.Verdict, str]:
    """Verdict and why, for finite numbers: first chance, then Hong's bar."""
    direction = "below" if threshold.side == "at most" else "above"
    decision = verdict_from_interval(value, interval, bar=null.value, direction=direction, p=null.p)
    if decision.verdict == "fail":
        return "fail", "no better than chance"
    if not threshold.reached(interval[0] if direction == "below" else interval[1]):
        return "fail", f"the whole interval misses the bar of {threshold.text}"
    if decision.verdict == "inconclusive":
        return "inconclusive", "chance can't be ruled out"
    if not threshold.reached(value):
        return "inconclusive", f"better than chance, but short of the bar of {threshold.text}"
    return "pass", f"better than chance and at the bar of {threshold.text}"


def number(value: float | None) -> str:
    """A number for a sentence: whole numbers plain, others with three significant digits; below 0.0001 with four decimals."""
    if value is None or not math.isfinite(value):
        return "not known"
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    if 0 < abs(value) < 1e-3:
        return f"{value:.1g}" if abs(value) >= 1e-4 else f"{round(value, 4) + 0.0:.4f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def json_number(value: float) -> float | None:
    """`value` for the record, or None where it is not a finite number: JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


def known_number(value: float | None) -> float:
    """The record's number again: NaN for what it doesn't have."""
    return float("nan") if value is None else value
