"""What the probes read at the user's last token, at the response position and in the answer, as the record keeps it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emotion_vectors.record.base import Bounded, Correlation, Count, ExperimentPart, Interval, Part, Share

Position = Literal["user", "response", "answer"]


class RandomDirections(Bounded):
    """The same r for sets of random directions, as many as there are probes."""

    mean: Correlation
    low: Correlation = Field(description="2.5th percentile of the sets")
    high: Correlation = Field(description="97.5th percentile of the sets")


class Agreed(Part):
    """Pearson's r over prompts and probes."""

    r: Correlation
    interval: Interval = Field(description="95 % interval, prompts drawn again")
    shuffled: Correlation = Field(description="mean with the prompts of one position shuffled")
    p: Share = Field(description="p value against that, one-sided")
    random: RandomDirections | None


class PositionPair(Part):
    """Two positions."""

    first: Position
    second: Position
    pooled: Agreed | None = Field(description="over all prompts and probes; null where a position has no spread")
    within: Agreed | None = Field(description="with each probe's mean over the prompts taken off")


class ProbeSet(Part):
    """Which prompts and which probes."""

    prompts: Literal["both lists", "first list"]
    probes: Literal["all", "published"]
    of_prompts: Count
    of_probes: Count
    pairs: list[PositionPair]


class LayerRow(Part):
    """All prompts and probes at one layer, the pairs in the order of the sets."""

    layer: int
    pooled: list[Correlation | None]
    within: list[Correlation | None]


class Prompt(Part):
    """Cosines of one prompt with the shown probes."""

    name: str
    emotion: str = Field(description="the emotion that it implies")
    tokens: Count = Field(description="tokens of the answer that were read")
    user: list[Correlation]
    response: list[Correlation]
    answer: list[Correlation]


class ResponsePosition(ExperimentPart):
    """Cosines of the probes with the residual stream at three positions."""

    key = "response_position"

    layer: int
    tokens: Count = Field(description="tokens of an answer, at most")
    silent: Count = Field(description="prompts whose answer ended at once; left out")
    first_list: Count = Field(description="how many of the prompts are of the first list; they come first")
    sets: list[ProbeSet]
    by_layer: list[LayerRow]
    shown: list[str] = Field(description="the published probes that the run has")
    prompts: list[Prompt]
