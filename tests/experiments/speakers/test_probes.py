"""Two speakers on planted activations: emotions with an owner are found, emotions of the whole dialogue and none at all are told from them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.experiments.speakers import probes
from emotion_vectors.experiments.speakers.record import Speakers
from emotion_vectors.experiments.speakers.report import noisy, reading
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.store.atomic import read_json
from emotion_vectors.upkeep.status import run_status
from experiments.speakers.worlds import dialogues, run

EMOTIONS = [f"emotion {i}" for i in range(8)]


N, WIDTH, TOPICS_OF = len(EMOTIONS), 48, [f"topic {i}" for i in range(8)]


PRESENT, OTHER, WHOLE = np.random.default_rng(0).standard_normal((3, N, WIDTH))


QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


def cell(cells, first, second):
    """The value of two sets, each (owner, whose)."""
    found = [one for one in cells if {(one.first.tokens, one.first.emotion), (one.second.tokens, one.second.emotion)} == {first, second}]  # fmt: skip
    assert len(found) == 1
    return found[0]


HUMAN, ASSISTANT = (("Human", "present"), ("Human", "other")), (("Assistant", "present"), ("Assistant", "other"))


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


def test_an_emotion_of_the_whole_dialogue_is_not_told_from_owners_drawn_by_lot():
    cells = run(owned=0, whole=1).framings[0].model
    for first in HUMAN:
        for second in ASSISTANT:
            found = cell(cells, first, second)
            assert found.value > 0.3 and found.dealt_p <= 0.02
            assert found.value == pytest.approx(found.shuffled, abs=0.1)
    told = [reading(cell(cells, first, second)) for first in HUMAN for second in ASSISTANT]
    assert sum("not told from owners" in one for one in told) >= 3


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


def test_an_emotion_that_one_speaker_never_has_is_left_out_and_the_run_may_lack_some():
    rows, felt, topics = dialogues()
    kept = felt[:, 1] != 3
    given = probes.prepare(rows[kept], [topics[row] for row in np.flatnonzero(kept)], N, 0)
    sums = probes.add_up(given, felt[kept])
    made = probes.directions(sums.design.sum(axis=0), sums.rows.sum(axis=0))
    assert np.isnan(made[1, 3]).all() and np.isnan(made[2, 3]).all() and np.isfinite(made[0]).all()
    assert np.isfinite(probes.alike(given, sums, PRESENT)).all()
    story = np.where(np.arange(N)[:, None] < 5, PRESENT, np.nan)
    part = run(story=story)
    assert part.in_run == 5 and cell(part.framings[0].model, HUMAN[0], ("story", None)).value > 0.7
    assert len(run(story=np.full((N, WIDTH), np.nan)).framings[0].model) == 10


def spoken(path, known, scrambled=False):
    """Dialogues whose words tell each speaker's own emotion, or were dealt to other dialogues; no word names one."""
    drawn = np.random.default_rng(3)
    words = "lamp stone river table window paper bridge engine copper garden winter silver carpet island needle pepper".split()
    rows = []
    for topic in range(6):
        for first in range(len(known)):
            for step in (1, 2):
                pair = (first, (first + step + topic) % len(known))
                said = drawn.integers(len(known), size=2) if scrambled else pair
                turns = [
                    {"speaker": ("Human", "Assistant")[turn % 2], "text": f"The {words[said[turn % 2]]} and the {words[said[turn % 2]]} were near a place number {drawn.integers(90)}."}
                    for turn in range(4)
                ]  # fmt: skip
                emotions = {"Human": known[pair[0]], "Assistant": known[pair[1]]}
                rows.append({"topic": f"place {topic}", "turns": turns, "emotions": emotions})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def with_dialogues(toy_run, tmp_path_factory):
    """The toy run's folder with dialogues asked for on top of it, and another with the same words dealt out."""
    found = {}
    for kind in ("told", "scrambled"):
        folder = shutil.copytree(toy_run[0], tmp_path_factory.mktemp("speakers") / kind)
        known = toy_run[1]["experiments"]["scenarios"]["emotions"][:8]
        name = spoken(folder.parent / f"{kind}.jsonl", known, scrambled=kind == "scrambled")
        asked = settings.change(settings.toy(), dialogues=name)
        found[kind] = folder, run_experiment(asked, folder, QUIET), asked
    return found


def test_a_finished_run_is_given_dialogues_and_what_was_there_is_kept(toy_run, with_dialogues):
    folder, record, asked = with_dialogues["told"]
    for stage in ("stories", "activations", "vectors", "readings", "steering"):
        assert (folder / "stages" / f"{stage}.json").read_bytes() == (toy_run[0] / "stages" / f"{stage}.json").read_bytes()  # fmt: skip
    assert {name: one for name, one in record["experiments"].items() if name != "speakers"} == toy_run[1]["experiments"]
    assert record["criteria"] == toy_run[1]["criteria"] and "speakers" not in toy_run[1]["experiments"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Figure T" in page and "owners drawn by lot" in page and (folder / "figures" / "figure-t.svg").is_file()
    assert run_experiment(asked, folder, QUIET) == record and run_status(folder)["finished"]
    with pytest.raises(UserError, match="dialogues"):
        run_experiment(settings.toy(), folder, QUIET)


def test_words_that_tell_ones_own_emotion_are_found_through_the_whole_path_and_words_that_do_not_are_not(
    with_dialogues,
):
    told, scrambled = (with_dialogues[kind][1]["experiments"]["speakers"] for kind in ("told", "scrambled"))
    for one in (told, scrambled):
        assert one["dialogues"] == 96 and [framing["names"][0] for framing in one["framings"]] == ["Human", "Person 1"]
    for framing in Speakers.model_validate(told).framings:
        first, second = framing.names
        for owner in (first, second):
            assert cell(framing.model, (owner, "present"), (owner, "present")).dealt_p <= 0.02
        assert cell(framing.model, (first, "present"), (second, "present")).interval[0] > 0
    for framing in Speakers.model_validate(scrambled).framings:
        beyond = [one for one in framing.model if one.dealt_p <= 0.01 and one.interval[0] > 0]
        assert len(beyond) <= 1


def test_a_run_without_dialogues_has_no_such_stage_and_says_that_it_was_not_measured(toy_run):
    folder, record = toy_run
    assert "speakers" not in record["timings"] and "speakers" not in run_status(folder)["stages"]
    assert "dialogues" not in read_json(folder / "run.json")["settings"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "given no dialogues" in page and "Figure T" not in page
    assert not Path(folder / "speakers.safetensors").exists()
