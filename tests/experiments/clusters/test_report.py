"""What the page says of the clusters, and what it refuses."""

import re

import numpy as np
import pytest
from report.asking import typed
from report.record import build

from emotion_vectors.experiments.clusters import report
from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.report import published

PUBLISHED = {name: members[:6] for name, members in published.clusters().items() if len(members) >= 6}


EMOTIONS = [emotion for members in PUBLISHED.values() for emotion in members]


TRUE = np.repeat(np.arange(len(PUBLISHED)), 6)


WIDTH = 12


@pytest.fixture(scope="module")
def record(planted):
    made = build("toy")
    made["experiments"]["clusters"] = planted.dump()
    return made


@pytest.mark.slow
def test_the_page_says_what_is_above_the_words(record):
    said = report.seen(typed(record))
    assert "2 of 2 layers agree with layer 2 by more than that" in said
    table = report.agreement_table(typed(record))
    assert len(table.rows) == 2 and "more than the words (difference" in table.note
    members = report.members_table(typed(record))
    assert "Published in" in members.columns and all(  # every one with its number: one of two is not most
        sum(int(number) for number in re.findall(r"\((\d+)\)", row[2].text)) == int(row[1].text) for row in members.rows
    )
    assert sorted(", ".join(row[3].text for row in members.rows).split(", ")) == sorted(EMOTIONS)
    assert report.layer_chart(typed(record)).to_dict() and len(report.layer_rows(typed(record))) == 9 + 6


@pytest.mark.slow
def test_the_page_does_not_call_the_words_the_models(noise):
    made = build("toy")
    made["experiments"]["clusters"] = noise.dump()
    assert "0 of 2 layers agree with layer 2 by more than that" in report.seen(typed(made))
    assert "no more than the words, as far as is shown" in report.agreement_table(typed(made)).note


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("clusterings", 0, "labels", 0), 9, "are not in"),
        (("clusterings", 0, "published", "value"), 0.1, "adjusted Rand index"),
        (("beyond_words", "value"), 0.0, "beyond the words"),
        (("layers", 0, "analysis"), 0.1, "similarity of layer 0"),
    ],
)
def test_a_record_that_denies_itself_is_refused(planted, path, value, said):
    made = build("toy")
    part = made["experiments"]["clusters"] = planted.model_copy(deep=True).dump()
    report.contradictions(typed(made))
    *way, last = path
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(ContradictoryRecord, match=said):
        report.contradictions(typed(made))
