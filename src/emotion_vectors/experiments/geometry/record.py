"""What the axes of the vectors are, as the record keeps it. Ratings of people are not in it, only how far they agree."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Interval, Number, Part, Share


class UsedNorms(Part):
    """A list of ratings."""

    name: str = Field(description="its name")
    source: str = Field(description="where it is published")
    shipped: bool = Field(description="whether it comes with the package")
    words: Count = Field(description="emotions of the run that it rates")


class Ceiling(Part):
    """How far two lists of ratings agree with each other."""

    scale: str = Field(description="the scale")
    norms: list[str] = Field(description="the lists")
    words: Count = Field(description="words that are rated")
    r: Correlation = Field(description="Pearson r")
    interval: Interval = Field(description="95 % interval")


class Tested(Part):
    """A correlation out of sample with its interval and chance."""

    r: Correlation = Field(description="Pearson r")
    interval: Interval = Field(description="95 %, Fisher's z over the words")
    null: Correlation = Field(description="mean with the ratings shuffled over the words")
    null_high: Correlation = Field(description="its 95th percentile")
    p: Share = Field(description="p value against that")


class BestOf(Tested):
    """The same from one component."""

    component: Count = Field(description="the component, from 1, that most folds chose")
    folds: Share = Field(description="share of the folds that chose it")


class Difference(Part):
    """How much larger a statistic is than that of the words alone."""

    value: Number = Field(description="the difference")
    interval: Interval = Field(description="95 %, by resampling words or emotions")


class Agreement(Part):
    """How far one scale of one list can be predicted for words that took no part in the fit."""

    norms: str = Field(description="the lists")
    scale: str = Field(description="the scale")
    words: Count = Field(description="words that are rated")
    ridge: Tested = Field(description="from the first components together")
    best: BestOf = Field(description="from the one component with the largest abs(r) among the other words")
    partial: Tested | None = Field(description="ridge, given the list's other scale; null where it has none")
    beyond_words: Difference | None = Field(default=None, description="ridge, less that of the words alone")


class Component(Part):
    """One principal component of a representation."""

    share: Share = Field(description="of the variance")
    r: list[Correlation] = Field(description="with each scale of each list, in the order of `scales`, on all its words")
    covariates: list[Correlation] = Field(description="with each covariate, in the order of `covariates`")


class Represented(Part):
    """One set of vectors of the emotions."""

    name: str = Field(description="its name")
    removed: Share | None = Field(description="share of the variance that was projected out; null where nothing was")
    removed_columns: Count = Field(description="columns that were projected out")
    components: list[Component] = Field(description="the first components")
    agreements: list[Agreement] = Field(description="one for each list and scale")


class Place(Part):
    """Where one emotion lies on the first two components of the vectors."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    at: list[Number] = Field(description="on the first and the second component")


class Geometry(ExperimentPart):
    """Principal components of the emotion vectors and their agreement with human ratings."""

    key = "geometry"

    layer: Count = Field(description="analysis layer")
    emotions: Count = Field(description="how many")
    k: Count = Field(description="components that predict the ratings")
    word_components: Count = Field(description="components of the stories' words that are projected out")
    folds: Count = Field(description="folds of the words, each held out once")
    norms: list[UsedNorms] = Field(description="the lists")
    scales: list[list[str]] = Field(description="pairs of list and scale that have enough words for a correlation")
    covariates: list[str] = Field(description="what else the emotions' stories differ in")
    ceilings: list[Ceiling] = Field(description="one for each two lists and each scale")
    representations: list[Represented] = Field(description="the vectors first")
    places: list[Place] = Field(description="one for each emotion")

    @property
    def vectors(self) -> Represented:
        """The emotion vectors themselves."""
        return self.representations[0]

    def named(self, name: str) -> Represented | None:
        """A representation, or None where this run has none of that name."""
        return next((one for one in self.representations if one.name == name), None)

    def agreement(self, name: str, norms: str, scale: str) -> Agreement | None:
        """What one representation gives for one scale of one list."""
        one = self.named(name)
        return next((row for row in one.agreements if (row.norms, row.scale) == (norms, scale)), None) if one else None
