"""What the words alone gave, as the record keeps it."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import Field

from emotion_vectors.record.base import Count, ExperimentPart, Interval, Number, Part, Rank, Share

CRITERIA = ("V3", "V4", "V5", "V6", "V8", "V9")
SEEDS = ("V3", "V4", "V5")  # of these Hong's own statistic is another one; it stands under V3_seed and so on
LOWER_IS_BETTER = ("V4", "V4_seed", "retrieval_rank")

T = TypeVar("T")


class Named(Part):
    """What has a name."""

    name: str = Field(description="its name")


class Tests(Part, Generic[T]):
    """One entry for each test; null where the run has nothing for it."""

    V3: T | None = Field(description="implied emotion ranks first")
    V4: T | None = Field(description="mean rank of the implied emotion")
    V5: T | None = Field(description="expected signs")
    V6: T | None = Field(description="strong trends")
    V8: T | None = Field(description="valence of the extremes")
    V9: T | None = Field(description="emotions that go with preference")
    V3_seed: T | None = Field(default=None, description="Hong's own statistic of V3: raw, first scenarios")
    V4_seed: T | None = Field(default=None, description="Hong's own statistic of V4: raw, first scenarios")
    V5_seed: T | None = Field(default=None, description="Hong's own statistic of V5: templates without twins")
    severity: T | None = Field(
        default=None, description="cosines that another severity moves in the expected direction"
    )
    heldout: T | None = Field(description="held-out scenarios whose emotion ranks first, raw")
    retrieval: T | None = Field(description="scenarios whose emotion ranks first among all, raw")
    retrieval_rank: T | None = Field(description="mean rank of the implied emotion among all, raw")

    def get(self, test: str) -> T | None:
        """The entry of `test`."""
        return getattr(self, test)


# Named, since a class that is only made by brackets can't be sent from process to process.
class Chances(Tests[Share]):
    """One p value for each test."""


class Sizes(Tests[Count]):
    """What each test counts out of."""


class Ahead(Part):
    """How much larger a statistic of a representation is than that of the residual stream on the same scenarios."""

    value: Number = Field(description="the difference")
    interval: Interval = Field(description="95 %, by resampling the emotions of the scenarios")


class Aheads(Part):
    """The differences in V3 and V4."""

    V3: Ahead = Field(description="of the scenarios whose emotion ranks first")
    V4: Ahead = Field(description="of the mean rank: below 0 is better")


class Row(Tests[Number], Named):
    """The values of one representation."""

    p: Chances = Field(description="p values, each against the representation's own chance")
    ranks: list[Rank] = Field(
        default=[],
        description="rank of the implied emotion of each scenario of both lists, centred; empty in older records",
    )
    ahead: Aheads | None = Field(
        default=None, description="against the residual stream; null for that itself and in older records"
    )

    @property
    def has_seeds(self) -> bool:
        """Whether its version wrote Hong's own statistics beside ours."""
        return "V3_seed" in self.model_fields_set


class Baselines(ExperimentPart):
    """The same tests for the residual stream, which is first, and for representations that see no context."""

    key = "baselines"

    rows: list[Row] = Field(description="one for each representation")
    of: Sizes = Field(description="what each count is out of; of a mean rank the number of probes")
    vocabulary: Count = Field(description="words of the bag of words")
