"""The four answers of the first screen: each follows from its criteria's verdicts, and from nothing else."""

from __future__ import annotations

from itertools import product

import pytest

from emotion_vectors.record.criterion import VERDICTS
from report.asking import CARDS, CRITERIA, answers
from report.reading import Page
from report.record import build
from report.reports import Written


def test_every_criterion_belongs_to_one_question() -> None:
    named = [name for card in CARDS for name in (card.id,) if card.question]
    assert named == list(CRITERIA) == [f"V{i}" for i in range(1, 12)] and len({card.question for card in CARDS}) == 4


@pytest.mark.parametrize("verdicts", list(product(VERDICTS, repeat=2)))
def test_a_yes_needs_every_criterion_and_a_no_too(verdicts: tuple[str, str]) -> None:
    record = build("toy")
    record["criteria"]["V10"]["verdict"], record["criteria"]["V11"]["verdict"] = verdicts
    found = answers(record)[3]
    expected = {
        ("pass", "pass"): ("Yes", "pass"),
        ("fail", "fail"): ("No", "fail"),
        ("fail", "inconclusive"): ("Not shown", "inconclusive"),
        ("inconclusive", "fail"): ("Not shown", "inconclusive"),
        ("inconclusive", "inconclusive"): ("Not shown", "inconclusive"),
        ("not asked", "not asked"): ("Not asked", "not-asked"),
    }
    for other in ("fail", "inconclusive"):
        expected |= dict.fromkeys([(other, "not asked"), ("not asked", other)], ("Not shown", "inconclusive"))
    assert (found.word, found.kind) == expected.get(verdicts, ("In part", "inconclusive"))
    for name, verdict in zip(("V10", "V11"), verdicts, strict=True):
        assert f"{name} {verdict}" in found.because or f"V10, V11 {verdict}" in found.because


def test_the_answers_come_before_everything_else(full: Written) -> None:
    text = Page(full.page).text
    for found in answers(full.record):
        place = text.index(f"{found.question} {found.word} {found.because}")
        assert place < text.index("Verdicts") < text.index("Abstract") < text.index("Why each verdict")


def test_the_citation_can_be_copied(full: Written) -> None:
    text = Page(full.page).text
    assert "@software{emotion_vectors" in text and full.record["fingerprint"][:12] in text
    entries = text[text.index("@software") :]
    assert entries.count("{") == entries.count("}") > 8
