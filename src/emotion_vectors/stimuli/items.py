"""What a stimulus pack is made of: activities, scenarios, numeric templates, prompts. Plain data, no files."""

from __future__ import annotations

import string
from dataclasses import dataclass

CATEGORIES = ("Helpful", "Engaging", "Social", "Self-curiosity", "Neutral", "Aversive", "Misaligned", "Unsafe")
"""The eight kinds of activity, as in Table 9 of the paper."""

NUMERIC_EMOTIONS = ("afraid", "happy", "sad", "calm")
"""The emotions whose cosine is followed over the values of a numeric template (Figure 3 of the paper)."""

POSITIVE = "positive"
NEGATIVE = "negative"
SIGNS = ("+", "-", "none")
"""Expected change from the first to the last value: it rises, it falls, or nothing is claimed."""


@dataclass(frozen=True)
class Activity:
    """One thing that the model can be asked to prefer: a verb phrase and one of `CATEGORIES`."""

    text: str
    category: str


@dataclass(frozen=True)
class Scenario:
    """A user message that implies `emotion` without naming it."""

    name: str
    emotion: str
    prompt: str


@dataclass(frozen=True)
class NumericTemplate:
    """A user message with a number in it, the rising values of that number, and what each emotion should do.

    `expected` has every emotion of `NUMERIC_EMOTIONS`, each "+", "-" or "none"; `reasons` says why.
    """

    name: str
    template: str
    x_label: str
    values: tuple[float, ...]
    expected: dict[str, str]
    reasons: dict[str, str]

    def fill(self, value: float) -> str:
        """The message with `value` in place of {X}; whole numbers are written without a decimal point."""
        number = str(int(value)) if float(value).is_integer() else repr(float(value))
        return self.template.replace("{X}", number)


@dataclass(frozen=True)
class Prompts:
    """The prompts, to be filled with `str.format`; unused names are harmless, so `n_stories` can always be given.

    story: {emotion}, {topic} and perhaps {n_stories}. neutral: {question} or {topic}, and perhaps {n_stories}.
    preference: {activity_a}, {activity_b}. preference_prefill: how the answer begins. feeling: {activity}.
    """

    story: str
    neutral: str
    preference: str
    preference_prefill: str
    feeling: str

    @property
    def neutral_from_questions(self) -> bool:
        """Whether the neutral prompt asks one of the pack's questions; otherwise it works from the topics."""
        return any(name == "question" for _, name, _, _ in string.Formatter().parse(self.neutral))
