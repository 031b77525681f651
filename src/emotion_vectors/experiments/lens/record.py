"""What the logit lens found, as the record keeps it."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Interval, Number, Part, Rank, Share


class Through(Part):
    """The count with the other choice of the final norm."""

    through_norm: bool = Field(description="whether vectors pass the final norm")
    count: Count = Field(description="emotions whose own word is among the top k")


class MultiWord(Part):
    """An emotion word without a form of one token."""

    emotion: str = Field(description="the word")
    first_token_hit: bool = Field(description="whether the first token of its spelling is among the top tokens")
    mean_log_probability_rank: Rank = Field(description="rank of its own vector among all, by mean log probability")


class EmotionLens(Part):
    """The tokens of one emotion's vector."""

    emotion: str = Field(description="the emotion")
    valence: str | None = Field(description="positive or negative; null where it is not given")
    hit: bool = Field(description="whether its own word is among the top k")
    best_rank: Rank | None = Field(description="best rank of a form of the word; null where none is one token")
    top: list[str] = Field(description="tokens raised most, best first")
    bottom: list[str] = Field(description="tokens lowered most")


class Pair(Part):
    """Two opposite emotions."""

    a: str = Field(description="one emotion")
    b: str = Field(description="its opposite")
    dot: Number = Field(description="dot product of their logit vectors")
    cosine: Correlation = Field(description="cosine of their logit vectors")
    vector_cosine: Correlation | None = Field(default=None, description="cosine of the directions themselves")
    interval: Interval | None = Field(default=None, description="95 % interval of the cosine, in older records")


class PairsTest(Part):
    """How many pairs have a negative dot product, against the same words paired at random."""

    count: Count = Field(description="pairs with a negative dot product")
    of: Count = Field(description="pairs in this run")
    interval: Interval | None = Field(description="95 % interval of the count")
    null: Number | None = Field(description="mean count by chance")
    p: Share | None = Field(description="p value of the count")
    best_p: Share | None = Field(description="p if all were negative")


class WithinValence(Part):
    """Partners exchanged among pairs of the same valences."""

    null: Number = Field(description="mean count by chance")
    p: Share = Field(description="p value of the count")


class Opposites(Part):
    """The pairs of ours, which give the verdict of V2."""

    count: Count = Field(description="pairs with a negative dot product")
    of: Count = Field(description="pairs in this run")
    words: Count = Field(description="how many words the pairs have")
    interval: Interval | None = Field(description="95 % interval of the count")
    null: Number | None = Field(description="mean count by chance")
    p: Share | None = Field(description="p value of the count")
    best_p: Share | None = Field(description="p if all were negative")
    within_valence: WithinValence | None = Field(description="chance that keeps the valences of each pair")
    pairs: list[Pair] = Field(description="one for each pair")


class LensBaseline(Part):
    """What else recognises the words."""

    what: str = Field(description="what recognises them")
    count: Count = Field(description="words recognised")
    of: Count = Field(description="words")


class AgainstStatic(Part):
    """The vectors against the token embeddings of the stories, by an exact McNemar test."""

    vectors_only: Count = Field(description="emotions that only the vectors recognise")
    static_only: Count = Field(description="emotions that only the stories' token embeddings recognise")
    p: Share = Field(description="p value, one-sided")


class AgainstLogit(Part):
    """The Jacobian lens against the logit lens, by an exact McNemar test."""

    jacobian_only: Count = Field(description="emotions that only the Jacobian lens recognises")
    logit_only: Count = Field(description="emotions that only the logit lens recognises")
    p: Share = Field(description="p value, two-sided")


class JacobianEmotion(Part):
    """The tokens of one emotion's vector through the Jacobian lens."""

    emotion: str = Field(description="the emotion")
    hit: bool = Field(description="whether its own word is among the top k")
    best_rank: Rank | None = Field(description="best rank of a form of the word; null where none is one token")
    agreement: Correlation = Field(description="cosine of what the two halves of the texts make of the vector")
    top: list[str] = Field(description="tokens raised most, best first")


class JacobianLens(Part):
    """The same count with what later blocks make of the vectors, J u in place of u."""

    texts: Count = Field(description="texts on which J was fitted")
    tokens: Count = Field(description="tokens read of them")
    texts_sha256: str = Field(description="SHA-256 of the texts")
    count: Count = Field(description="emotions whose own word is among the top k")
    of: Count = Field(description="emotions")
    interval: Interval = Field(description="95 % interval of the count")
    other: Through = Field(description="the same with the other choice of `through_norm`")
    dealt: Number = Field(description="mean count with the words shuffled over the emotions' vectors")
    random: Number = Field(description="mean count of random directions through the same J")
    p: Share = Field(description="p value of the count, the larger of the two")
    static: Count = Field(description="words that the token embeddings of the stories recognise through the same J")
    against_static: AgainstStatic = Field(description="the vectors against the words alone")
    against_logit: AgainstLogit = Field(description="this lens against the logit lens")
    agreement: Correlation = Field(description="median over the emotions of the halves' cosine")
    lowest_agreement: Correlation = Field(description="the lowest of them")
    kept: Correlation = Field(description="median cosine of a vector with what J makes of it")
    emotions: list[JacobianEmotion] = Field(description="one for each emotion")


class Lens(ExperimentPart):
    """The logit lens of every emotion vector."""

    key = "lens"

    k: int = Field(description="how many top tokens count")
    through_norm: bool = Field(description="whether vectors pass the final norm")
    count: Count = Field(description="emotions whose own word is among the top k")
    of: Count = Field(description="emotions")
    single_token_of: Count = Field(description="emotions with a form of one token")
    other: Through = Field(description="the same with the other choice of `through_norm`")
    multi_word: list[MultiWord] = Field(description="words without a form of one token")
    emotions: list[EmotionLens] = Field(description="one for each emotion")
    pairs: list[Pair] = Field(description="the published pairs")
    pairs_test: PairsTest | None = Field(default=None, description="the published pairs against chance")
    opposites: Opposites | None = Field(default=None, description="our pairs")
    baselines: list[LensBaseline] = Field(default=[], description="controls of the count")
    against_static: AgainstStatic | None = Field(default=None, description="the vectors against the words alone")
    jacobian: JacobianLens | None = Field(
        default=None, description="the Jacobian lens; missing where it was not fitted"
    )
