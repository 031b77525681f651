"""What is left without the words, as the record keeps it."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.experiments.baselines.record import CRITERIA, Row
from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Number, Part, Share

LENS = ("V1", "V2")
TESTS = (*LENS, *CRITERIA, "heldout", "retrieval", "retrieval_rank")  # V7 is about no vectors
OWN, LEFT, OTHERS = "vectors", "without the words", "without other stories' words"
STATIC, STATIC_LEFT = "static embedding", "static embedding without its words"


class LensCount(Part):
    """A count of the logit lens and its p against its own chance."""

    value: Number = Field(description="the count")
    p: Share | None = Field(description="p value against its own chance")


class Column(Part):
    """One set of vectors through the tests."""

    row: Row = Field(description="what the tests give, as for the representations of `baselines`")
    V1: LensCount | None = Field(description="null where it was not asked: only the vectors without the words are")
    V2: LensCount | None = Field(description="as V1")
    explained: Number | None = Field(
        description="share of the variance within topics that words of other topics predict; null where nothing was removed"
    )
    cosine: Correlation | None = Field(description="median cosine with the vectors before")
    norm: Number | None = Field(description="median length beside that of the vectors before")
    reliability: Correlation | None = Field(description="median r of the even topics' directions with the odd ones'")
    reliability_p: Share | None = Field(description="p value of that")
    reliability_of: dict[str, Correlation] = Field(
        default={}, description="that r by emotion; empty where nothing was removed, and in older records"
    )

    @property
    def name(self) -> str:
        """Which vectors these are."""
        return self.row.name

    def value(self, test: str) -> Number | None:
        """The value of `test`."""
        found = self.V1 if test == "V1" else self.V2
        return self.row.get(test) if test not in LENS else found.value if found else None

    def p(self, test: str) -> Share | None:
        """The p of `test` against its own chance."""
        found = self.V1 if test == "V1" else self.V2
        return self.row.p.get(test) if test not in LENS else found.p if found else None


class WordsOut(ExperimentPart):
    """The tests for vectors of activations from which a regression on the words was removed."""

    key = "words_out"

    components: Count = Field(description="components of the words")
    folds: Count = Field(description="groups of topics, each predicted from the others")
    of: dict[str, Count | None] = Field(description="what each value is out of; of a mean rank the number of probes")
    columns: list[Column] = Field(description="one for each set of vectors")

    def column(self, name: str) -> Column | None:
        """One set of vectors."""
        return next((one for one in self.columns if one.name == name), None)
