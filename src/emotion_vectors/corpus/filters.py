"""Clean written texts and say why one is dropped. Pure functions: text in, text or reason out.

`clean` takes away what surrounds a text (a leading "Sure! Here is a story", a title, a closing comment, a following
turn, an unfinished last sentence); `story_fault` and `neutral_fault` then give the first reason that applies, or "".
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from emotion_vectors.corpus.duplicates import DuplicateIndex, words_of
from emotion_vectors.corpus.naming import named, naming_pattern

EMPTY = "empty"
BOILERPLATE = "refusal or boilerplate"
ECHO = "repeats the prompt"
NOT_PROSE = "no story"
TOO_SHORT = "too short"
TOO_LONG = "longer than the model's context"
LOOP = "repeats itself"
NAMES = "names the emotion"
NAMES_ANY = "names an emotion"
DUPLICATE = "near-duplicate"
# Not a fault: a text that was written at the same time as another try, which is the one that is kept.
SPARE = "not needed"

# A text whose distinct share of four-word runs is below this goes in circles. Stories that SmolLM2 writes in full
# precision have 0.97 on average; its loops are below 0.7.
MIN_DISTINCT_FOURGRAMS = 0.75
# No English word is this long: longer ones are loops of characters.
MAX_WORD_CHARACTERS = 30
# A run of this many words from the instruction itself means that the prompt was copied.
ECHO_WORDS = 6

LEADING = re.compile(
    r"\A\s*(?:(?:sure|certainly|of course|absolutely|okay|ok|great|yes)\b[^\n]{0,120}?[!.:,]\s*)?"
    r"(?:(?:here(?:'s|’s| is| are)|below is)\b[^\n:]{0,120}\b(?:story|stories|paragraph|narrative|version|text|answer|"
    r"example|explanation)\b[^\n:]{0,240}:|title:[^\n]*|\*{0,2}(?:short )?story(?: \d+)?\*{0,2}:)\s*"
    r"|\A\s*(?:sure|certainly|of course|absolutely|okay|ok)\s*[!.:,][^\n]*\n\s*"
    r"|\A\s*(?:sure|certainly|of course|absolutely)!\s*"
    r"|\A\s*#+ [^\n]*\n\s*|\A\s*\*\*[^*\n]{1,80}\*\*\s*\n\s*",
    re.IGNORECASE,
)
TITLE = re.compile(r"\A[^\n.!?\"“”:,;]{2,80}\n\s*\n\s*")
TURN = re.compile(r"(?:^|\n)\s*(?:Human|User|Assistant|System)\s*:|<\|[a-z_]+\|>|<(?:start|end)_of_turn>")
COMMENT = re.compile(
    r"\n\s*(?:\*{0,2}(?:note|word count|moral|explanation|analysis|summary)\b|\(\s*(?:word count|\d+ words)|"
    r"(?:in )?(?:this|the) (?:short )?(?:story|paragraph|passage|narrative)\b|"
    r"this is an? (?:[\w-]+ ){0,3}story\b|i hope (?:this|you)|let me know|feel free to)",
    re.IGNORECASE,
)
# What a small model adds behind its last sentence: a remark on the task in brackets, or a label with a few words ("Feel: bright smile").
AFTERWORD = re.compile(
    r"(?<=[.!?…\"'”’])\s+(?:[(\[][^()\[\]]{0,60}\b(?:sentences?|paragraphs?|story|stories|words?|the end|emotions?|feelings?)\b[^()\[\]]{0,60}[)\]]\.?"
    r"|[A-Z][a-z]+: [^.!?\n:]{1,80})\s*\Z",
)
REFUSAL = re.compile(
    r"\bas an? (?:AI|artificial intelligence|language model)\b|\bI(?:'m| am) (?:just )?an? (?:AI|language model)\b|"
    r"\A\s*(?:I(?:'m| am) sorry,? (?:but )?(?:I|as)|I (?:cannot|can't|can’t|won't|am unable to|am not able to)|"
    r"unfortunately,? I (?:cannot|can't))\b.{0,80}?\b(?:write|create|help|assist|provide|fulfil|generate|comply|do that|story)",
    re.IGNORECASE | re.DOTALL,
)
ABOUT_STORY = re.compile(
    r"\b(?:main character|protagonist|the narrator|the reader|word count|this (?:short )?story|the story (?:is|follows|begins|"
    r"starts|ends|takes|shows|revolves|highlights|explores)|the narrative)\b",
    re.IGNORECASE,
)
PARAGRAPH = re.compile(r"\n\s*\n")
LIST_LINE = re.compile(r"^\s*(?:[-*•]\s|\d{1,2}[.)]\s|#{1,4}\s|\|)", re.MULTILINE)
SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]*]*(?=\s|\Z)")


class Cleaned(NamedTuple):
    """A cleaned text, whether boilerplate was removed, and whether an unfinished last sentence was."""

    text: str
    stripped: bool
    cut: bool


def clean(text: str, finished: bool = True, turns: bool = True, story: bool = False) -> Cleaned:
    """Take off what surrounds a text; white space at the ends goes too.

    finished: False where the token limit ended the text, which is then cut after its last whole sentence (left whole if
    it has none). turns: cut where a next speaker begins (off for dialogues). story: cut before a later paragraph that
    talks about the story instead of telling it.
    """
    body = original = text.replace("\r\n", "\n").strip()
    if turns and (turn := TURN.search(body)):
        body, finished = body[: turn.start()].rstrip(), True
    bare = LEADING.sub("", body, count=1)
    bare = TITLE.sub("", bare, count=1)
    comment = COMMENT.search(bare)
    if comment:
        bare, finished = bare[: comment.start()].rstrip(), True
    told = _told(AFTERWORD.sub("", bare)) if story else bare
    if told != bare:
        bare, finished = told, True
    stripped = bare.strip() != original
    bare = bare.strip()
    if finished:
        return Cleaned(bare, stripped, False)
    whole = cut_at_sentence(bare)
    return Cleaned(whole, stripped, whole != bare)


def _told(text: str) -> str:
    """`text` up to the first paragraph, the opening one apart, that talks about the story."""
    breaks = list(PARAGRAPH.finditer(text))
    ends = [*(one.start() for one in breaks[1:]), len(text)]
    for place, end in zip(breaks, ends, strict=False):
        if ABOUT_STORY.search(text, place.end(), end):
            return text[: place.start()].rstrip()
    return text


def cut_at_sentence(text: str) -> str:
    """`text` up to the end of its last whole sentence; unchanged if there is none."""
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else text


def distinct_fourgrams(text: str) -> float:
    """Share of different runs of four words among all of them, in (0, 1]; 1 for fewer than four words."""
    words = words_of(text)
    runs = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return len(set(runs)) / len(runs) if runs else 1.0


def is_degenerate(text: str) -> bool:
    """Whether a text goes in circles: few distinct four-word runs, or a 'word' longer than any."""
    longest = max((len(word) for word in words_of(text)), default=0)
    return longest > MAX_WORD_CHARACTERS or distinct_fourgrams(text) < MIN_DISTINCT_FOURGRAMS


@cache
def _instruction_runs(template: str) -> frozenset[tuple[str, ...]]:
    literals = [literal for literal, *_ in string.Formatter().parse(template)]
    runs = set()
    for literal in literals:
        words = words_of(literal)
        runs |= {tuple(words[i : i + ECHO_WORDS]) for i in range(len(words) - ECHO_WORDS + 1)}
    return frozenset(runs)


def echoes(text: str, template: str) -> bool:
    """Whether `text` holds six consecutive words of the prompt template's own wording (its fields don't count)."""
    words = words_of(text)
    runs = _instruction_runs(template)
    return any(tuple(words[i : i + ECHO_WORDS]) in runs for i in range(len(words) - ECHO_WORDS + 1))


def story_fault(
    text: str, tokens: int, template: str, emotion: str, synonyms: Sequence[str], min_words: int, min_tokens: int
) -> str:
    """Why the cleaned story `text` of `tokens` tokens is dropped, or "" if it can stay (near-duplicates apart)."""
    return common_fault(text, template) or (
        NOT_PROSE if ABOUT_STORY.search(text) or len(LIST_LINE.findall(text)) >= 2
        else TOO_SHORT if len(text.split()) < min_words or tokens < min_tokens
        else LOOP if is_degenerate(text)
        else NAMES if named(text, emotion, synonyms)
        else ""
    )  # fmt: skip


def neutral_fault(
    text: str, tokens: int, template: str, emotions: tuple[str, ...], min_words: int, min_tokens: int
) -> str:
    """Why the neutral answer `text` is dropped, or ""; `tokens` counts the dialogue that it is part of."""
    return common_fault(text, template) or (
        TOO_SHORT if len(text.split()) < min_words or tokens < min_tokens
        else LOOP if is_degenerate(text)
        else NAMES_ANY if naming_pattern(emotions).search(text)
        else ""
    )  # fmt: skip


def admit(fault: str, text: str, tokens: int, most: float, index: DuplicateIndex) -> str:
    """`fault`, or that a text has more than `most` tokens, or is near one in `index`; "" where nothing is wrong, and it joins `index`."""
    fault = fault or (TOO_LONG if tokens > most else "")
    if not fault and index.find(text) is not None:
        fault = DUPLICATE
    if not fault:
        index.add(text)
    return fault


def common_fault(text: str, template: str) -> str:
    """What is wrong with a text of any kind: it is empty, a refusal, or the prompt once more; "" for nothing."""
    if not text:
        return EMPTY
    if REFUSAL.search(text):
        return BOILERPLATE
    return ECHO if echoes(text, template) else ""
