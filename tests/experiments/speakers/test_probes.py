"""Two speakers on planted activations: emotions with an owner are found, emotions of the whole dialogue and none at all are told from them."""

import numpy as np
import pytest

from emotion_vectors.experiments.speakers import probes
from emotion_vectors.experiments.speakers.report import noisy, reading
from experiments.speakers.talks import cell
from experiments.speakers.worlds import dialogues, run

EMOTIONS = [f"emotion {i}" for i in range(8)]


N, WIDTH, TOPICS_OF = len(EMOTIONS), 48, [f"topic {i}" for i in range(8)]


PRESENT, OTHER, WHOLE = np.random.default_rng(0).standard_normal((3, N, WIDTH))


HUMAN, ASSISTANT = (("Human", "present"), ("Human", "other")), (("Assistant", "present"), ("Assistant", "other"))


@pytest.mark.slow
def test_emotions_with_an_owner_are_found_and_the_other_ones_directions_are_others():
    cells = run().framings[0].model
    for same in (0, 1):
        found = cell(cells, HUMAN[same], ASSISTANT[same])
        assert found.value > 0.4 and found.interval[0] > found.shuffled and found.dealt_p == pytest.approx(0.01)
        assert found.relative == pytest.approx(1, abs=0.15) and "more than with owners" in reading(found)
    for one in (HUMAN, ASSISTANT):
        for found in (cell(cells, *one), cell(cells, HUMAN[one is HUMAN], ASSISTANT[one is not HUMAN])):
            assert abs(found.value) < 0.2 and found.interval[1] < found.shuffled and found.shuffled_p <= 0.05
    story = ("story", None)
    assert cell(cells, HUMAN[0], story).value > 0.7 and abs(cell(cells, HUMAN[1], story).value) < 0.3


@pytest.mark.slow
def test_the_cosine_by_emotion_is_that_of_its_directions_and_averages_to_the_value():
    rows, felt, topics = dialogues()
    rows += 3 * np.where(
        (felt == 2)[:, ::-1, None], PRESENT[2], 0
    )  # one emotion is felt by both while one speaks of it
    given = probes.prepare(rows, topics, N, 0)
    sums = probes.add_up(given, felt)
    each = probes.by_emotion(given, sums)
    assert each.shape == (len(probes.PAIRS), N)
    np.testing.assert_allclose(each.mean(axis=1), probes.alike(given, sums, None))
    mixed = next(
        place
        for place, (a, b) in enumerate(probes.PAIRS)
        if {probes.SETS[a], probes.SETS[b]} == {(0, "present"), (1, "other")}
    )
    assert each[mixed].argmax() == 2
    cells = run().framings[0].model
    found = cell(cells, HUMAN[0], ASSISTANT[0])
    assert list(found.by_emotion) == EMOTIONS and np.mean(list(found.by_emotion.values())) == pytest.approx(found.value)
    assert not cell(cells, HUMAN[0], ("story", None)).by_emotion


@pytest.mark.slow
def test_an_emotion_of_the_whole_dialogue_is_not_told_from_owners_drawn_by_lot():
    cells = run(owned=0, whole=1).framings[0].model
    for first in HUMAN:
        for second in ASSISTANT:
            found = cell(cells, first, second)
            assert found.value > 0.3 and found.dealt_p <= 0.02
            assert found.value == pytest.approx(found.shuffled, abs=0.1)
    told = [reading(cell(cells, first, second)) for first in HUMAN for second in ASSISTANT]
    assert sum("not distinguishable from owners" in one for one in told) >= 3


@pytest.mark.slow
def test_without_emotion_all_is_noise_and_is_called_so():
    wrong = 0
    for seed in range(6):
        part = run(owned=0, seed=seed)
        wrong += sum(one.dealt_p <= 0.05 and one.interval[0] > 0 for one in part.framings[0].model)
        assert max(abs(one.value) for one in part.framings[0].model[:10]) < 0.2
    assert wrong <= 6  # of 84; 5 % of them would be 4
    assert len(noisy(part.framings[0])) >= 3


def test_intervals_hold_the_truth_of_no_likeness():
    inside = []
    for seed in range(60):
        rows, felt, topics = dialogues(owned=0, seed=100 + seed)
        found = probes.found(probes.prepare(rows, topics, N, 0), felt, PRESENT)
        inside.append((found.ends[:, 0] <= 0) & (found.ends[:, 1] >= 0))
    assert 0.93 <= np.mean(inside) <= 1


def test_balanced_dialogues_give_plain_differences_of_means():
    """Every pair of emotions on every topic: the joint fit is then the mean of an emotion minus the mean of all, and halves are plain."""
    rows, felt, topics = dialogues(rounds=range(N))
    given = probes.prepare(rows, topics, N, 0)
    found = probes.found(given, felt, PRESENT).values
    number = np.array([TOPICS_OF.index(one) for one in topics])
    totals = np.zeros((4, 4))
    for half, _ in given.halves:
        sides = []
        for chosen in (half[number] == 1, half[number] == 0):
            made = np.array(
                [
                    [rows[chosen & (felt[:, who if whose == "present" else 1 - who] == e), who].mean(axis=0) for e in range(N)]
                    for who, whose in probes.SETS
                ]
            )  # fmt: skip
            sides.append(made - made.mean(axis=1, keepdims=True))
        for a in range(4):
            for b in range(4):
                pairs = zip(sides[0][a], sides[1][b], strict=True)
                totals[a, b] += np.mean([x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in pairs])
    totals /= len(given.halves)
    np.testing.assert_allclose(found[:10], [(totals[a, b] + totals[b, a]) / 2 for a, b in probes.PAIRS], atol=1e-9)


def test_a_pair_that_is_frequent_gives_no_emotion_the_others_direction():
    """Emotion 0 is mostly met by emotion 1. Plain means would give 'other 1' the direction of 'present 0'; the joint fit does not."""
    rows, felt, topics = dialogues(rounds=range(N))
    many = np.concatenate([np.arange(len(felt)), *[np.flatnonzero((felt == (0, 1)).all(axis=1))] * 20])
    given = probes.prepare(rows[many], [topics[row] for row in many], N, 0)
    sums = probes.add_up(given, felt[many])
    made = probes.directions(sums.design.sum(axis=0), sums.rows.sum(axis=0))
    truth = [PRESENT, OTHER, PRESENT, OTHER]
    for found, true in zip(made, truth, strict=True):
        centred = true - true.mean(axis=0)
        assert min(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(found, centred, strict=True)) > 0.9
