"""V5 of ours: planted excess over the twins, a drift that twins cancel, and slow references for every number."""

import json

import numpy as np
import pytest

from emotion_vectors.experiments.criteria import number
from emotion_vectors.experiments.numeric import measure as numeric
from emotion_vectors.experiments.numeric import twins
from emotion_vectors.stimuli.items import NUMERIC_EMOTIONS, NumericTemplate, TwinnedTemplate
from experiments.numeric.test_measure import EMOTIONS, FEAR, JOY, SIGN, VALUES, vectors
from experiments.worlds import assert_rarely_passes, turn, verdicts

SOME = {"afraid": "+", "happy": "none", "sad": "none", "calm": "-"}
STEPS = np.linspace(-1, 1, len(VALUES))


def template(i, expected=None):
    signs = expected or (FEAR, JOY, SOME)[i % 3]
    base = NumericTemplate(f"template {i}", f"There are {i} {{X}}.", "Number", VALUES, signs, {})
    return TwinnedTemplate(base, f"Twin {i} {{X}}.", f"Graver {i} {{X}}.", (JOY, FEAR, SOME)[i % 3], "a reason")


TEMPLATES = [template(i) for i in range(18)]


def along(rows, signs):
    return sum(SIGN[signs[e]] * rows[EMOTIONS.index(e)] for e in NUMERIC_EMOTIONS)


def world(seed, rows, effect=0.0, drift=0.0, graver=0.0, noise=0.6, templates=TEMPLATES):
    """(3, values, 40) of each template. `effect` moves the template alone, `drift` all three sentences, the same way."""
    generator, found = np.random.default_rng((seed, 1)), []
    for one in templates:
        way = along(rows, one.base.expected)
        both = np.outer(STEPS, drift * way) + 4 * generator.standard_normal(40)
        three = np.stack(
            [both + np.outer(STEPS, effect * way), both, both + graver * along(rows, one.severity_expected)]
        )
        found.append(three + noise * generator.standard_normal(three.shape))
    return found


def run(rows, activations, templates=TEMPLATES, seed=0, resamples=200):
    first = [NumericTemplate(f"first {i}", f"First {i} {{X}}.", "n", VALUES, (FEAR, JOY)[i % 2], {}) for i in range(6)]
    _, (earlier, _) = numeric.run(first, [one[0] for one in activations[:6]], EMOTIONS, rows, resamples, seed)
    return twins.run(templates, activations, EMOTIONS, rows, earlier, resamples, seed)


def test_a_planted_meaning_passes():
    rows = vectors(np.random.default_rng(0))
    record, v5 = run(rows, world(0, rows, effect=1.0))
    assert (v5.of, v5.verdict) == (60, "pass") and v5.value >= 55
    larger = max(record.severity.count_p, record.severity.size_p)
    assert f"the larger p of the count's and the size's: {number(larger)})" in v5.note
    assert v5.threshold == 43 and "scaled to 43 out of 60" in v5.note
    assert record.excess.size_p == 1 / 201 and len(record.templates) == 18
    json.dumps([record.dump(), v5.dump()], allow_nan=False)


@pytest.mark.slow
def test_a_drift_common_to_template_and_twin_is_cancelled():
    """Every curve goes the expected way, and just so does its twin's: the first list passes by Hong (2026), ours does not."""
    passed, counts = 0, []
    for seed in range(20):
        rows = vectors(np.random.default_rng(seed))
        activations = world(seed, rows, drift=1.0)
        record, v5 = run(rows, activations, seed=seed)
        passed += v5.verdict == "pass"
        counts.append(v5.value)
        own = [one.fitted_change_template[e] * SIGN[one.expected[e]] for one in record.templates for e in FEAR]
        assert np.mean([change > 0 for change in own if change]) > 0.9
    assert passed <= 2 and np.mean(counts) == pytest.approx(30, abs=3)


@pytest.mark.slow
def test_without_any_effect_no_pass():
    def once(seed):
        rows = vectors(np.random.default_rng(seed))
        return [run(rows, world(seed, rows), seed=seed, resamples=100)[1]]

    assert_rarely_passes(verdicts(once, 60))


def test_curves_excess_and_severity_equal_plain_loops():
    rows = vectors(np.random.default_rng(1), axis=1.0)
    activations = world(1, rows, effect=0.3, graver=0.2)
    record, v5 = run(rows, activations)
    right, sizes, graver = [], [], []
    for one, three, out in zip(TEMPLATES, activations, record.templates, strict=True):
        for emotion in NUMERIC_EMOTIONS:
            vector = rows[EMOTIONS.index(emotion)]
            curves = [
                [float(a @ vector / np.linalg.norm(a) / np.linalg.norm(vector)) for a in sentence] for sentence in three
            ]
            changes = []
            for kind, curve in zip(("template", "twin", "severity"), curves, strict=True):
                assert out.curves(kind)[emotion] == pytest.approx(curve, abs=1e-6)
                slope = np.polynomial.Polynomial.fit(range(len(VALUES)), curve, 1).convert().coef[1]
                changes.append(slope * (len(VALUES) - 1))
                assert out.fitted(kind)[emotion] == pytest.approx(changes[-1], abs=1e-6)
            assert out.excess[emotion] == pytest.approx(changes[0] - changes[1], abs=1e-6)
            difference = np.mean(np.array(curves[2]) - np.array(curves[0]))
            assert out.severity_difference[emotion] == pytest.approx(difference, abs=1e-6)
            if sign := SIGN[one.base.expected[emotion]]:
                right.append(sign * (changes[0] - changes[1]) > 0)
                sizes.append(sign * (changes[0] - changes[1]))
            if sign := SIGN[one.severity_expected[emotion]]:
                graver.append(sign * difference)
    assert (v5.value, v5.of) == (sum(right), 60)
    assert record.excess.mean == pytest.approx(np.mean(sizes), abs=1e-6)
    assert record.severity.count == sum(value > 0 for value in graver) and record.severity.of == 60
    assert record.severity.mean == pytest.approx(np.mean(graver), abs=1e-6)


@pytest.mark.slow
def test_the_null_is_that_of_rotations():
    generator = np.random.default_rng(2)
    rows = vectors(generator, axis=2.0)
    activations = world(2, rows, effect=0.1)
    found = run(rows, activations, resamples=1500)[0].excess
    counts, sizes = [], []
    for _ in range(300):
        turned = turn(rows, generator)
        drawn = []
        for one, three in zip(TEMPLATES, activations, strict=True):
            for emotion in NUMERIC_EMOTIONS:
                vector = turned[EMOTIONS.index(emotion)]
                curves = three @ vector / np.linalg.norm(three, axis=-1) / np.linalg.norm(vector)
                change = [np.polyfit(range(len(VALUES)), curve, 1)[0] for curve in curves[:2]]
                if sign := SIGN[one.base.expected[emotion]]:
                    drawn.append(sign * (change[0] - change[1]) * (len(VALUES) - 1))
        counts.append(sum(value > 0 for value in drawn))
        sizes.append(np.mean(drawn))
    assert found.null == pytest.approx(30, abs=1) and np.mean(counts) == pytest.approx(30, abs=2)
    assert found.null_sd == pytest.approx(np.std(sizes), rel=0.25)
    assert found.count_p == pytest.approx(np.mean(np.array(counts) >= found.count), abs=0.09)
    assert found.size_p == pytest.approx(np.mean(np.array(sizes) >= found.mean), abs=0.09)


@pytest.mark.slow
def test_another_severity_at_equal_numbers_is_found_and_its_absence_not():
    rows = vectors(np.random.default_rng(3))
    planted = run(rows, world(3, rows, graver=1.0))[0].severity
    assert planted.count > 55 and max(planted.count_p, planted.size_p) < 0.05
    p = []
    for seed in range(40):
        rows = vectors(np.random.default_rng(seed))
        found = run(rows, world(seed, rows), seed=seed, resamples=100)[0].severity
        p.append(max(found.count_p, found.size_p))
    assert np.mean(np.array(p) < 0.05) <= 0.125


def test_the_interval_is_one_of_shares():
    """Half the templates have four signs, all right, half have two, all wrong: a draw's share runs from 0 to 1, and a count
    of drawn templates could exceed what there is to count."""
    expected = np.array([[1, 1, 1, 1]] * 4 + [[1, -1, 0, 0]] * 4)
    own = np.where(expected, np.abs(expected) * np.repeat([1, -1], 4)[:, None], 0) * np.where(
        expected == 0, 1, expected
    )
    effects = twins.Effects(own.astype(float), np.random.default_rng(0).standard_normal((200, 8, 4)))
    found = twins.summary(effects, expected, 3000, 0)
    assert (found.count, found.of) == (16, 24)
    generator, shares = np.random.default_rng(1), []
    for _ in range(3000):
        drawn = generator.integers(8, size=8)
        right = sum(4 for i in drawn if i < 4)
        shares.append(right / sum(4 if i < 4 else 2 for i in drawn))
    low, high = np.quantile(shares, [0.00575, 0.99425])  # the level for eight units: 0.9885
    assert found.interval == pytest.approx([24 * low, 24 * high], abs=1.3)


def test_without_signs_and_with_one_template():
    nothing = [template(i, dict.fromkeys(NUMERIC_EMOTIONS, "none")) for i in range(6)]
    rows = vectors(np.random.default_rng(4))
    record, v5 = run(rows, world(4, rows, effect=1.0, templates=nothing), nothing)
    assert (v5.of, v5.value, v5.verdict) == (0, None, "inconclusive") and record.excess.mean is None
    one = [template(0), *nothing[1:]]
    record, v5 = run(rows, world(4, rows, effect=1.0, templates=one), one)
    assert v5.of == 4 and record.excess.mean is not None and record.excess.low is None
    json.dumps([record.dump(), v5.dump()], allow_nan=False)


def test_flat_activations_exceed_nothing():
    rows = vectors(np.random.default_rng(5))
    flat = [np.tile(np.random.default_rng(i).standard_normal(40), (3, 6, 1)) for i in range(18)]
    record, v5 = run(rows, flat)
    assert v5.value == 0 and v5.verdict != "pass" and record.severity.count == 0
