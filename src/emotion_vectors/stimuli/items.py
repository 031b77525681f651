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
        return filled(self.template, value)


@dataclass(frozen=True)
class TwinnedTemplate:
    """A numeric template with two sentences of the same frame, for the same values.

    `twin` puts the number to something that means nothing for the feeling. `severity` keeps the numbers and changes how
    grave or good the matter is; `severity_expected` says for every emotion of `NUMERIC_EMOTIONS` how its cosine there
    compares with the template's at equal numbers: "+" higher, "-" lower or "none", and `severity_reason` says why.
    """

    base: NumericTemplate
    twin: str
    severity: str
    severity_expected: dict[str, str]
    severity_reason: str

    def prompts(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The messages with every value in turn: of the template, of its twin and of the other severity."""
        template, twin, severity = (
            tuple(filled(text, value) for value in self.base.values)
            for text in (self.base.template, self.twin, self.severity)
        )
        return template, twin, severity


def filled(template: str, value: float) -> str:
    """`template` with `value` in place of {X}; whole numbers are written without a decimal point."""
    return template.replace("{X}", str(int(value)) if float(value).is_integer() else repr(float(value)))


@dataclass(frozen=True)
class Prompts:
    """The prompts, to be filled with `str.format`; unused names are harmless, so `n_stories` can always be given.

    story: {emotion}, {topic} and perhaps {n_stories}. neutral: {question} or {topic}, and perhaps {n_stories}.
    preference: {activity_a}, {activity_b}. preference_prefill: how the answer begins. feeling: {activity}.
    speaker_dialogue: {topic}, {person_emotion}, {ai_emotion} and perhaps {n_stories}; ours where a pack has none.
    """

    story: str
    neutral: str
    preference: str
    preference_prefill: str
    feeling: str
    speaker_dialogue: str

    @property
    def neutral_from_questions(self) -> bool:
        """Whether the neutral prompt asks one of the pack's questions; otherwise it works from the topics."""
        return any(name == "question" for _, name, _, _ in string.Formatter().parse(self.neutral))
