"""One criterion as a run judged it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emotion_vectors.record.base import Interval, Null, Number, Part, Share, Verdict

NOT_ASKED: Literal["not asked"] = "not asked"
VERDICTS = ("pass", "fail", "inconclusive", NOT_ASKED)


class Reference(Part):
    """The earlier reproduction's own statistic, where the verdict rests on another one."""

    value: Number | None = Field(description="its value; null where there was nothing to count")
    of: int | None = Field(description="what a count is out of")
    unit: str = Field(description="what is counted or measured")
    threshold: Number | None = Field(description="its bar")
    threshold_text: str = Field(description="the bar with its sign")
    note: str = Field(description="how the bar was scaled")


class Detectable(Part):
    """What the criterion could have seen: the smallest effect that passes with the power `power`."""

    value: Number | None = Field(description="that effect; null where no effect passes")
    unit: str = Field(description="its unit")
    power: Share = Field(description="the power")
    sentence: str = Field(description="the same in words")


class Criterion(Part):
    """Value, interval, null and both verdicts of one criterion."""

    id: str = Field(description="V1, V2, ...")
    name: str = Field(description="its name")
    value: Number | None = Field(description="the statistic; null where it can't be measured or was not asked")
    of: int | None = Field(description="what a count is out of; null where it is not a count")
    unit: str = Field(description="what is counted or measured")
    threshold: Number | None = Field(description="the bar of the earlier reproduction")
    threshold_text: str = Field(description="the bar with its sign")
    seed_value: Number | None = Field(
        default=None, description="the value to which the earlier reproduction's bar applies"
    )
    seed_verdict: Verdict = Field(description="the bar on that value alone")
    verdict: Verdict = Field(description="by interval, null and bar")
    interval: Interval | None = Field(description="95 % interval of the value")
    null: Null | None = Field(description="what chance gives")
    reason: str = Field(description="why the verdict is what it is")
    note: str = Field(description="remarks")
    bar: Number | None = Field(default=None, description="a bar other than chance that a pass must exceed")
    seed: Reference | None = Field(default=None, description="the earlier reproduction's own statistic, of V2 to V5")
    detectable: Detectable | None = Field(default=None, description="the smallest effect that it could have detected")

    def noted(self, sentence: str) -> Criterion:
        """The same with a sentence more in its note."""
        return self.model_copy(update={"note": f"{self.note} {sentence}".strip()})

    def with_detectable(self, smallest: Detectable) -> Criterion:
        """The same with the smallest effect that it could have seen."""
        return self.model_copy(update={"detectable": smallest})

    @property
    def p(self) -> Share | None:
        """The p value of its null."""
        return self.null.p if self.null else None

    @property
    def asked(self) -> bool:
        """Whether the run had what the criterion needs."""
        return self.verdict != NOT_ASKED

    @property
    def reference(self) -> Criterion | Reference:
        """Value, `of` and bar that `seed_verdict` rests on."""
        return self.seed or self
