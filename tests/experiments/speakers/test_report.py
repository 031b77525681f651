"""The page says what the record holds and refuses what it denies."""

import json

import numpy as np
import pytest

from emotion_vectors.experiments.speakers.report import TOPIC, alike_table, seen
from emotion_vectors.record import ContradictoryRecord, parse
from emotion_vectors.report.topic import parts_of
from emotion_vectors.topics import TOPICS
from experiments.speakers.worlds import run

EMOTIONS = [f"emotion {i}" for i in range(8)]


N, WIDTH, TOPICS_OF = len(EMOTIONS), 48, [f"topic {i}" for i in range(8)]


PRESENT, OTHER, WHOLE = np.random.default_rng(0).standard_normal((3, N, WIDTH))


def reported(part, toy_run):
    record = json.loads(json.dumps(toy_run[1]))
    if part is not None:
        record["experiments"]["speakers"] = part
    return parse(record, parts_of(TOPICS))


def test_the_page_says_what_the_record_holds_and_refuses_what_it_denies(toy_run):
    part = run().dump()
    record = reported(part, toy_run)
    TOPIC.contradictions(record)
    assert len(alike_table(record).rows) == 28 and "3 dialogues (names the emotion)" in seen(record)
    assert "All four sets agree with themselves" in seen(record)
    (shade,) = TOPIC.shades
    cell = next(one for one in part["framings"][0]["model"] if one["first"]["tokens"] == "Human" and one["first"]["emotion"] == one["second"]["emotion"] == "present" and one["second"]["tokens"] == "Assistant")  # fmt: skip
    assert shade.of(record) == cell["by_emotion"] and f" {cell['value']:.2f} (95" in shade.note(record)
    assert "Words alone: " in shade.note(record) and not shade.of(reported(None, toy_run))
    assert "No more than noise by their own halves" in seen(reported(run(owned=0).dump(), toy_run))
    for change, why in (
        (lambda cells: cells[1].update(relative=(cells[1]["relative"] or 0) + 0.01), "ratio"),
        (lambda cells: cells[0].update(value=-0.9), "outside its interval"),
        (lambda cells: cells.pop(), "pairs of sets"),
    ):
        wrong = json.loads(json.dumps(part))
        change(wrong["framings"][1]["model"])
        with pytest.raises(ContradictoryRecord, match=why):
            TOPIC.contradictions(reported(wrong, toy_run))
