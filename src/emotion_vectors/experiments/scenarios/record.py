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
    mean_rank: Measure


class Retrieved(Measures):
    """How highly the implied emotion ranks among all emotions of the run."""

    top1: Measure = Field(description="scenarios whose emotion ranks first")
    top10: Measure = Field(description="scenarios whose emotion is among the first ten")
    mean_rank: Measure
    reciprocal_rank: Measure = Field(description="median of 1 / rank")
    valence: Measure | None = Field(default=None, description="scenarios whose first emotion has the right valence")


class Item(Part):
    """One scenario of the first list."""

    name: str
    emotion: str = Field(description="the emotion that it implies")
    prompt: str


class HeldOutItem(Part):
    """One held-out scenario."""

    name: str
    emotion: str
    rank_raw: Rank
    rank_centred: Rank


class RetrievalItem(Part):
    """One scenario that is asked against all emotions."""

    name: str
    emotion: str
    rank_raw: Rank
    first_raw: str | None = Field(description="the emotion with the highest cosine; null where two share it")
    rank_centred: Rank
    first_centred: str | None


class LayerRow(Part):
    """The result at one layer."""

    layer: int
    matches: Count
    mean_rank: Rank


class BestOne(Part):
    """The best layer by one statistic, against chance that may choose a layer too."""

    layer: int
    value: Number
    null: Number
    p: Share


class BestLayer(Part):
    """The best layers by both statistics."""

    matches: BestOne
    mean_rank: BestOne


class HeldOut(Part):
    """The second list against the same probes."""

    of: Count = Field(description="scenarios")
    emotions: Count = Field(description="probes")
    raw: Matched
    centred: Matched
    items: list[HeldOutItem]


class Together(Part):
    """Both lists, each centred on its own mean: the statistics of V3 and V4."""

    of: Count = Field(description="scenarios of both lists")
    main: Count
    heldout: Count
    emotions: Count = Field(description="probes")
    matches: Measure
    mean_rank: Measure
    by_layer: list[LayerRow]
    best_layer: BestLayer
    layer_set_by_hand: bool


class Retrieval(Part):
    """One scenario for each emotion against the vectors of every emotion."""

    of: Count = Field(description="scenarios")
    emotions: Count = Field(description="emotions that compete")
    raw: Retrieved
    centred: Retrieved
    items: list[RetrievalItem]


class Scenarios(ExperimentPart):
    """Cosines of the probes with the scenarios, raw and centred on the list's mean; lists are empty where it was not asked."""

    key = "scenarios"

    emotions: list[str] = Field(description="probes, in the order of the rows")
    items: list[Item] = Field(description="scenarios of the first list, in the order of the columns")
    raw: list[list[Correlation]] = Field(description="cosines, probe by scenario")
    centred: list[list[Correlation]]
    ranks_raw: list[Rank] = Field(description="rank of the implied emotion of each scenario")
    ranks_centred: list[Rank]
    limit: Number | None = Field(default=None, description="largest absolute cosine, for the colours")
    count_centred: Count | None = Field(default=None, description="first ranks by centred cosine")
    mean_rank_centred: Rank | None = None
    p_centred: Share | None = None
    p_mean_rank_centred: Share | None = None
    p_raw: Share | None = None
    p_mean_rank_raw: Share | None = None
    by_layer: list[LayerRow] = Field(default=[], description="the first list, raw, at every layer")
    best_layer: BestLayer | None = None
    layer_set_by_hand: bool = False
    heldout: HeldOut | None = None
    together: Together | None = Field(
        default=None, description="missing in records in which the first list gives the verdict"
    )
    retrieval: Retrieval | None = None
