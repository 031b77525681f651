"""What the choices between activities gave, as the record keeps it."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Number, Part, Share


class ActivityScore(Part):
    """How much one activity is preferred."""

    text: str = Field(description="the activity")
    category: str = Field(description="its category")
    elo: Number = Field(description="score by Elo updates, Elo points, mean 1000")
    bradley_terry: Number = Field(description="score by Bradley-Terry, Elo points, mean 1000")
    nats: Number = Field(description="score by Bradley-Terry in nats, mean 0")
    wins: Share = Field(description="mean probability of being chosen over another activity, both orders averaged")


class CategoryMean(Part):
    """Mean scores of a category's activities, in Elo points."""

    category: str = Field(description="the category")
    elo: Number = Field(description="mean by Elo updates")
    bradley_terry: Number = Field(description="mean by Bradley-Terry")


class StatedPreferences(ExperimentPart):
    """The choices between all ordered pairs of activities, as scores."""

    key = "preferences"

    activities: list[ActivityScore] = Field(description="one for each activity")
    categories: list[CategoryMean] = Field(description="by Bradley-Terry, the most preferred first")
    prompts: Count = Field(description="ordered pairs that were asked")
    usable: bool | None = Field(default=None, description="whether these choices can support a verdict")
    why_not_usable: str | None = Field(default=None, description="why they can't; empty where they can")
    elo_passes: Count | None = Field(default=None, description="passes over all pairs until the Elo scores were steady")
    position_bias_nats: Number = Field(description="mean preference for the first option")
    spread_nats: Number = Field(description="standard deviation of the preferences, both orders of a pair averaged")
    mass_on_options: Share = Field(description="mean probability of A and B together")
    order_consistency: Correlation | None = Field(default=None, description="r of the two orders of the pairs")
