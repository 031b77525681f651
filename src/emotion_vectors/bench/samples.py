"""What a benchmark works on: seeded texts, pairs of activities and story requests, as a run of the default size has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from emotion_vectors.corpus.stories import plan_round
from emotion_vectors.corpus.writing import sampling_of
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.prompts import chat_prompt, story_prompt
from emotion_vectors.lm.writers.base import Request, Sampling
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime, Settings
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.vectors.passes import Text

One = TypeVar("One")


class Sizes(NamedTuple):
    """How much is timed. It changes how steady the rates are, and how much the fast paths can share."""

    stories: int
    choosing: int  # activities of the unsteered preferences: all ordered pairs of them are asked
    steering: int  # activities under steering: each meets the partners that the settings name
    vectors: int
    plain_prompts: int  # prompts that the plain loops are timed on, in blocks of one batch
    requests: int
    new_tokens: int
    generate_batches: tuple[int, ...]
    rounds: int = 3


QUICK = Sizes(16, 10, 8, 4, 24, 16, 24, (4, 8, 16))
FULL = Sizes(48, 32, 24, 8, 64, 128, 100, (8, 32, 64, 128))
ON_GPU = Sizes(512, 64, 64, 32, 256, 512, 200, (32, 128, 512))


@dataclass(frozen=True)
class Case:
    """One model with the stimuli, settings and amounts that it is timed on."""

    lm: LanguageModel
    pack: Pack
    settings: Settings
    runtime: Runtime
    sizes: Sizes
    reporter: Reporter

    @property
    def layer(self) -> int:
        """The layer that is steered."""
        return self.lm.default_layer if self.settings.layer is None else self.settings.layer


# Deciles of the lengths in tokens of 48 kept stories, 4 topics x 12 emotions, that the embedded model wrote with the usual
# settings, November 2026: 60 % end by themselves, the others at `story_tokens` = 220, less what is cut after the last sentence.
STORY_DECILES = (71, 87, 113, 115, 125, 144, 200, 209, 212, 215, 219)
STORY_LIMIT = 220


def texts(case: Case, count: int) -> list[Text]:
    """`count` texts with the range that is averaged, as long as stories are; see `each_text`."""
    return list(each_text(case, count))


def each_text(case: Case, count: int) -> Iterator[Text]:
    """`count` texts, one after the other, in no order of length, with the range that is averaged.

    The words are sentences of the pack, shuffled: what they say changes no speed, how long they are does.
    """
    settings, lengths = case.settings, story_lengths(case.settings, count)
    for text, length in zip(story_texts(case.pack, count, settings.seed), lengths, strict=True):
        prompt = story_prompt(case.lm, text, chat=False)
        first, last = prompt.spans["story"]
        last = min(last, first + length)
        yield prompt.ids[:last], (first + settings.first_token, last)


def story_lengths(settings: Settings, count: int) -> list[int]:
    """`count` lengths in tokens, distributed as those of real stories and shuffled, scaled to the settings' `story_tokens`."""
    shortest = max(settings.min_tokens, settings.first_token + 1)
    shares = (np.random.default_rng(settings.seed).permutation(count) + 0.5) / count
    lengths = np.interp(shares, np.linspace(0, 1, len(STORY_DECILES)), STORY_DECILES)
    scaled = lengths * settings.story_tokens / STORY_LIMIT
    return [max(shortest, round(float(length))) for length in scaled]


def story_texts(pack: Pack, count: int, seed: int) -> Iterator[str]:
    """`count` long texts of shuffled sentences."""
    sentences = [*pack.topics, *(one.text for one in pack.activities), *(one.prompt for one in pack.scenarios)]
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield ". ".join(sentences[i] for i in generator.permutation(len(sentences))[:40]) + "."


def activities(pack: Pack, count: int) -> list[str]:
    """`count` activities, evenly spaced in the pack's list."""
    every = [activity.text for activity in pack.activities]
    return evenly(every, count)


def evenly(items: Sequence[One], count: int) -> list[One]:
    """`count` of `items` (or all), evenly spaced, in their order."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def in_blocks(items: Sequence[One], count: int, block: int) -> list[One]:
    """About `count` of `items` as evenly spaced runs of `block` neighbours, so that a plain batch looks like any other."""
    starts = evenly(range(0, max(1, len(items) - block + 1), block), max(1, count // block))
    return [item for start in starts for item in items[start : start + block]]


def requests(case: Case, count: int) -> list[Request]:
    """`count` story requests as the first round of a run plans them, over different emotions."""
    pack, topics = case.pack, case.pack.topics[: case.settings.topics]
    empty = {(emotion, topic): [0] for topic in topics for emotion in pack.emotions}
    asks = plan_round(pack.prompts.story, empty, [0], case.settings.seed)
    return [
        Request(ask.item.key, chat_prompt(case.lm, "{message}", {"message": ask.item.prompt}).ids, ask.item.seed)
        for ask in evenly(asks, count)
    ]


def sampling(case: Case, new_tokens: int) -> Sampling:
    """The settings' sampling with at most `new_tokens` tokens."""
    whole = sampling_of(case.settings)
    return Sampling(whole.temperature, whole.top_p, whole.repetition_penalty, new_tokens)
