"""How the probes go with the preference score, as the record keeps it."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from emotion_vectors.record.base import Bounded, Correlation, Count, ExperimentPart, Number, Part, Share

STRONG = 0.3  # |r| beyond which an emotion counts for V9 (paper, Figure 4; Hong 2026)
DISCOVERY = 0.05  # false-discovery rate
EXTREME = ("Misaligned", "Unsafe")


def beyond_threshold(values: Iterable[float | None]) -> int:
    """How many of the correlations have |r| beyond `STRONG`; one that is not defined is none of them."""
    return sum(r is not None and abs(r) > STRONG for r in values)


class EmotionCorrelation(Bounded):
    """Pearson r over activities of one emotion's projection and the score; null where it is not defined."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    ambiguous: bool = Field(description="whether judges could differ about its valence")
    r: Correlation | None = Field(description="correlation with the score")
    low: Correlation | None = Field(description="95 % interval of r")
    high: Correlation | None = Field(description="95 % interval of r, upper end")
    p: Share | None = Field(description="two-sided p, with the scores shuffled over the activities")
    q: Share | None = Field(description="p adjusted for the false-discovery rate over all emotions")
    r_without_extremes: Correlation | None = Field(default=None, description="r without the extreme categories")
    r_partial: Correlation | None = Field(default=None, description="r with the extreme categories held constant")
    p_partial: Share | None = Field(default=None, description="its p, with the scores permuted within these categories")
    r_cosine: Correlation | None = Field(default=None, description="r of the mean cosine over an activity's tokens")


class WithinCategories(Part):
    """What the categories alone don't give: the scores permuted within them; null where it can't be tested."""

    null_count: Count = Field(description="mean number of emotions with a strong r by chance")
    p: Share | None = Field(description="p of their number")
    gap_p: Share | None = Field(description="p of the gap in mean r between the valences")
    partial_count: Count | None = Field(description="emotions with a strong r with every category held constant")
    partial_null_count: Count | None = Field(description="mean of that number by chance")
    partial_p: Share | None = Field(description="p of that number")


class ExtremesHeld(Part):
    """The same with the extreme categories alone held constant."""

    partial_count: Count | None = Field(description="emotions with a strong partial r")
    partial_null_count: Count | None = Field(description="mean of that number by chance")
    partial_p: Share | None = Field(description="p of that number")
    discoveries: Count = Field(description="emotions that hold at the false-discovery rate")


class Point(Part):
    """One activity of an example."""

    activity: str = Field(description="the activity")
    category: str = Field(description="its category")
    probe: Number = Field(description="projection of its activation on the emotion's unit vector")
    score: Number = Field(description="preference by Bradley-Terry, Elo points")


class Example(Part):
    """The probe of one emotion against the score, for every activity."""

    emotion: str = Field(description="the emotion")
    r: Correlation | None = Field(description="correlation with the score")
    points: list[Point] = Field(description="one for each activity")


class ProbeCorrelations(ExperimentPart):
    """How the projection on each emotion goes with the preference score over the activities."""

    key = "correlation"

    score: str = Field(description="which score")
    threshold: Correlation | None = Field(default=None, description="|r| beyond which an emotion counts")
    null_count: Count | None = Field(default=None, description="how many count on average, with the scores shuffled")
    null_count_vectors: Count | None = Field(
        default=None, description="the same with the set of vectors rotated at random"
    )
    null_limit: Share | None = Field(
        default=None, description="95th percentile of the largest |r| of any emotion by chance"
    )
    null_band: Share | None = Field(
        default=None, description="95th percentile of one emotion's |r| with the scores shuffled"
    )
    null_band_vectors: Share | None = Field(default=None, description="the same for a random direction")
    discoveries: Count | None = Field(default=None, description="emotions that hold at the false-discovery rate")
    cosine_count: Count | None = Field(default=None, description="emotions with a strong r by the mean cosine")
    within_categories: WithinCategories | None = Field(default=None, description="the categories held constant")
    extremes_held: ExtremesHeld | None = Field(default=None, description="Misaligned and Unsafe held constant")
    emotions: list[EmotionCorrelation] = Field(description="one for each emotion")
    examples: dict[str, Example | None] = Field(default={}, description="of Figures 5 and 7, by valence")
