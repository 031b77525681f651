"""The four questions that the criteria answer together, for the first screen of the page.

A question's answer is a function of its criteria's verdicts alone: yes if all pass, no if all fail, in part if some pass,
not asked if none was asked, else not shown. So it can't say more than the verdicts below it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from emotion_vectors.report.checks import CRITERIA, NOT_ASKED, VERDICTS
from emotion_vectors.report.wording import ranges

Record = dict[str, Any]

QUESTIONS = {
    "Do the vectors carry the emotions' words?": ("V1", "V2"),
    "Can emotions be read from a text?": ("V3", "V4", "V5", "V6"),
    "Do they go with what the model prefers?": ("V7", "V8", "V9"),
    "Do they drive what it prefers?": ("V10", "V11"),
}


class Answer(NamedTuple):
    """A question with its answer: `kind` is the verdict whose colour fits, `because` names each criterion's verdict."""

    question: str
    word: str
    kind: str
    because: str


def answers(record: Record) -> list[Answer]:
    """One answer for each of the four questions, in their order."""
    return [_answer(record["criteria"], question, names) for question, names in QUESTIONS.items()]


def _answer(criteria: Record, question: str, names: tuple[str, ...]) -> Answer:
    verdicts = [criteria[name]["verdict"] for name in names]
    passed = verdicts.count("pass")
    if passed == len(names):
        word, kind = "Yes", "pass"
    elif verdicts.count("fail") == len(names):
        word, kind = "No", "fail"
    elif passed:
        word, kind = "In part", "inconclusive"
    elif verdicts.count(NOT_ASKED) == len(names):
        word, kind = "Not asked", "not-asked"
    else:
        word, kind = "Not shown", "inconclusive"
    stated = {verdict: [name for name in names if criteria[name]["verdict"] == verdict] for verdict in VERDICTS}
    because = "; ".join(f"{ranges(found, CRITERIA)} {verdict}" for verdict, found in stated.items() if found)
    return Answer(question, word, kind, because)
