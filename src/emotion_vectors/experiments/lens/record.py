"""What the logit lens found, as the record keeps it."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Interval, Number, Part, Rank, Share


class Through(Part):
    """The count with the other choice of the final norm."""

    through_norm: bool
    count: Count


class MultiWord(Part):
    """An emotion word without a form of one token."""

    emotion: str
    first_token_hit: bool = Field(description="whether the first token of its spelling is among the top")
    mean_log_probability_rank: Rank = Field(description="rank of its own vector among all, by mean log probability")


class EmotionLens(Part):
    """The tokens of one emotion's vector."""

    emotion: str
    valence: str | None
    hit: bool = Field(description="whether its own word is among the top k")
    best_rank: Rank | None = Field(description="best rank of a form of the word; null where none is one token")
    top: list[str] = Field(description="tokens raised most, best first")
    bottom: list[str] = Field(description="tokens lowered most")


class Pair(Part):
    """Two opposite emotions."""

    a: str
    b: str
    dot: Number = Field(description="dot product of their logit vectors")
    cosine: Correlation = Field(description="cosine of their logit vectors")
    vector_cosine: Correlation | None = Field(default=None, description="cosine of the directions themselves")
    interval: Interval | None = Field(default=None, description="95 % interval of the cosine, in older records")


class PairsTest(Part):
    """How many pairs have a negative dot product, against the same words paired at random."""

    count: Count
    of: Count
    interval: Interval | None
    null: Number | None
    p: Share | None
    best_p: Share | None = Field(description="p if all were negative")


class WithinValence(Part):
    """Partners exchanged among pairs of the same valences."""

    null: Number
    p: Share


class Opposites(Part):
    """The pairs of ours, which give the verdict of V2."""

    count: Count
    of: Count
    words: Count = Field(description="how many words the pairs have")
    interval: Interval | None
    null: Number | None
    p: Share | None
    best_p: Share | None
    within_valence: WithinValence | None
    pairs: list[Pair]


class LensBaseline(Part):
    """What else recognises the words."""

    what: str
    count: Count
    of: Count


class AgainstStatic(Part):
    """The vectors against the token embeddings of the stories, by an exact McNemar test."""

    vectors_only: Count
    static_only: Count
    p: Share


class Lens(ExperimentPart):
    """The logit lens of every emotion vector."""

    key = "lens"

    k: int = Field(description="how many top tokens count")
    through_norm: bool = Field(description="whether vectors pass the final norm")
    count: Count = Field(description="emotions whose own word is among the top k")
    of: Count
    single_token_of: Count = Field(description="emotions with a form of one token")
    other: Through
    multi_word: list[MultiWord]
    emotions: list[EmotionLens]
    pairs: list[Pair] = Field(description="the published pairs")
    pairs_test: PairsTest | None = None
    opposites: Opposites | None = None
    baselines: list[LensBaseline] = []
    against_static: AgainstStatic | None = None
