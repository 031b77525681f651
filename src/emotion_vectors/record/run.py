"""What a record says of the run itself: model, stimuli, corpus, vectors, self-checks, timings."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, Number, Part, Rank, Share


class Engine(Part):
    """The engine that wrote the texts, as early versions recorded it."""

    name: str = Field(description="its name")
    version: str | None = Field(default=None, description="its version")


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
        default=None, description="of the files' weights, where an adapter or a quantisation changes them"
    )
    quantization: str | None = Field(default=None, description="how the weights are quantised")
    adapter: str | None = Field(default=None, description="the adapter's name")
    adapter_sha256: str | None = Field(default=None, description="hash of the adapter's files")
    writer: str | Engine | None = Field(default=None, description="engine and version that wrote the texts")
    readings_dtype: str | None = Field(default=None, description="precision in which the short prompts were read")


class Stimuli(Part):
    """The pack of stimuli."""

    pack: str = Field(description="its name")
    version: str | None = Field(default=None, description="its version")
    source: str | None = Field(default=None, description="where it comes from")
    sha256: dict[str, str] = Field(default={}, description="hash of each list")
    equal_to_published: list[str] = Field(default=[], description="lists that equal the published ones")
    supplied_by_ours: list[str] = Field(
        default=[], description="lists that the pack lacks and the package's own pack gives"
    )


class Source(Part):
    """Where imported texts come from."""

    name: str = Field(description="file, folder or data set")
    version: int | str | None = Field(default=None, description="of texts that come with the package")
    revision: str | None = Field(default=None, description="commit on the hub")
    sha256: str = Field(description="hash of the texts")


class Neutral(Part):
    """Neutral texts written or read, kept and dropped."""

    texts: Count | None = Field(default=None, description="texts written or read")
    kept: Count | None = Field(default=None, description="texts that the vectors are cleaned with")
    wanted: Count | None = Field(default=None, description="texts asked for")
    dropped: dict[str, Count] = Field(default={}, description="by reason")
    tokens: Count | None = Field(default=None, description="tokens that the writer generated; 0 of imported texts")
    short_cells: Count | None = Field(default=None, description="topics with fewer texts than wanted")
    fewest_per_emotion: Count | None = Field(default=None, description="fewest kept texts of any group")
    writer: str | None = Field(default=None, description="engine and version that wrote them")
    emotions: Count | None = Field(default=None, description="emotions of the texts, where they are about any")
    topics: Count | None = Field(default=None, description="topics that they are about")
    source: Source | None = Field(default=None, description="where imported texts come from")


class Corpus(Part):
    """Stories written or read, kept and dropped."""

    stories: Count | None = Field(default=None, description="stories written or read")
    kept: Count | None = Field(default=None, description="stories that the vectors are made from")
    wanted: Count | None = Field(default=None, description="stories asked for")
    dropped: dict[str, Count] = Field(default={}, description="by reason")
    tokens: Count | None = Field(
        default=None, description="tokens that the writer generated for all stories, kept or not; 0 of imported texts"
    )
    short_cells: Count | None = Field(
        default=None, description="pairs of emotion and topic with fewer stories than wanted"
    )
    fewest_per_emotion: Count | None = Field(default=None, description="kept stories of the emotion with the fewest")
    writer: str | None = Field(default=None, description="engine and version that wrote them")
    emotions: Count | None = Field(default=None, description="emotions of imported stories")
    topics: Count | None = Field(default=None, description="topics of imported stories")
    source: Source | None = Field(default=None, description="where imported stories come from")
    neutral: Neutral | None = Field(default=None, description="the neutral texts")


class Adopted(Part):
    """Vectors that a run tests and didn't make."""

    name: str = Field(description="their file")
    sha256: str = Field(description="hash of the file")
    made_by: str = Field(description="tool that made them")
    kind: str = Field(description="projected or raw")
    layers: list[int] = Field(description="layers that have vectors")
    emotions: int = Field(description="vectors that the run tests")
    left_out: list[str] = Field(description="vectors whose names the pack lacks")


class StoriesPerEmotion(Part):
    """How many stories the emotions have."""

    min: Count = Field(description="fewest")
    median: Count = Field(description="median")
    max: Count = Field(description="most")


class EmotionReliability(Part):
    """How one emotion's directions from two halves of the topics agree."""

    emotion: str = Field(description="the emotion")
    r: Correlation | None = Field(description="Pearson r of the directions from the even and the odd topics")
    spearman_brown: Number | None = Field(description="mean r over random halvings, corrected to the full length")


class ReliabilityNull(Part):
    """Halves of different emotions."""

    what: str = Field(description="what chance is")
    mean: Correlation = Field(description="mean r")
    high: Correlation = Field(description="95th percentile")


class Identification(Part):
    """Finding an emotion's other half among those of all emotions."""

    top1: Count = Field(description="emotions whose nearest direction in the other half is their own")
    of: Count = Field(description="emotions")
    mean_rank: Rank = Field(description="mean rank of an emotion's own other half")
    chance_top1: Number = Field(description="the same count by chance")
    chance_rank: Rank = Field(description="mean rank by chance")
    p: Share = Field(description="p value of the count")


class SplitHalf(Part):
    """Agreement of the vectors with themselves, over halves of the topics."""

    median: Correlation | None = Field(description="median r over the emotions")
    min: Correlation | None = Field(default=None, description="lowest r")
    max: Correlation | None = Field(default=None, description="highest r")
    emotions: int | None = Field(default=None, description="emotions with stories in both halves")
    spearman_brown_median: Number | None = Field(
        default=None, description="median over the emotions of r corrected to the full length"
    )
    halvings: int | None = Field(default=None, description="random halvings")
    rows: list[EmotionReliability] = Field(default=[], description="one for each emotion")
    null: ReliabilityNull | None = Field(default=None, description="what chance gives")
    beyond_null: int | None = Field(default=None, description="emotions whose r is above the 95th percentile of chance")
    p: Share | None = Field(default=None, description="p value of the median")
    identification: Identification | None = Field(default=None, description="finding the other half of an emotion")


class Vectors(Part):
    """The emotion vectors at the analysis layer."""

    adopted: Adopted | None = Field(default=None, description="vectors from elsewhere, if the run tests such vectors")
    layer: int = Field(description="analysis layer")
    layers: int = Field(description="number of layers")
    vectors: str | None = Field(default=None, description="projected or raw")
    neutral_components: int | None = Field(
        default=None, description="principal components of the neutral texts that are projected out"
    )
    neutral_variance: Share | None = Field(default=None, description="share of the neutral variance that they explain")
    residual_norm: Number | None = Field(default=None, description="mean norm of the residual stream at the layer")
    stories_per_emotion: StoriesPerEmotion | None = Field(default=None, description="stories behind a vector")
    split_half: SplitHalf | None = Field(
        default=None, description="agreement of the two halves; null with too few topics"
    )
    caution: str | None = Field(default=None, description="the sentence about vectors that don't agree with themselves")


class Check(Part):
    """One self-check of the instrument."""

    title: str = Field(description="what is checked")
    measured: Number | str = Field(description="what was measured")
    limit: Number | str = Field(description="what is allowed")
    passed: bool = Field(description="whether it is within the limit")
    kind: str = Field(description="stop or warn")
    detail: str = Field(description="what it found, as a sentence")


class Timing(Part):
    """How long a stage took; of the last session only where a run was resumed."""

    seconds: Number | None = Field(default=None, description="seconds")
    units: Number | None = Field(default=None, description="pieces of work done")
    unit: str = Field(default="", description="what a piece is")
    rate: Number | None = Field(default=None, description="pieces a second")
