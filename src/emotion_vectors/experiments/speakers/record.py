"""Directions of the present and of the other speaker's emotion, as the record keeps them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, ExperimentPart, Interval, Part, Share

Whose = Literal["present", "other"]
MODEL, WORDS = "model", "words alone"


class Side(Part):
    """One set of directions."""

    tokens: str = Field(description="whose tokens were read; `story` for the run's own vectors")
    emotion: Whose | None = Field(description="whose emotion: the present speaker's or the other's; null for the story")


class Alike(Part):
    """How alike two sets of directions are: the mean over emotions of the cosine of the same emotion's directions."""

    first: Side = Field(description="one set")
    second: Side = Field(description="the other; the same one for its reliability by halves")
    value: Correlation = Field(description="mean cosine; the sets come from topics that they don't share")
    interval: Interval = Field(description="95 % interval, a topic left out at a time")
    shuffled: Correlation = Field(description="mean with the owners of each dialogue's two emotions assigned at random")
    shuffled_p: Share = Field(description="two-sided p value against that")
    dealt: Correlation = Field(description="mean with the emotions shuffled over the dialogues of a topic")
    dealt_p: Share = Field(description="one-sided p value against that")
    by_emotion: dict[str, Correlation] = Field(
        default={}, description="the cosine by emotion; empty for stories, and in older records"
    )
    relative: float | None = Field(
        description="value divided by the square root of the two sets' reliabilities, which can exceed 1; null where one of them is not beyond chance"
    )


class Framing(Part):
    """The dialogues under one pair of names."""

    names: list[str] = Field(description="the two speakers")
    read_as: Literal["chat", "plain"] = Field(
        description="rendered by the chat template, or as plain text with the names"
    )
    model: list[Alike] = Field(description="directions of the model's activations")


class Dropped(Part):
    """Dialogues that were left out."""

    reason: str = Field(description="why")
    dialogues: Count = Field(description="how many")


class Speakers(ExperimentPart):
    """Four sets of directions, token owner x emotion owner, from dialogues."""

    key = "speakers"

    source: str = Field(description="name of the dialogues' file")
    sha256: str = Field(description="SHA-256 of it")
    layer: int = Field(description="analysis layer")
    dialogues: Count = Field(description="dialogues that were read")
    dropped: list[Dropped] = Field(description="those left out, by reason")
    topics: Count = Field(description="topics of them")
    groups: Count = Field(description="groups of topics that are left out one at a time and split into halves")
    emotions: list[str] = Field(description="emotions of the speakers")
    in_run: Count = Field(description="how many of them the run has vectors of")
    draws: Count = Field(description="draws of each null")
    framings: list[Framing] = Field(description="one for each pair of names")
    words: list[Alike] = Field(description="the same for TF-IDF of the same turns, whatever the names")
