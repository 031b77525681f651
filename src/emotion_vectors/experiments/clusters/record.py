"""Clusters of the vectors and the similarity of their similarity structures, as the record keeps them."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.experiments.geometry.record import Difference
from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Interval, Number, Part, Share


class Rand(Part):
    """An adjusted Rand index: 1 the same partition, 0 chance."""

    value: Number = Field(description="the index")
    interval: Interval = Field(description="95 %, by resampling emotions")
    null_high: Number = Field(description="95th percentile with the labels shuffled over the emotions")
    p: Share = Field(description="p value against that")


class Stable(Part):
    """How far a clustering comes again from resampled emotions."""

    median: Number = Field(description="median adjusted Rand index")
    low: Number = Field(description="5th percentile over the draws")
    high: Number = Field(description="95th percentile over the draws")
    cloud: Number = Field(description="median of clouds with the same covariance and no clusters")
    cloud_high: Number = Field(description="their 95th percentile")
    p: Share = Field(description="of the median against the clouds")
    draws: Count = Field(description="resamples of the emotions")
    clouds: Count = Field(description="clouds without clusters")


class Clustering(Part):
    """The clusters of one representation."""

    name: str = Field(description="of what")
    labels: list[Count] = Field(description="cluster of each emotion")
    published: Rand | None = Field(description="with the published clusters; null with too few of their emotions")
    stability: Stable | None = Field(description="null where it was not asked")


class LayerAlike(Part):
    """One layer's similarity structure."""

    layer: Count = Field(description="the layer")
    analysis: Correlation = Field(description="Spearman r with the structure at the analysis layer")
    words: Correlation | None = Field(description="with that of the words of the stories")
    tokens: Correlation | None = Field(description="with that of the tokens of the emotion words")
    interval: Interval = Field(description="95 % of `analysis`, by resampling emotions")
    beyond_words: Difference | None = Field(description="`analysis`, less what the words give at the analysis layer")
    partial: Correlation | None = Field(description="`analysis`, given the words' structure")


class WithWords(Part):
    """The structure of the words of the stories beside that at the analysis layer."""

    r: Correlation = Field(description="Spearman r")
    interval: Interval = Field(description="95 % interval")
    null: Correlation = Field(description="mean with the emotions of one structure shuffled")
    p: Share = Field(description="Mantel's test")


class Clusters(ExperimentPart):
    """Clusters of the emotion vectors, and the similarity of their similarity structures."""

    key = "clusters"

    layer: Count = Field(description="the layer")
    emotions: list[str] = Field(description="their names, in the order of the labels")
    k: Count = Field(description="how many clusters")
    published: list[str | None] = Field(description="published cluster of each emotion")
    clusterings: list[Clustering] = Field(description="of the vectors first")
    with_words: Rand | None = Field(description="clusters of the vectors with those of the words of the stories")
    beyond_words: Difference | None = Field(description="agreement with the published clusters, less that of the words")
    words: WithWords | None = Field(description="null where there are no stories")
    layers: list[LayerAlike] = Field(description="one for each layer")
    table: list[list[Correlation]] = Field(description="Spearman r between the structures of these layers")

    def named(self, name: str) -> Clustering | None:
        """The clusters of one representation."""
        return next((one for one in self.clusterings if one.name == name), None)
