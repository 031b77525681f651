"""The controls of the steering experiment, as the record keeps them: arms, halves, dose, depth, categories, sizes.

Effects are steered minus control in nats of log-odds, over all splits and their complements, unless a field says otherwise.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from emotion_vectors.experiments.steering.terms import HALVES, Half, Touch
from emotion_vectors.record.base import SLACK, Correlation, Count, Number, Part, Share


def _consistency(value: int | float) -> int | float:
    if not -3 - SLACK <= value <= 1 + SLACK:
        raise ValueError(f"{value} is outside -3 to 1")
    return value


def _divergence(value: int | float) -> int | float:
    if value < -SLACK:
        raise ValueError(f"the divergence is {value}, which is below 0")
    return value


Consistency = Annotated[Number, AfterValidator(_consistency)]
Divergence = Annotated[Number, AfterValidator(_divergence)]


class Banded(Part):
    """A part with the range of the effects of random directions, in order."""

    @model_validator(mode="after")
    def _band_in_order(self) -> Self:
        low, high = getattr(self, "random_low", None), getattr(self, "random_high", None)
        if low is not None and high is not None and low > high:
            raise ValueError(f"the random band runs from {low} to {high}")
        return self


class Arm(Part):
    """One arm: the same measurement with other vectors, other tokens or other layers."""

    arm: str = Field(description="its name")
    vectors: Count = Field(description="how many vectors")
    mean_nats: Number = Field(description="mean effect")
    mean_size_nats: Number = Field(description="mean size of an effect")
    largest_nats: Number = Field(description="the effect of the largest size, with its sign")
    r: Correlation | None = Field(description="with each direction's own correlation with preference")
    mass: Share = Field(description="mean probability of A and B together")
    entropy_change: Number = Field(description="of the answer's distribution, nats")
    divergence: Divergence = Field(description="Kullback-Leibler from the unsteered answer, nats")
    consistency: Consistency | None = Field(
        description="1 - 4 x share of cyclic triads: 1 a perfect order, 0 coin flips"
    )
    broken: Count = Field(description="vectors under which the answers fell apart")


class HalfEffect(NamedTuple):
    """r with its interval and the mean effect in nats, with one half steered."""

    r: Number | None
    low: Number | None
    high: Number | None
    mean_nats: Number


class InversionArm(Part):
    """The same vectors on the tokens of one activity, of both, or on every token."""

    touch: Touch = Field(description="own, both or all")
    even_r: Correlation | None = Field(description="r of effect and correlation with preference, even half steered")
    even_low: Correlation | None = Field(description="95 % interval of it")
    even_high: Correlation | None = Field(description="its upper end")
    even_mean_nats: Number = Field(description="mean effect, even half steered")
    odd_r: Correlation | None = Field(description="the same with the odd half steered")
    odd_low: Correlation | None = Field(description="95 % interval of it")
    odd_high: Correlation | None = Field(description="its upper end")
    odd_mean_nats: Number = Field(description="mean effect, odd half steered")
    zero_sum_nats: Number = Field(description="largest |E[i, j] + E[j, i]| over pairs")
    net_transfer_nats: Number = Field(description="mean |E[i, j] + E[j, i]| / 2")
    halves_sum_nats: Number = Field(description="largest sum of the effects on a half and on its complement")
    mean_contraction: Number | None = Field(description="slope of the change on the preference of a pair")
    mean_size_elo: Number = Field(description="mean move of the steered half, Elo points")

    @model_validator(mode="after")
    def _intervals_in_order(self) -> Self:
        for half in HALVES:
            low, high = self.half(half)[1:3]
            if (low is None) != (high is None):
                raise ValueError(f"the interval on the {half} half has only one end")
            if low is not None and high is not None and low > high:
                raise ValueError(f"the interval on the {half} half runs from {low} to {high}")
        return self

    def half(self, half: Half) -> HalfEffect:
        """What is found with one half steered."""
        if half == "even":
            return HalfEffect(self.even_r, self.even_low, self.even_high, self.even_mean_nats)
        return HalfEffect(self.odd_r, self.odd_low, self.odd_high, self.odd_mean_nats)


class InversionPoint(Part):
    """One emotion's effects in nats, by what is touched and by half."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    r: Correlation | None = Field(description="correlation of its probe with preference")
    own_even: Number = Field(description="vector on the even half")
    own_odd: Number = Field(description="vector on the odd half")
    both_even: Number = Field(description="vector on both activities, the even half counted as steered")
    both_odd: Number = Field(description="the same for the odd half")
    all_even: Number = Field(description="vector on every token, the even half counted as steered")
    all_odd: Number = Field(description="the same for the odd half")

    def nats(self, touch: Touch, half: Half) -> Number:
        """The effect with `touch` touched and `half` steered."""
        return getattr(self, f"{touch}_{half}")


class Inversion(Part):
    """Which half is steered, with the vector on one activity and on both."""

    emotions: Count = Field(description="steered emotions")
    arms: list[InversionArm] = Field(description="one for each choice of tokens")
    points: list[InversionPoint] = Field(description="one for each emotion")
    imbalance_nats: Number = Field(description="the even half's own lead over the odd one before steering")


class DoseStrength(Banded):
    """The range of random directions at one strength."""

    strength: Number = Field(description="in mean residual norms")
    random_low: Number = Field(description="lowest effect of a random direction")
    random_high: Number = Field(description="highest effect of a random direction")


class DoseCurve(Part):
    """One emotion's effects at the strengths, in their order."""

    emotion: str = Field(description="the emotion")
    nats: list[Number] = Field(description="effect at each strength")
    nats_per_strength: Number = Field(description="slope of the least-squares line")


class Dose(Part):
    """Effect by strength."""

    strengths: list[DoseStrength] = Field(description="one for each strength")
    random_directions: Count = Field(description="how many")
    emotions: list[DoseCurve] = Field(description="one for each swept emotion")


class DepthEffect(Part):
    """One emotion's effect at one layer."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    r: Correlation | None = Field(description="correlation of its probe with preference at the layer")
    nats: Number = Field(description="its effect")


class DepthRow(Banded):
    """The effects at one layer."""

    layer: int = Field(description="the layer")
    contrast: Number | None = Field(description="effect along the correlation, nats")
    random_low: Number = Field(description="lowest effect of a random direction")
    random_high: Number = Field(description="highest effect of a random direction")
    emotions: list[DepthEffect] = Field(description="one for each swept emotion")


class Depth(Part):
    """Effect by layer, and the layer that each half chooses, judged on the other half."""

    rows: list[DepthRow] = Field(description="one for each layer")
    chosen_layers: list[int] = Field(description="the layer that the even half and the layer that the odd half chooses")
    judged_nats: Number | None = Field(description="effect along the correlation at the chosen layers")
    null_mean: Number | None = Field(description="the same of random directions with the same choice")
    p: Share | None = Field(description="p value of the judged effect")


class CategoryEffect(Part):
    """Mean effects on the activities of one category, by valence of the vector."""

    category: str = Field(description="the category")
    activities: Count = Field(description="activities in it")
    baseline_nats: Number = Field(description="mean score before steering, nats")
    positive: Number | None = Field(description="under positive vectors, as the steered activity")
    positive_control: Number | None = Field(description="under positive vectors, when the other one is steered")
    negative: Number | None = Field(description="under negative vectors, as the steered activity")
    negative_control: Number | None = Field(description="under negative vectors, when the other one is steered")

    def effects(self, valence: str) -> tuple[Number | None, Number | None]:
        """As the steered activity, and when the other one is steered."""
        if valence == "positive":
            return self.positive, self.positive_control
        return self.negative, self.negative_control


class Scale(Part):
    """What the sizes mean."""

    mean_gap_nats: Count = Field(description="mean logit gap of a pair")
    largest_gap_nats: Number = Field(description="largest logit gap of a pair")
    score_range_nats: Count = Field(description="highest minus lowest score")
    score_range_elo: Number = Field(description="the same in Elo points")
    win_at_range: Share = Field(description="probability that the top activity wins against the bottom one")
    mean_effect_nats: Number = Field(description="mean size of an effect")
    largest_effect_nats: Number = Field(description="largest size of an effect")
    mean_control_nats: Number = Field(description="mean size of the effect of a control direction")
    nats_per_elo_point: Number = Field(description="nats of score for an Elo point")
    elo_per_nat_of_effect: Number | None = Field(description="Elo of steered minus control for a nat of effect")
