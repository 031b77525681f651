"""What the numeric templates found, as the record keeps it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from emotion_vectors.record.base import Bounded, Correlation, Count, ExperimentPart, Interval, Null, Number, Part, Share

Sign = Annotated[str, Field(pattern=r"^(\+|-|none)$")]
Kind = Literal["template", "twin", "severity"]
SIGNS = {"+": 1, "-": -1, "none": 0}
KINDS: tuple[Kind, ...] = ("template", "twin", "severity")


class TemplateCurves(Part):
    """One template: the curve of each emotion over its values."""

    name: str = Field(description="its name")
    template: str = Field(description="the message; {X} is the number")
    x_label: str = Field(description="what the number counts")
    values: list[Number] = Field(description="the values of the number, rising")
    expected: dict[str, Sign] = Field(description="sign expected in advance, by emotion")
    cosine: dict[str, list[Correlation]] = Field(description="cosine at each value, by emotion")
    spearman: dict[str, Correlation | None] = Field(description="rho of value and cosine, by emotion")
    change: dict[str, Number] = Field(default={}, description="cosine at the last value minus at the first")
    fitted_change: dict[str, Number] = Field(default={}, description="the same by a line over the ranks of the values")


class ChangeSize(Bounded):
    """Mean fitted change in cosine in the expected direction; null where no sign was expected."""

    curves: Count = Field(description="curves with an expected sign")
    signs_p: Share | None = Field(description="p of the count of right signs alone")
    mean: Number | None = Field(description="mean change in cosine in the expected direction")
    low: Number | None = Field(description="lower end of the 95 % interval; null with one template")
    high: Number | None = Field(description="upper end of the 95 % interval")
    null_mean: Number | None = Field(description="mean over random directions")
    null_sd: Count | None = Field(description="standard deviation over random directions")
    p: Share | None = Field(description="p of the mean")


class TwinCurves(Part):
    """One template with its twin and the sentence of another severity; each map is by emotion."""

    name: str = Field(description="its name")
    x_label: str = Field(description="what the number counts")
    values: list[Number] = Field(description="the values of the number, rising")
    template: str = Field(description="the message; {X} is the number")
    twin: str = Field(description="the same numbers where they mean nothing")
    severity: str = Field(description="the same numbers in a graver or milder case")
    expected: dict[str, Sign] = Field(description="sign expected in advance of the excess")
    severity_expected: dict[str, Sign] = Field(description="sign expected in advance of the severity's difference")
    cosine_template: dict[str, list[Correlation]] = Field(description="cosine at each value, template")
    fitted_change_template: dict[str, Number] = Field(description="its change by a line over the ranks of the values")
    cosine_twin: dict[str, list[Correlation]] = Field(description="cosine at each value, twin")
    fitted_change_twin: dict[str, Number] = Field(description="its change by a line over the ranks of the values")
    cosine_severity: dict[str, list[Correlation]] = Field(description="cosine at each value, other severity")
    fitted_change_severity: dict[str, Number] = Field(description="its change by a line over the ranks of the values")
    excess: dict[str, Number] = Field(description="fitted change of the template minus that of its twin")
    severity_difference: dict[str, Number] = Field(description="mean cosine of the other severity minus the template's")

    def text(self, kind: Kind) -> str:
        """The sentence of this kind."""
        return {"template": self.template, "twin": self.twin, "severity": self.severity}[kind]

    def curves(self, kind: Kind) -> dict[str, list[Number]]:
        """Its cosines by emotion."""
        return {"template": self.cosine_template, "twin": self.cosine_twin, "severity": self.cosine_severity}[kind]

    def fitted(self, kind: Kind) -> dict[str, Number]:
        """Its fitted changes by emotion."""
        return {
            "template": self.fitted_change_template, "twin": self.fitted_change_twin, "severity": self.fitted_change_severity,
        }[kind]  # fmt: skip


class Beyond(Bounded):
    """How many differences go in the expected direction and how far on average; null where no sign was expected."""

    count: Count = Field(description="differences in the expected direction")
    of: Count = Field(description="differences with an expected sign")
    interval: Interval | None = Field(description="95 % interval of the count")
    null: Number | None = Field(description="count of random directions")
    count_p: Share | None = Field(description="p value of the count")
    mean: Number | None = Field(description="mean difference in cosine in the expected direction")
    low: Number | None = Field(description="lower end of the mean's 95 % interval; null with one template")
    high: Number | None = Field(description="upper end of the mean's 95 % interval")
    null_mean: Number | None = Field(description="mean over random directions")
    null_sd: Count | None = Field(description="standard deviation over random directions")
    size_p: Share | None = Field(description="p of the mean")


class Earlier(Part):
    """V5 as the first list gives it, without twins."""

    value: Number | None = Field(description="curves with the expected sign")
    of: int | None = Field(description="curves with a sign expected")
    interval: Interval | None = Field(description="95 % interval of the count")
    null: Null | None = Field(description="what chance gives")


class Twins(Part):
    """The templates with twins, which give the verdict of V5."""

    templates: list[TwinCurves] = Field(description="one for each template")
    excess: Beyond = Field(description="the templates beyond their twins (V5)")
    severity: Beyond = Field(description="the other severity at equal numbers")
    earlier: Earlier = Field(description="V5 without twins")


class Numeric(ExperimentPart):
    """Curves of four emotions over the numbers of the templates."""

    key = "numeric"

    emotions: list[str] = Field(description="the four emotions")
    templates: list[TemplateCurves] = Field(description="the first list, without twins")
    effect: ChangeSize | None = Field(default=None, description="size of the changes of the first list")
    twins: Twins | None = Field(default=None, description="the templates with twins")
