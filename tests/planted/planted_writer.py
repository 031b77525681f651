"""The writer of the planted world: reads the emotion out of the prompt's tokens and strings invented words together.

Sampling from the planted model itself would give noise. A story mixes 75 % words of its emotion with filler, a
neutral text is all filler. Same seed, same text; different seeds share no sentence.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator, Sequence

from emotion_vectors.lm.writers.base import Request, Sampling, Written
from planted.planted_model import Planted

STORY_SHARE = 0.75  # of a story's words that belong to its emotion
OPENINGS = ("The", "Then", "Later", "There")
LINKS = ("the", "and", "was", "in", "near", "of")


class PlantedWriter:
    """Implements the writer protocol; ValueError for a prompt that is neither a story's nor a neutral one."""

    name = "planted"

    def __init__(
        self, planted: Planted, story_prompt: str, neutral_prompt: str, words: tuple[int, int] = (75, 110)
    ) -> None:
        """`story_prompt`, `neutral_prompt`: the pack's templates; `words`: shortest and longest text."""
        self.planted = planted
        self.words = words
        self._story = template_pattern(story_prompt)
        self._neutral = template_pattern(neutral_prompt)

    def write(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Written]:
        """One text per request, in order, cut off at `sampling.max_new_tokens`."""
        for request in requests:
            emotion = self._emotion_of(str(self.planted.tokenizer.decode(list(request.prompt_ids))))
            draw = random.Random(f"{emotion}|{request.key}|{request.seed}")
            ids = self.planted.tokenizer(self._compose(emotion, draw), add_special_tokens=False)["input_ids"]
            kept = ids[: sampling.max_new_tokens]
            text = str(self.planted.tokenizer.decode(kept))
            yield Written(key=request.key, text=text, tokens=len(kept), finished=len(kept) == len(ids))

    def _emotion_of(self, prompt: str) -> str | None:
        """The emotion that a story prompt names; None for a neutral prompt."""
        if found := self._story.search(prompt):
            return found["emotion"]
        if self._neutral.search(prompt):
            return None
        raise ValueError(f"neither a story prompt nor a neutral one: {prompt[:80]!r}")

    def _compose(self, emotion: str | None, draw: random.Random) -> str:
        left = draw.randint(*self.words)
        sentences = []
        while left > 0:
            length = min(draw.randint(7, 12), left)
            sentences.append(" ".join([draw.choice(OPENINGS), *(self._word(emotion, draw) for _ in range(length - 1))]))
            left -= length
        return ". ".join(sentences) + "."

    def _word(self, emotion: str | None, draw: random.Random) -> str:
        if emotion is not None and draw.random() < STORY_SHARE:
            return draw.choice(self.planted.story_words[emotion])
        return draw.choice(LINKS if draw.random() < 0.2 else self.planted.filler)


def template_pattern(template: str) -> re.Pattern[str]:
    """A pattern that finds the filled `template` in a text and names its fields; a repeated field must repeat."""
    pattern, seen = "", set()
    for literal, name, _, _ in string.Formatter().parse(template.strip()):
        pattern += re.escape(literal)
        if name in seen:
            pattern += f"(?P={name})"
        elif name is not None:
            seen.add(name)
            pattern += f"(?P<{name}>.+?)"
    return re.compile(pattern if not template.rstrip().endswith("}") else pattern + r"(?=\s*(?:<|\n|$))", re.DOTALL)
