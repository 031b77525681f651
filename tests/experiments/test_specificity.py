"""Specificity of steering with planted worlds: degenerate and specific vectors, the second way to score, contradictions."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from emotion_vectors.experiments.specificity import measure, report, sentences
from emotion_vectors.experiments.specificity.record import KINDS, Specificity
from emotion_vectors.experiments.steering.controls import NULLS
from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.stats.steering import ring_pairs

from .worlds import EMOTIONS, VALENCE, Push, planned, steered_world

FEW = EMOTIONS[:10]
R = np.where(np.arange(10) % 2 == 0, 1, -1) * np.linspace(0.2, 0.8, 10)


def world(common=0.0, noise=0.05, contraction=0.0):
    """Effects that follow R; `common` is what every vector does to each activity alike, controls included."""
    g = np.random.default_rng(0)
    pushes = {("emotion", e): Push(float(r), contraction) for e, r in zip(FEW, R, strict=True)}
    pushes |= {(kind, str(i)): Push(0.1 * g.standard_normal(), contraction) for kind in NULLS for i in range(10)}
    plan = planned(emotions=FEW, control_emotions=2)
    made = steered_world(g, pushes, plan, ring_pairs(32, 10), noise=noise, float_noise=0.0)
    shape = common * np.random.default_rng(1).standard_normal(32)
    first, second = made.runs.first.copy(), made.runs.second.copy()
    first[1:] += shape[:, None]
    second[1:] -= shape[None, :]
    return made._replace(runs=type(made.runs)(made.runs.conditions, first, second, made.runs.shifts, plan))


def run(made):
    nats = np.nanmean((made.baseline - made.baseline.T) / 2, axis=1)
    return measure.run(made.kinds, nats, made.runs, R, VALENCE, made.options(resamples=200)), nats


def test_vectors_that_all_do_the_same_are_called_degenerate_and_others_are_not():
    same, _ = run(world(common=1.0, noise=0.02))
    own = same.arm("emotion")
    assert own.r.value > 0.97 and sentences.degenerate(own) and "(degenerate)" in sentences.remarks(same)["V10"]
    assert [arm.kind for arm in same.arms] == list(KINDS) and all(arm.r.value > 0.9 for arm in same.arms)
    specific, _ = run(world(noise=0.3))
    own = specific.arm("emotion")
    assert abs(own.r.value) < 0.3 and not sentences.degenerate(own)
    assert "degenerate" not in " ".join(sentences.remarks(specific).values())
    beyond = specific.arm("random").beyond
    assert beyond.low < 0 < beyond.high


def test_the_vectors_share_of_the_variance_is_that_of_their_levels():
    part, _ = run(world(noise=0.05))
    assert part.arm("emotion").vector.value > 0.8 and part.arm("random").vector.value < part.arm("emotion").vector.value
    profiles = np.array([row.nats for row in part.profiles])
    assert profiles.mean(axis=1) == pytest.approx(R, abs=0.1)


def test_the_second_scoring_is_the_mean_over_pairs_with_references_that_are_never_steered():
    made = world(noise=0.3)
    part, nats = run(made)
    second, texts = part.references, [a.text for a in made.kinds]
    fixed = np.isin(texts, second.activities)
    kinds = np.array([a.category for a in made.kinds])
    for kind in set(kinds):  # one of four, and neither the most nor the least liked of its category
        inside = nats[(kinds == kind) & fixed]
        assert len(inside) == 1 and nats[kinds == kind].min() < inside[0] < nats[kinds == kind].max()
    effects = made.runs.effects(made.runs.rows(FEW))
    for row, scored in zip(effects, second.emotions, strict=True):
        cells = [row[i, j] for i in np.flatnonzero(~fixed) for j in np.flatnonzero(fixed) if np.isfinite(row[i, j])]
        assert scored.nats == pytest.approx(np.mean(cells)) and len(cells) == second.pairs
        assert scored.low <= scored.nats <= scored.high
    assert second.r == pytest.approx(np.corrcoef(R, [row.nats for row in second.emotions])[0, 1])
    assert second.r > 0.9 and second.p < 0.05 and second.signs >= 9 and second.agreement > 0.9


def test_a_contraction_of_all_preferences_is_no_effect_by_the_second_scoring():
    made = world(noise=0.0, contraction=0.3)
    part, _ = run(made)
    moved = np.array([row.nats for row in part.references.emotions]) - R
    assert np.abs(moved).max() < 0.1


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
