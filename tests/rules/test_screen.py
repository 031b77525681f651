"""pipeline.py says where each figure comes from; the topics say whether that is true."""

import re
from pathlib import Path

from emotion_vectors import pipeline
from emotion_vectors.topics import EXPERIMENTS

LINE = re.compile(r"^#   (\w+) +((?:V\d+ ?)*) *(.*)$", re.MULTILINE)


def listed(text, what):
    """The names after `what` (figure or table, one or several) in a line."""
    found = re.search(rf"{what}s? ([^;]+)", text)
    return found[1].split(", ") if found else []


def test_the_pipeline_names_criteria_figures_and_tables_of_each_experiment():
    lines = {
        key: (ids.split(), rest) for key, ids, rest in LINE.findall(Path(pipeline.__file__).read_text(encoding="utf-8"))
    }
    # A topic that brings its own `measure` is told by its own file; one that only shows texts of the run measures nothing.
    told = [topic for topic in EXPERIMENTS if topic.key in lines or (topic.measure is None and not topic.texts)]
    assert list(lines) == [topic.key for topic in told] and len(told) >= 8
    for topic in told:
        ids, rest = lines[topic.key]
        assert ids == [card.id for card in topic.criteria], topic.key
        assert listed(rest, "figure") == [str(figure.number) for figure in topic.figures], topic.key
        assert listed(rest, "table") == [table.make.__name__.removesuffix("_table") for table in topic.tables], (
            topic.key
        )
