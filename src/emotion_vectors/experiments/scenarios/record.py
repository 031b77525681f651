"""What the implicit scenarios gave, as the record keeps it."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Measure, Number, Part, Rank, Share


class Measures(Part):
    """Several statistics of one list of scenarios."""

    def named(self) -> dict[str, Measure]:
        """Those that were measured, by name, in the order of the record."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: measure for name, measure in found.items() if measure is not None}


class Matched(Measures):
    """How highly the implied emotion ranks among the probes of V3."""

    matches: Measure = Field(description="scenarios whose emotion ranks first")
    mean_rank: Measure = Field(description="mean rank of the implied emotion")


class Retrieved(Measures):
    """How highly the implied emotion ranks among all emotions of the run."""

    top1: Measure = Field(description="scenarios whose emotion ranks first")
    top10: Measure = Field(description="scenarios whose emotion is among the first ten")
    mean_rank: Measure = Field(description="mean rank of the implied emotion")
    reciprocal_rank: Measure = Field(description="median of 1 / rank")
    valence: Measure | None = Field(default=None, description="scenarios whose first emotion has the right valence")


class Item(Part):
    """One scenario of the first list."""

    name: str = Field(description="its name")
    emotion: str = Field(description="the emotion that it implies")
    prompt: str = Field(description="its text")


class HeldOutItem(Part):
    """One held-out scenario."""

    name: str = Field(description="its name")
    emotion: str = Field(description="the emotion that it implies")
    rank_raw: Rank = Field(description="rank of that emotion by raw cosine")
    rank_centred: Rank = Field(description="rank of that emotion by centred cosine")


class RetrievalItem(Part):
    """One scenario that is asked against all emotions."""

    name: str = Field(description="its name")
    emotion: str = Field(description="the emotion that it implies")
    rank_raw: Rank = Field(description="rank of that emotion by raw cosine")
    first_raw: str | None = Field(description="the emotion with the highest cosine; null where two share it")
    rank_centred: Rank = Field(description="rank of that emotion by centred cosine")
    first_centred: str | None = Field(
        description="the emotion with the highest centred cosine; null where two share it"
    )


class LayerRow(Part):
    """The result at one layer."""

    layer: int = Field(description="the layer")
    matches: Count = Field(description="scenarios whose emotion ranks first")
    mean_rank: Rank = Field(description="mean rank of the implied emotion")


class BestOne(Part):
    """The best layer by one statistic, against chance that may choose a layer too."""

    layer: int = Field(description="the layer")
    value: Number = Field(description="the statistic there")
    null: Number = Field(description="its mean by chance")
    p: Share = Field(description="p value")


class BestLayer(Part):
    """The best layers by both statistics."""

    matches: BestOne = Field(description="the most first ranks")
    mean_rank: BestOne = Field(description="the best mean rank")


class HeldOut(Part):
    """The second list against the same probes."""

    of: Count = Field(description="scenarios")
    emotions: Count = Field(description="probes")
    raw: Matched = Field(description="by raw cosine")
    centred: Matched = Field(description="by cosine centred on the mean of the list")
    items: list[HeldOutItem] = Field(description="one for each scenario")


class Together(Part):
    """Both lists, each centred on its own mean: the statistics of V3 and V4."""

    of: Count = Field(description="scenarios of both lists")
    main: Count = Field(description="scenarios of the first list")
    heldout: Count = Field(description="scenarios of the held-out list")
    emotions: Count = Field(description="probes")
    matches: Measure = Field(description="scenarios whose emotion ranks first (V3)")
    mean_rank: Measure = Field(description="mean rank of the implied emotion (V4)")
    by_layer: list[LayerRow] = Field(description="one for each layer")
    best_layer: BestLayer = Field(description="the best layers")
    layer_set_by_hand: bool = Field(
        description="whether the layer was set by hand; then chance may choose the best layer too"
    )


class Retrieval(Part):
    """One scenario for each emotion against the vectors of every emotion."""

    of: Count = Field(description="scenarios")
    emotions: Count = Field(description="emotions that compete")
    raw: Retrieved = Field(description="by raw cosine")
    centred: Retrieved = Field(description="by cosine centred on the mean of the list")
    items: list[RetrievalItem] = Field(description="one for each scenario")


class Scenarios(ExperimentPart):
    """Cosines of the probes with the scenarios, raw and centred on the list's mean; lists are empty where it was not asked."""

    key = "scenarios"

    emotions: list[str] = Field(description="probes, in the order of the rows")
    items: list[Item] = Field(description="scenarios of the first list, in the order of the columns")
    raw: list[list[Correlation]] = Field(description="cosines, probe by scenario")
    centred: list[list[Correlation]] = Field(description="the same centred on the mean of the list")
    ranks_raw: list[Rank] = Field(description="rank of the implied emotion of each scenario")
    ranks_centred: list[Rank] = Field(description="the same by centred cosine")
    limit: Number | None = Field(default=None, description="largest absolute cosine, for the colours")
    count_centred: Count | None = Field(default=None, description="first ranks by centred cosine")
    mean_rank_centred: Rank | None = Field(default=None, description="mean rank by centred cosine")
    p_centred: Share | None = Field(default=None, description="p value of the first ranks by centred cosine")
    p_mean_rank_centred: Share | None = Field(default=None, description="p value of the mean rank by centred cosine")
    p_raw: Share | None = Field(default=None, description="p value of the first ranks by raw cosine")
    p_mean_rank_raw: Share | None = Field(default=None, description="p value of the mean rank by raw cosine")
    by_layer: list[LayerRow] = Field(default=[], description="the first list, raw, at every layer")
    best_layer: BestLayer | None = Field(default=None, description="the best layers of the first list, raw")
    layer_set_by_hand: bool = Field(
        default=False, description="whether the layer was set by hand; then chance may choose the best layer too"
    )
    heldout: HeldOut | None = Field(default=None, description="the held-out list; null without such scenarios")
    together: Together | None = Field(
        default=None, description="missing in records in which the first list gives the verdict"
    )
    retrieval: Retrieval | None = Field(
        default=None, description="one scenario for each emotion; null without such scenarios"
    )
