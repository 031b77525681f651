"""What the words while steered gave, as the record keeps it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from emotion_vectors.record.base import Count, ExperimentPart, Interval, Number, Part, Share

LogProbability = Annotated[Number, Field(le=0)]
Tokens = Annotated[int, Field(ge=1)]


class Chance(Part):
    """A contrast by chance."""

    mean: Number = Field(description="mean contrast")
    p: Share = Field(description="p value of the contrast")


class RandomSets(Part):
    """The contrast of random sets of vectors."""

    mean: Number = Field(description="mean contrast")
    sd: Count | None = Field(description="null with one set")
    p: Share = Field(description="p value of the contrast")


class Difference(Part):
    """The diagonal of a table (vector, what belongs to an emotion) against the rest."""

    contrast: Number = Field(description="mean of the diagonal minus mean of the rest")
    interval: Interval = Field(description="95 % interval of the contrast, by resampling emotions")
    diagonal: Number = Field(description="mean of the diagonal")
    off_diagonal: Number = Field(description="mean of the rest")


class Contrast(Difference):
    """The same, judged against chance."""

    own_first: Count = Field(
        description="vectors whose own column comes first, without the effects of rows and columns"
    )
    of: Count = Field(description="vectors")
    dealt: Chance = Field(description="columns shuffled over the vectors")
    within_valence: Chance | None = Field(description="the same within the valences; null where few emotions have one")
    random: RandomSets | None = Field(description="null where none were tried")
    beyond_chance: bool = Field(description="whether the interval is above 0 and no chance explains it at 5 %")


class Heard(Part):
    """The words after one sentence; words and vectors in the order of the part's emotions."""

    sentence: str = Field(description="the sentence")
    source: Literal["paper", "ours"] = Field(description="paper or ours")
    tokens: list[Tokens] = Field(description="tokens of each word")
    base: list[LogProbability] = Field(description="log probability of each word, unsteered, in nats")
    change: list[list[Number]] = Field(description="change in nats, (vector, word)")
    own_up: Count = Field(description="vectors under which their own word rises")
    random_change: Number | None = Field(description="mean change of a word under random sets of vectors")


class Sentence(Contrast, Heard):
    """One sentence: what was heard, then what its diagonal says."""

    per_token: Difference = Field(description="the same with a word's mean over its tokens in place of their sum")


class Feels(ExperimentPart):
    """Emotion words after "He feels" and other sentences, while steered."""

    key = "feels"

    layer: int = Field(description="layer that gets the vector")
    strength: Number = Field(description="in mean residual norms")
    residual_norm: Number = Field(description="mean norm of the residual stream at the layer")
    random_sets: Count = Field(description="sets of random directions")
    emotions: list[str] = Field(description="the emotions, whose words are asked for")
    valence: list[str | None] = Field(description="of each; null where it is not given")
    sentences: list[Sentence] = Field(description="one for each sentence")


class UsedWord(Part):
    """A special word that answers under its emotion's vector use."""

    emotion: str = Field(description="the emotion")
    word: str = Field(description="the word")
    count: Count = Field(description="how often it is used")


class Own(Contrast):
    """The diagonal of the table (vector, whose special words)."""

    words: list[UsedWord] = Field(description="special words of the vector's own emotion that are used most")


class Level(Part):
    """Share of words of one kind among all words of the answers."""

    steered: Share = Field(description="under the vectors")
    unsteered: Share = Field(description="without a vector")
    random: Share = Field(description="under random directions")
    difference: Number = Field(description="steered minus unsteered")
    interval: Interval = Field(description="95 % interval of the difference, by resampling emotions")
    p_random: Share = Field(description="p value against random directions")


class Levels(Part):
    """The two kinds of words."""

    special: Level = Field(description="words special to the stories of the vector's emotion")
    topics: Level = Field(description="words of the topics")


class Repeated(Part):
    """Share of an answer's words that it had used before."""

    emotion: Share = Field(description="under the vectors")
    random: Share = Field(description="under random directions")
    none: Share = Field(description="without a vector")


class Answered(Part):
    """The answers at one strength."""

    strength: Number = Field(description="in mean residual norms")
    random_directions: Count = Field(description="how many")
    answers: Count = Field(description="how many answers")
    table: list[list[Share]] = Field(description="share of special words, (vector, whose special words)")
    own: Own = Field(description="its diagonal against the rest")
    levels: Levels = Field(description="shares of both kinds of words")
    repeated: Repeated = Field(description="words used before")


class Leaks(ExperimentPart):
    """Answers to a question while steered, and how many of their words come from the stories."""

    key = "leaks"

    question: str = Field(description="what was asked")
    layer: int = Field(description="layer that gets the vector")
    emotions: list[str] = Field(description="the emotions")
    samples: int = Field(description="answers of each vector")
    most_tokens: Count = Field(description="tokens of an answer, at most")
    temperature: Number = Field(description="of sampling")
    top_p: Number = Field(description="of sampling")
    topics: Count = Field(description="topics of the stories")
    special_words: list[Count] = Field(description="how many words are special to each emotion")
    topic_words: Count = Field(description="words of the topics")
    ceiling: Share = Field(description="share of special words in the stories themselves: a retelling")
    strengths: list[Answered] = Field(description="one for each strength")
