"""What a record says of the run itself: model, stimuli, corpus, vectors, self-checks, timings."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, Number, Part, Rank, Share


class Engine(Part):
    """The engine that wrote the texts, as early versions recorded it."""

    name: str
    version: str | None = None


class Model(Part):
    """The model that was examined."""

    name: str = Field(description="last part of its source")
    source: str = Field(description="hub name, folder or file")
    architecture: str | None = Field(default=None, description="class of the model")
    sha256: str | None = Field(default=None, description="hash of all files that were read")
    revision: str | None = Field(default=None, description="commit on the hub")
    layers: int | None = Field(default=None, description="number of blocks")
    hidden_size: int | None = Field(default=None, description="width of the residual stream")
    parameters: int | None = Field(default=None, description="number of parameters")
    dtype: str | None = Field(default=None, description="precision of the weights")
    device: str | None = Field(default=None, description="where it ran")
    prompt_format: str | None = Field(default=None, description="chat or plain")
    opening: Any = Field(default=None, description="what is added to the template's text so that an answer begins")
    base_sha256: str | None = Field(
        default=None, description="of the files' weights, where an adapter or a quantisation makes others of them"
    )
    quantization: str | None = Field(default=None, description="how the weights are quantised")
    adapter: str | None = Field(default=None, description="the adapter's name")
    adapter_sha256: str | None = Field(default=None, description="hash of the adapter's files")
    writer: str | Engine | None = Field(default=None, description="engine and version that wrote the texts")
    readings_dtype: str | None = Field(default=None, description="precision in which the short prompts were read")


class Stimuli(Part):
    """The pack of stimuli."""

    pack: str = Field(description="its name")
    version: str | None = None
    source: str | None = Field(default=None, description="where it comes from")
    sha256: dict[str, str] = Field(default={}, description="hash of each list")
    equal_to_published: list[str] = Field(default=[], description="lists that equal the published ones")
    supplied_by_ours: list[str] = Field(
        default=[], description="lists that the pack lacks and the package's own pack gives"
    )


class Source(Part):
    """Where imported texts come from."""

    name: str
    version: int | str | None = None
    revision: str | None = None
    sha256: str


class Neutral(Part):
    """Neutral texts written or read, kept and dropped."""

    texts: Count | None = None
    kept: Count | None = None
    wanted: Count | None = None
    dropped: dict[str, Count] = {}
    tokens: Count | None = None
    short_cells: Count | None = None
    fewest_per_emotion: Count | None = None
    writer: str | None = None
    emotions: Count | None = None
    topics: Count | None = None
    source: Source | None = None


class Corpus(Part):
    """Stories written or read, kept and dropped."""

    stories: Count | None = Field(default=None, description="stories written or read")
    kept: Count | None = Field(default=None, description="stories that the vectors are made of")
    wanted: Count | None = None
    dropped: dict[str, Count] = Field(default={}, description="by reason")
    tokens: Count | None = Field(
        default=None, description="tokens that the writer generated for all stories, kept or not; 0 of imported texts"
    )
    short_cells: Count | None = Field(
        default=None, description="pairs of emotion and topic with fewer stories than wanted"
    )
    fewest_per_emotion: Count | None = None
    writer: str | None = None
    emotions: Count | None = None
    topics: Count | None = None
    source: Source | None = None
    neutral: Neutral | None = None


class Adopted(Part):
    """Vectors that a run tests and didn't make."""

    name: str
    sha256: str
    made_by: str
    kind: str
    layers: list[int]
    emotions: int
    left_out: list[str]


class StoriesPerEmotion(Part):
    """How many stories the emotions have."""

    min: Count
    median: Count
    max: Count


class EmotionReliability(Part):
    """How one emotion's directions from two halves of the topics agree."""

    emotion: str
    r: Correlation | None
    spearman_brown: Number | None


class ReliabilityNull(Part):
    """Halves of different emotions."""

    what: str
    mean: Correlation
    high: Correlation = Field(description="95 % point")


class Identification(Part):
    """Finding the right emotion of a story with topics held out."""

    top1: Count
    of: Count
    mean_rank: Rank
    chance_top1: Number
    chance_rank: Rank
    p: Share


class SplitHalf(Part):
    """Agreement of the vectors with themselves, over halves of the topics."""

    median: Correlation | None
    min: Correlation | None = None
    max: Correlation | None = None
    emotions: int | None = None
    spearman_brown_median: Number | None = None
    halvings: int | None = None
    rows: list[EmotionReliability] = []
    null: ReliabilityNull | None = None
    beyond_null: int | None = None
    p: Share | None = None
    identification: Identification | None = None


class Vectors(Part):
    """The emotion vectors at the analysis layer."""

    adopted: Adopted | None = None
    layer: int = Field(description="analysis layer")
    layers: int = Field(description="number of layers")
    vectors: str | None = Field(default=None, description="projected or raw")
    neutral_components: int | None = None
    neutral_variance: Share | None = None
    residual_norm: Number | None = None
    stories_per_emotion: StoriesPerEmotion | None = None
    split_half: SplitHalf | None = None
    caution: str | None = Field(default=None, description="the sentence about vectors that don't agree with themselves")


class Check(Part):
    """One self-check of the instrument."""

    title: str
    measured: Number | str
    limit: Number | str
    passed: bool
    kind: str = Field(description="stop or warn")
    detail: str


class Timing(Part):
    """How long a stage took; of the last session only where a run was resumed."""

    seconds: Number | None = None
    units: Number | None = None
    unit: str = ""
    rate: Number | None = None
