"""How specific steering is, as the record keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.record.base import Bounded, Correlation, Count, ExperimentPart, Number, Part, Share

KINDS = ("emotion", *NULLS)
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[KINDS]


class Estimate(Bounded):
    """A statistic with its 95 % interval over the activities; all null where it is not defined."""

    value: Number | None = Field(description="the statistic")
    low: Number | None = Field(description="95 % interval")
    high: Number | None = Field(description="its upper end")


class Arm(Part):
    """How alike the vectors of one kind act; shares are of the variance of their effects over vectors and activities."""

    kind: Kind = Field(description="emotion vectors, or which control directions")
    vectors: Count = Field(description="how many vectors")
    r: Estimate = Field(description="mean correlation of two vectors' effects over the activities; 1: all do the same")
    size: Estimate = Field(description="mean |r|")
    activity: Estimate = Field(description="share of what an activity gets under every vector")
    vector: Estimate = Field(description="share of what a vector does to every activity")
    interaction: Estimate = Field(description="share that belongs to a vector and an activity together")
    beyond: Estimate | None = Field(description="emotions' r minus this kind's, same activities; null of emotions")


class Profile(Part):
    """What one emotion's vector does to each activity."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    nats: list[Number] = Field(description="effect on each activity, mean over its partners, in the activities' order")


class Scored(Bounded):
    """The effect of one emotion against the reference activities."""

    emotion: str = Field(description="the emotion")
    r: Correlation | None = Field(description="correlation of its probe with preference (V9)")
    nats: Number = Field(description="effect, nats of log-odds")
    low: Number = Field(description="95 % interval")
    high: Number = Field(description="its upper end")


class References(Bounded):
    """The second way to score: steered activities against fixed ones that are never steered."""

    activities: list[str] = Field(description="the references: the middle of each category by unsteered score")
    pairs: Count = Field(description="asked pairs of a steered activity and a reference")
    imbalance_nats: Number = Field(description="mean unsteered score of the others minus that of the references")
    emotions: list[Scored] = Field(description="effects of the steered emotions")
    r: Correlation | None = Field(description="of correlation and effect, as in V10")
    low: Correlation | None = Field(description="95 % interval of r")
    high: Correlation | None = Field(description="its upper end")
    p: Share | None = Field(description="as in V10: effects shuffled over emotions, and control directions")
    signs: Count | None = Field(description="effects with the sign of their valence, as in V11; null as there")
    signs_of: Count | None = Field(description="effects whose emotion has a valence")
    signs_p: Share | None = Field(description="p value of the signs")
    agreement: Correlation | None = Field(description="r over emotions of both ways to score")
    agreement_low: Correlation | None = Field(description="95 % interval of the agreement")
    agreement_high: Correlation | None = Field(description="its upper end")


class Specificity(ExperimentPart):
    """Whether it matters which vector is added."""

    key = "specificity"

    activities: list[str] = Field(description="the steered activities, in the order of the profiles")
    arms: list[Arm] = Field(description="one for each kind of vector")
    same_valence: Correlation | None = Field(description="mean r of two emotions of the same valence")
    other_valence: Correlation | None = Field(description="mean r of two emotions of opposite valences")
    profiles: list[Profile] = Field(description="one for each steered emotion")
    references: References | None = Field(description="null where no steered activity is paired with a reference")

    def arm(self, kind: Kind) -> Arm | None:
        """The arm of one kind, or None where this run has fewer than two such vectors."""
        return next((row for row in self.arms if row.kind == kind), None)
