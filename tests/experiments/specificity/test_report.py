"""Figure, table and sentences are those of the part; a part that denies its profiles is refused."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from emotion_vectors.experiments.specificity import report, sentences
from emotion_vectors.experiments.specificity.record import KINDS, Specificity
from emotion_vectors.record import ContradictoryRecord
from experiments.specificity.worlds import run, world
from experiments.worlds import EMOTIONS, VALENCE

FEW = EMOTIONS[:10]


R = np.where(np.arange(10) % 2 == 0, 1, -1) * np.linspace(0.2, 0.8, 10)


def _record(part, reasons, nats):
    """A record with `part`, the steered effects `nats`, and these additions to the reasons."""
    steering = SimpleNamespace(
        emotions=[
            SimpleNamespace(emotion=e, r=float(r), nats=float(x), valence=VALENCE[e])
            for e, r, x in zip(FEW, R, nats, strict=True)
        ]
    )
    criteria = {name: SimpleNamespace(reason=f"Because. {text}", asked=True) for name, text in reasons.items()}
    return SimpleNamespace(part=lambda kind: part if kind is Specificity else steering, criteria=criteria)


def test_a_part_that_contradicts_its_profiles_or_the_reasons_is_refused():
    part, _ = run(world(noise=0.05))
    reasons = sentences.remarks(part)
    # Steered effects for which both ways to score agree exactly.
    nats = [row.nats for row in part.references.emotions]
    whole = part.model_copy(update={"references": part.references.model_copy(update={"agreement": 1.0})})
    report.contradictions(_record(whole, reasons, nats))
    for change, message in (
        (lambda d: d["profiles"][0]["nats"].__setitem__(0, 5.0), "emotion vectors' effects"),
        (lambda d: d["profiles"].reverse(), "not those of the steered"),
        (lambda d: d["references"].__setitem__("r", 0.1), "second scoring"),
        (lambda d: d["references"].__setitem__("signs", 1), "signs by the second"),
        (lambda d: d["references"].__setitem__("agreement", 0.5), "agreement of both ways"),
        (lambda d: d["references"]["activities"].append("another"), "not some of"),
    ):
        damaged = copy.deepcopy(whole.dump())
        change(damaged)
        with pytest.raises(ContradictoryRecord, match=message):
            report.contradictions(_record(Specificity.model_validate(damaged), reasons, nats))
    with pytest.raises(ContradictoryRecord, match="lacks how specific"):
        report.contradictions(_record(whole, dict.fromkeys(reasons, ""), nats))


def test_figure_table_and_sentences_are_those_of_the_part():
    part, _ = run(world(noise=0.3))
    record = SimpleNamespace(part=lambda kind: part)
    rows = report.matrix_rows(record)
    table = np.corrcoef([row.nats for row in part.profiles])
    place = {row.emotion: i for i, row in enumerate(part.profiles)}
    assert len(rows) == 100 and report.matrix_chart(record) is not None
    assert all(row["r"] == pytest.approx(table[place[row["emotion"]], place[row["other"]]]) for row in rows)
    assert [row["valence"] for row in rows[::10]] == ["positive"] * 5 + ["negative"] * 5
    shown = report.arms_table(record)
    assert [row[0].text for row in shown.rows] == [sentences.NAMES[kind].capitalize() for kind in KINDS]
    assert f"{part.arm('emotion').r.value:.2f}".replace("-", "−") in shown.rows[0][2].text
    empty = SimpleNamespace(part=lambda kind: None)
    assert (
        report.matrix_chart(empty) is None and report.arms_table(empty) is None and report.contradictions(empty) is None
    )
