"""Speakers in a run: planted words are found through the whole path, and a finished run is given dialogues."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from emotion_vectors import settings
from emotion_vectors.errors import UserError
from emotion_vectors.experiments.speakers import probes
from emotion_vectors.experiments.speakers.record import Speakers
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.store.atomic import read_json
from emotion_vectors.upkeep.status import run_status
from experiments.speakers.talks import cell
from experiments.speakers.worlds import dialogues, run

EMOTIONS = [f"emotion {i}" for i in range(8)]


N, WIDTH, TOPICS_OF = len(EMOTIONS), 48, [f"topic {i}" for i in range(8)]


PRESENT, OTHER, WHOLE = np.random.default_rng(0).standard_normal((3, N, WIDTH))


QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)


HUMAN, ASSISTANT = (("Human", "present"), ("Human", "other")), (("Assistant", "present"), ("Assistant", "other"))


@pytest.mark.slow
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
