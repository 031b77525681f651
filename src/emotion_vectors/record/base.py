"""Field types that all parts of the record share: a range is a type, so no check repeats it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SLACK = 1e-6  # rounding: a cosine of 1.0000000002 is 1


def _correlation(value: int | float) -> int | float:
    if not -1 - SLACK <= value <= 1 + SLACK:
        raise ValueError(f"{value} is outside -1 to 1")
    return value


def _share(value: int | float) -> int | float:
    if not -SLACK <= value <= 1 + SLACK:
        raise ValueError(f"{value} is outside 0 to 1")
    return value


def _count(value: int | float) -> int | float:
    if value < 0:
        raise ValueError(f"{value} is below 0")
    return value


def _rank(value: int | float) -> int | float:
    if value < 1 - SLACK:
        raise ValueError(f"{value} is below 1")
    return value


def _ordered(value: list[int | float]) -> list[int | float]:
    if len(value) != 2 or value[0] > value[1]:
        raise ValueError(
            f"the interval runs from {value[0] if value else 'nothing'} to {value[-1] if value else 'nothing'}"
        )
    return value


# `int | float` keeps 20 as 20 and 20.0 as 20.0, so that a record that was read is written byte for byte the same.
Number = int | float
Correlation = Annotated[Number, AfterValidator(_correlation)]
Share = Annotated[Number, AfterValidator(_share)]
Count = Annotated[Number, AfterValidator(_count)]
Rank = Annotated[Number, AfterValidator(_rank)]
Interval = Annotated[list[Number], AfterValidator(_ordered)]
Verdict = Literal["pass", "fail", "inconclusive", "not asked"]


class Part(BaseModel):
    """A part of the record: frozen, of known fields only, with finite numbers.

    A field with a default of None may be missing: an older version didn't write it. What was not set is not written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)

    def dump(self) -> dict[str, Any]:
        """The part as plain JSON values, in the order of its fields, without what was never set."""
        return self.model_dump(mode="python", by_alias=True, exclude_unset=True)


class Bounded(Part):
    """A part with `low` and `high`: both or neither, in order."""

    @model_validator(mode="after")
    def _both_in_order(self) -> Self:
        low, high = getattr(self, "low", None), getattr(self, "high", None)
        if (low is None) != (high is None):
            raise ValueError("the interval has only one end")
        if low is not None and high is not None and low > high:
            raise ValueError(f"the interval runs from {low} to {high}")
        return self


class ExperimentPart(Part):
    """What one experiment found, under `key` of the record's `experiments`."""

    key: ClassVar[str]


class Null(Part):
    """What chance gives."""

    what: str = Field(description="what chance is")
    value: Number | None = Field(description="its mean, in the unit of the value")
    p: Share | None = Field(description="p value of the observed value")


class Measure(Part):
    """One statistic with its 95 % interval and what chance gives."""

    value: Number = Field(description="the statistic")
    interval: Interval = Field(description="95 % interval")
    null: Number = Field(description="its mean by chance")
    p: Share = Field(description="p value against chance")
