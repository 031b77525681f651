"""The record of natural text, summary.json: what was read, the words in the passages, and the agreement with a lexicon."""

from __future__ import annotations

from pydantic import Field

from emotion_vectors.record.base import Correlation, Count, Interval, Part, Share
from emotion_vectors.store.schema import JsonObject

SCHEMA = 1


class Rate(Part):
    """How often something is so."""

    share: Share = Field(description="share of the passages")
    interval: Interval = Field(description="its 95 % interval")
    of: Count = Field(description="number of passages")


class EmotionWords(Part):
    """One emotion's passages and the words in them."""

    emotion: str = Field(description="the emotion")
    reliability: Correlation | None = Field(
        description="how far its direction agrees with itself; null where not measured"
    )
    own: Count = Field(description="strongest passages with a form of its own word")
    synonym: Count = Field(description="strongest passages with a synonym")
    either: Rate = Field(description="strongest passages with one of both")
    chance: Rate = Field(description="random passages of the same texts with one of both")
    without: Count = Field(description="passages kept that the model read without any of these words")
    highest: float = Field(description="strength of the strongest passage")
    highest_without: float | None = Field(
        description="strength of the strongest one without these words; null for none"
    )


class Everything(Part):
    """The words in the passages of all emotions together."""

    strongest: Rate = Field(
        description="strongest passages with their emotion's word or a synonym; interval over emotions"
    )
    chance: Rate = Field(description="the same of random passages, mean over emotions; interval over passages")


class EmotionAgreement(Part):
    """One emotion and the lexicon, over the held-out texts."""

    emotion: str = Field(description="the emotion")
    r: Correlation = Field(description="Spearman's r of its mean cosine and the lexicon's valence")
    interval: Interval = Field(description="its 95 % interval over texts")


class AxisAgreement(Part):
    """Positive minus negative emotions, and the lexicon, over texts."""

    texts: Count = Field(description="number of texts")
    r: Correlation = Field(description="Spearman's r of the mean cosines' difference and the lexicon's valence")
    interval: Interval = Field(description="its 95 % interval over texts")
    shuffled: Share = Field(description="95th percentile of |r| with the texts' valences shuffled")
    p: Share = Field(description="p value against texts shuffled, two-sided")
    random: Share = Field(description="95th percentile of |r| over random directions")
    p_random: Share = Field(description="p value against random directions, two-sided")


class Chosen(Part):
    """The emotion that agrees best on one half of the texts, on the other half."""

    emotion: str = Field(description="the emotion with the largest |r| on the choosing half")
    choosing: Correlation = Field(description="its r there, which is too large because it was chosen by it")
    held_out: Correlation = Field(description="its r on the held-out half")
    interval: Interval = Field(description="95 % interval of that, over texts")


class Agreement(Part):
    """How far activations agree with a lexicon on texts that chose nothing."""

    lexicon: str = Field(description="name of the lexicon")
    source: str = Field(description="where it is from")
    words: Count = Field(description="number of its words")
    per_text: float = Field(description="median number of words of a text that are in it, of the texts that have one")
    choosing: Count = Field(description="texts of the half that chooses an emotion")
    held_out: Count = Field(description="texts of the other half, with which everything else is measured")
    directions: Count = Field(description="number of random directions")
    axis: AxisAgreement | None = Field(description="positive minus negative emotions; null without valence labels")
    without: AxisAgreement | None = Field(
        description="the same over the texts with none of the emotions' words or synonyms; null for too few"
    )
    chosen: Chosen = Field(description="the emotion that agrees best on the choosing half")
    emotions: list[EmotionAgreement] = Field(description="every emotion on the held-out half")


class Read(Part):
    """What was read."""

    texts: Count = Field(description="texts in the files")
    bad: Count = Field(description="damaged lines left out")
    problems: Count = Field(description="texts that the model could not read")
    in_sample: Count = Field(description="texts that the vectors were made from, left out")
    repeated: Count = Field(description="texts whose words are those of another one; each counts once")
    stretches: Count = Field(description="parts of texts that were read at once")
    tokens: Count = Field(description="tokens that count")


class Summary(Part):
    """The whole record."""

    schema_: int = Field(alias="schema", description="form of this record")
    identity: JsonObject = Field(description="settings, and hashes of files, vectors, model, lexicon and synonyms")
    read: Read = Field(description="what was read")
    caution: str = Field(description="the sentence about vectors that don't agree with themselves, or nothing")
    neutral_texts: Count = Field(description="neutral texts that percentiles are among; 0 for none")
    words: Everything = Field(description="the words in the passages")
    emotions: list[EmotionWords] = Field(description="each emotion")
    agreement: Agreement | None = Field(description="agreement with the lexicon; null where there is none")
    agreement_reason: str = Field(description="why there is none, or nothing")
    sha256: str = Field(description="hash of passages.parquet")
