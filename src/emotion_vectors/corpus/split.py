"""Split an answer that holds several texts: prompts such as the published ones ask for more than one at a time."""

from __future__ import annotations

import re

TAGS = {
    "story": re.compile(
        r"^[ \t>*#_`]*(?:<+/?\s*NEW\s+STORY\s*>+|\[\s*story\s*\d+\s*\])[ \t:*#_`]*", re.IGNORECASE | re.MULTILINE
    ),
    "dialogue": re.compile(
        r"^[ \t>*#_`]*(?:<+/?\s*NEW\s+DIALOGUE\s*>+|\[\s*dialogue\s*\d+\s*\])[ \t:*#_`]*", re.IGNORECASE | re.MULTILINE
    ),
}
# What stands before the first tag counts as a text of its own only from this many words on: models often begin with
# "Here are three stories", and sometimes leave out the first tag.
MIN_LEADING_WORDS = 30


def split_texts(answer: str, kind: str) -> list[str]:
    """The texts between the tags of `kind` ("story": <NEW STORY> or [story 1]; "dialogue"), stripped, empty ones left out.

    An answer without a tag is one text. An empty answer gives an empty list.
    """
    pieces = [piece.strip() for piece in TAGS[kind].split(answer)]
    if len(pieces) > 1 and len(pieces[0].split()) < MIN_LEADING_WORDS:
        pieces = pieces[1:]
    return [piece for piece in pieces if piece]
