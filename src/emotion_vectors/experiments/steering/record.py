"""What the steering experiment found, as the record keeps it.

Effects are steered minus control in nats of log-odds, over all splits and their complements, unless a field says otherwise.
"""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.experiments.steering.controls import CONTROLS, Control, Null
from emotion_vectors.experiments.steering.record_controls import (
    Arm,
    CategoryEffect,
    Consistency,
    Depth,
    Divergence,
    Dose,
    Inversion,
    Scale,
)
from emotion_vectors.record.base import Bounded, Correlation, Count, ExperimentPart, Number, Part, Share


class EmotionEffect(Bounded):
    """The effect of one emotion's vector, and how the answers under it hold together."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    r: Correlation | None = Field(description="correlation of its probe with preference (V9)")
    nats: Number = Field(description="effect")
    low: Number = Field(description="95 % interval of the effect")
    high: Number = Field(description="95 % interval of the effect, upper end")
    elo: Number = Field(description="steered minus control by refitted scores, Elo points")
    elo_low: Number = Field(description="the interval in Elo points, by elo_per_nat")
    elo_high: Number = Field(description="its upper end")
    elo_steered: Number = Field(description="change of the even half by refitted scores, Elo points")
    elo_updates_steered: Number = Field(description="the same by the Elo updates of the earlier reproduction")
    nats_even: Number = Field(description="effect with the even half steered")
    nats_odd: Number = Field(description="effect with the odd half steered")
    same_sign_splits: Count = Field(description="splits whose effect has the sign of the effect over all")
    mass: Share = Field(description="mean probability of A and B together")
    entropy_change: Number = Field(description="of the answer's distribution, nats")
    divergence: Divergence = Field(description="Kullback-Leibler from the unsteered answer, nats")
    consistency: Consistency | None = Field(
        description="1 - 4 x share of cyclic triads: 1 a perfect order, 0 coin flips"
    )
    coherent: bool = Field(description="whether the answers hold together")


class WithinGroup(Bounded):
    """r inside the emotions of one valence."""

    emotions: Count = Field(description="emotions of this valence")
    r: Correlation | None = Field(description="correlation with the effect")
    low: Correlation | None = Field(description="95 % interval of r")
    high: Correlation | None = Field(description="its upper end")


class Within(Part):
    """r of correlation and effect inside each valence, and of both together with each valence's mean subtracted."""

    positive: WithinGroup = Field(description="the positive emotions")
    negative: WithinGroup = Field(description="the negative emotions")
    r: Correlation | None = Field(description="of both, with each valence's mean subtracted")
    p: Share | None = Field(description="by effects shuffled inside each valence")

    def of(self, valence: str) -> WithinGroup:
        """The emotions of one valence."""
        return self.positive if valence == "positive" else self.negative


class ControlEffect(Part):
    """The effect of one control direction of the same norm."""

    kind: Control = Field(description=f"{', '.join(CONTROLS[:-1])} or {CONTROLS[-1]}")
    nats: Number = Field(description="its effect")
    elo_steered: Number = Field(description="change of the steered half, Elo points, by elo_per_nat")


class ExamplePoint(Part):
    """One activity of Figures 6 and 8."""

    activity: str = Field(description="the activity")
    category: str = Field(description="its category")
    steered: bool = Field(description="whether it is in the steered half")
    baseline: Number = Field(description="Elo score before")
    after: Number = Field(description="Elo score after steering")


class Example(Part):
    """One emotion before and after, with the even half steered."""

    emotion: str = Field(description="the emotion")
    elo_steered: Number = Field(description="mean change of the steered half, Elo points")
    points: list[ExamplePoint] = Field(description="one for each activity")

    def changes(self, steered: bool) -> list[float]:
        """Changes in Elo points of the steered or of the control half."""
        return [point.after - point.baseline for point in self.points if point.steered is steered]


class Steering(Bounded, ExperimentPart):
    """The steering experiment: effects are steered minus control in nats, over all splits, where no other unit is named."""

    key = "steering"

    layer: int = Field(description="layer that gets the vector")
    strength: Number = Field(description="in mean residual norms")
    residual_norm: Number = Field(description="mean norm of the residual stream at the layer")
    tokens: str = Field(description="whose tokens get the vector")
    partners: Count = Field(description="how many others each activity meets")
    split: str = Field(description="how the activities are split into halves")
    splits: Count = Field(description="how many splits")
    prompts_per_vector: Count = Field(description="prompts asked under each vector")
    emotions: list[EmotionEffect] = Field(description="one for each steered emotion")
    r: Correlation | None = Field(description="of correlation and effect (V10)")
    low: Correlation | None = Field(description="95 % interval of r")
    high: Correlation | None = Field(description="95 % interval of r, upper end")
    within: Within = Field(description="r inside the valences")
    times_control: Number | None = Field(
        description="effect along the correlation, in standard deviations of those of the hardest control directions"
    )
    hardest_control: Null = Field(description="kind of direction that is hardest to beat")
    of: Count = Field(description="steered emotions")
    signs_by_correlation: Count = Field(description="effects with the sign of their correlation")
    p_signs_by_correlation: Share | None = Field(description="p value of that count")
    signs: Count | None = Field(description="effects with the sign of their valence (V11)")
    p_signs: Share | None = Field(description="p value of that count")
    slope: Number | None = Field(description="of the even half's change in Elo points on r")
    intercept: Number | None = Field(description="of the same line, Elo points")
    elo_per_nat: Number | None = Field(description="Elo points, steered minus control, for a nat of effect")
    path_noise_nats: Number = Field(description="mean change of the choices by strength 0")
    zero_sum_error: Number = Field(description="largest sum of the changes of all scores")
    steered_activities: list[str] = Field(description="the even half")
    controls: list[ControlEffect] = Field(description="one for each control direction")
    examples: dict[str, Example] = Field(description="by valence")
    arms: list[Arm] = Field(description="one for each arm")
    inversion: Inversion = Field(description="which half is steered")
    dose: Dose | None = Field(description="null where no strengths were swept")
    depth: Depth | None = Field(description="null where no layers were swept")
    categories: list[CategoryEffect] = Field(description="one for each category")
    scale: Scale = Field(description="what the sizes mean")

    def arm(self, name: str) -> Arm | None:
        """The arm `name`, or None where this run has none."""
        return next((row for row in self.arms if row.arm == name), None)
