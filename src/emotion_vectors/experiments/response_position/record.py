"""What the probes read at the user's last token, at the response position and in the answer, as the record keeps it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emotion_vectors.record.base import Bounded, Correlation, Count, ExperimentPart, Interval, Part, Share

Position = Literal["user", "response", "answer"]


class RandomDirections(Bounded):
    """The same r for sets of random directions, as many as there are probes."""

    mean: Correlation = Field(description="mean of the sets")
    low: Correlation = Field(description="2.5th percentile of the sets")
    high: Correlation = Field(description="97.5th percentile of the sets")


class Agreed(Part):
    """Pearson's r over prompts and probes."""

    r: Correlation = Field(description="the observed r")
    interval: Interval = Field(description="95 % interval, by resampling prompts")
    shuffled: Correlation = Field(description="mean with the prompts of one position shuffled")
    p: Share = Field(description="p value against that, one-sided")
    random: RandomDirections | None = Field(description="what random directions give; null where they have no spread")


class PositionPair(Part):
    """Two positions."""

    first: Position = Field(description="one position")
    second: Position = Field(description="the other")
    pooled: Agreed | None = Field(description="over all prompts and probes; null where a position has no spread")
    within: Agreed | None = Field(description="with each probe's mean over the prompts subtracted")


class ProbeSet(Part):
    """Which prompts and which probes."""

    prompts: Literal["both lists", "first list"] = Field(description="both lists, or the first list")
    probes: Literal["all", "published"] = Field(description="all, or the published ones")
    of_prompts: Count = Field(description="how many prompts")
    of_probes: Count = Field(description="how many probes")
    pairs: list[PositionPair] = Field(description="one for each pair of positions")


class LayerRow(Part):
    """All prompts and probes at one layer, the pairs in the order of the sets."""

    layer: int = Field(description="the layer")
    pooled: list[Correlation | None] = Field(description="r of each pair over all prompts and probes")
    within: list[Correlation | None] = Field(description="r of each pair with each probe's mean subtracted")


class Prompt(Part):
    """Cosines of one prompt with the shown probes."""

    name: str = Field(description="its name")
    emotion: str = Field(description="the emotion that it implies")
    tokens: Count = Field(description="tokens of the answer that were read")
    user: list[Correlation] = Field(description="at the user's last token")
    response: list[Correlation] = Field(description="where the answer begins")
    answer: list[Correlation] = Field(description="mean over the tokens of the answer")


class ResponsePosition(ExperimentPart):
    """Cosines of the probes with the residual stream at three positions."""

    key = "response_position"

    layer: int = Field(description="analysis layer")
    tokens: Count = Field(description="tokens of an answer, at most")
    silent: Count = Field(description="prompts whose answer ended at once; left out")
    first_list: Count = Field(description="how many of the prompts are of the first list; they come first")
    sets: list[ProbeSet] = Field(description="one for each choice of prompts and probes")
    by_layer: list[LayerRow] = Field(description="one for each layer")
    shown: list[str] = Field(description="the published probes that the run has")
    prompts: list[Prompt] = Field(description="one for each prompt")
    by_emotion: dict[str, Correlation] = Field(
        default={},
        description="r of each emotion's cosines at the user's last token and at the response position, over the prompts; empty in older records",
    )
