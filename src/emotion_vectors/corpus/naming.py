"""Find out whether a text names an emotion: the word, an inflection of it, or a listed synonym.

The rules are strict on purpose: a leaked word would be read back as the emotion, a dropped story only costs another
try. So the noun "content", the verb "to alert" and "kind of" count as naming. Words that only look alike don't: "made"
is not "mad", "hopeful" is not an inflection of "hope" (the packs list it as a synonym where it is one).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

# Everyday words that the rules below would make and that don't carry the feeling.
NOT_FORMS = frozenset({"kinds", "patients", "safes", "contents", "tire", "tires", "alertings", "lowly"})
VOWELS = frozenset("aeiou")


@cache
def forms(word: str) -> frozenset[str]:
    """All spellings that name `word` (lower case): itself, its inflections and its close derivations, by rule.

    Rules: -s -ed -ing (with y -> i, dropped e and doubled consonant), -er -est -ly -ness -ity -ment; adjectives in -ed
    also as the verb they come from (excited: excite, exciting, excitement, excitedly; frustrated: frustration), -nt as
    -nce (patient: patience), -le as -ly, -ic as -ically. Hyphenated words inflect their last part; phrases of several
    words only match as they are. Made-up results do no harm: nobody writes them.
    """
    word = word.lower().strip()
    if " " in word:
        return frozenset({word})
    head, hyphen, last = word.rpartition("-")
    made = {last} | _inflect(last) | _derive(last)
    if last.endswith("ed") and len(last) > 4:
        for root in _verbs(last):
            made |= {root, root + "ment"} | _inflect(root)
        made |= {last[:-2] + ending for ending in ("ion", "ance", "ment")}
    if last.endswith("ing") and len(last) > 5:
        for root in (last[:-3], last[:-3] + "e"):
            made |= {root} | _inflect(root)
    return frozenset(head + hyphen + form for form in made) - NOT_FORMS


def _inflect(word: str) -> set[str]:
    stem = word
    if word.endswith("y") and word[-2:-1] not in VOWELS:
        stem = word[:-1] + "i"
        return {stem + ending for ending in ("es", "ed", "er", "est", "ly", "ness")} | {word + "ing"}
    if word.endswith("e"):
        stem = word[:-1]
        return {stem + ending for ending in ("es", "ed", "er", "est", "ing")} | {word + "ly", word + "ness"}
    made = {word + ending for ending in ("s", "es", "ed", "er", "est", "ing", "ly", "ness")}
    if len(word) > 2 and word[-1] not in VOWELS | set("wxy") and word[-2] in VOWELS and word[-3] not in VOWELS:
        made |= {word + word[-1] + ending for ending in ("ed", "er", "est", "ing")}
    return made


def _derive(word: str) -> set[str]:
    made = {word + "ment"}
    if word.endswith("e"):
        made |= {word[:-1] + "ity", word[:-1] + "ion"}
    if word.endswith("ble"):
        made.add(word[:-3] + "bility")
    if word.endswith("le"):
        made.add(word[:-1] + "y")
    if word.endswith("nt"):
        made |= {word[:-1] + "ce", word[:-1] + "cy", word[:-1] + "ces"}
    if word.endswith("ic"):
        made |= {word + "ally", word + "ism"}
    if word.endswith("al"):
        made |= {word + "ity", word + "ism"}
    return made


def _verbs(participle: str) -> set[str]:
    """Possible infinitives of a word in -ed: worried, worry; excited, excite; annoyed, annoy; upped, up."""
    stem = participle[:-2]
    found = {stem, stem + "e"}
    if stem.endswith("i"):
        found.add(stem[:-1] + "y")
    if len(stem) > 3 and stem[-1] == stem[-2]:
        found.add(stem[:-1])
    return found


@cache
def naming_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds any form of any of `words` as whole words, in any case; hyphen and space are the same."""
    spellings = sorted({form for word in words for form in forms(word)}, key=lambda form: (-len(form), form))
    bodies = [r"[\s-]+".join(re.escape(part) for part in re.split(r"[\s-]+", form)) for form in spellings]
    # An apostrophe may follow (the angry's); a letter, digit or underscore on either side makes another word.
    return re.compile(rf"(?<!\w)(?:{'|'.join(bodies)})(?!\w)", re.IGNORECASE)


def named(text: str, emotion: str, synonyms: Iterable[str] = ()) -> str | None:
    """The first spelling in `text` that names `emotion` or one of its `synonyms`; None if there is none."""
    found = naming_pattern((emotion, *synonyms)).search(text)
    return found.group(0) if found else None
