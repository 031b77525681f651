"""Speakers in a run: planted words are found through the whole path, and a finished run is given dialogues."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from corpus.fakes import FakeWriter, invented
from small import CHOSEN, without_page, without_pictures

from emotion_vectors import lab, settings
from emotion_vectors.errors import UserError
from emotion_vectors.experiments.speakers import probes
from emotion_vectors.experiments.speakers.record import Speakers
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.stimuli import load_pack
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

    rows = []
    for topic in range(6):
        for first in range(len(known)):
            for step in (1, 2):
                pair = (first, (first + step + topic) % len(known))
                said = drawn.integers(len(known), size=2) if scrambled else pair
                turns = [
                    {"speaker": ("Human", "Assistant")[turn % 2], "text": f"The {WORDS[said[turn % 2]]} and the {WORDS[said[turn % 2]]} were near a place number {drawn.integers(90)}."}
                    for turn in range(4)
                ]  # fmt: skip
                emotions = {"Human": known[pair[0]], "Assistant": known[pair[1]]}
                rows.append({"topic": f"place {topic}", "turns": turns, "emotions": emotions})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def with_dialogues(small_run, tmp_path_factory):
    """The toy run's folder with dialogues asked for on top of it, and another with the same words dealt out."""
    found = {}
    for kind in ("told", "scrambled"):
        folder = shutil.copytree(small_run[0], tmp_path_factory.mktemp("speakers") / kind)
        known = small_run[1]["experiments"]["scenarios"]["emotions"][:8]
        name = spoken(folder.parent / f"{kind}.jsonl", known, scrambled=kind == "scrambled")
        asked = settings.change(CHOSEN, dialogues=name)
        with without_pictures() if kind == "told" else without_page():
            found[kind] = folder, run_experiment(asked, folder, QUIET), asked
    return found


def test_a_finished_run_is_given_dialogues_and_what_was_there_is_kept(small_run, with_dialogues):
    folder, record, asked = with_dialogues["told"]
    for stage in ("stories", "activations", "vectors", "readings", "steering"):
        assert (folder / "stages" / f"{stage}.json").read_bytes() == (small_run[0] / "stages" / f"{stage}.json").read_bytes()  # fmt: skip
    assert {name: one for name, one in record["experiments"].items() if name != "speakers"} == small_run[1][
        "experiments"
    ]
    assert record["criteria"] == small_run[1]["criteria"] and "speakers" not in small_run[1]["experiments"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert (
        "Figure T" in page and "owners assigned at random" in page and (folder / "figures" / "figure-t.svg").is_file()
    )
    assert run_experiment(asked, folder, QUIET) == record and run_status(folder)["finished"]
    with pytest.raises(UserError, match="dialogues"):
        run_experiment(CHOSEN, folder, QUIET)


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


WORDS = (
    "lamp stone river table window paper bridge engine copper garden winter silver carpet island needle pepper".split()
)


FELT = re.compile(r"Person feels: (.*)\nAI feels: (.*)")


def writing(monkeypatch, known, told=True, limit=None):
    """In place of the toy's own writer one whose words tell each speaker's own emotion, or are drawn by lot."""

    def compose(_, request):
        own = [WORDS[known.index(one)] for one in FELT.search(request.message).groups()]
        said = own if told else np.random.default_rng(request.seed).choice(WORDS[: len(known)], 2)
        return "\n".join(
            f"{('Person', 'AI')[turn % 2]}: {invented(request.seed + turn, 8)} {said[turn % 2]}, {said[turn % 2]}."
            for turn in range(4)
        )

    writer = FakeWriter(compose, limit=limit)
    monkeypatch.setattr(lab, "make_writer", lambda *_: writer)
    return writer


@pytest.mark.slow
def test_a_finished_run_has_its_dialogues_written_and_what_their_words_tell_is_found(small_run, tmp_path, monkeypatch):
    """Killed on the way, too; what was there stays. Where the words are drawn by lot, nothing is found."""
    monkeypatch.setattr("emotion_vectors.corpus.writing.CHUNK", 20)  # six chunks of 21 and 22
    known = list(load_pack().subset[:8])
    asked = settings.change(CHOSEN, dialogues="write", dialogue_emotions=8)
    for told in (True, False):
        folder = shutil.copytree(small_run[0], tmp_path / str(told))
        killed = writing(monkeypatch, known, told, limit=50)
        with pytest.raises(KeyboardInterrupt):
            run_experiment(asked, folder, QUIET)
        assert len(killed.asked) == 50 and not (folder / "stages" / "dialogues.json").exists()
        writer = writing(monkeypatch, known, told)
        with without_page():
            record = run_experiment(asked, folder, QUIET)
        assert len(writer.asked) == 128 - 42
        for stage in ("stories", "neutral", "vectors", "steering"):
            assert (folder / "stages" / f"{stage}.json").read_bytes() == (small_run[0] / "stages" / f"{stage}.json").read_bytes()  # fmt: skip
        assert record["criteria"] == small_run[1]["criteria"] and "dialogues" in record["timings"]
        part = Speakers.model_validate(record["experiments"]["speakers"])
        assert part.dialogues == 128 and part.source == "written by fake 1" and part.emotions == sorted(known)
        for framing in part.framings:
            first, second = framing.names
            for owner in (first, second):
                assert not told or cell(framing.model, (owner, "present"), (owner, "present")).dealt_p <= 0.02
            beyond = [one for one in framing.model if one.dealt_p <= 0.01 and one.interval[0] > 0]
            assert told or len(beyond) <= 1
    assert run_experiment(asked, folder, QUIET) == record and run_status(folder)["finished"]
    with pytest.raises(UserError, match="dialogue_emotions"):
        run_experiment(settings.change(asked, dialogue_emotions=9), folder, QUIET)


@pytest.mark.slow
def test_a_model_that_cannot_write_them_has_a_run_without_the_part(small_run, tmp_path):
    """The toy writes syllables. The page says why there is no Figure T."""
    folder = shutil.copytree(small_run[0], tmp_path / "run")
    asked = settings.change(CHOSEN, dialogues="write", dialogue_emotions=4)
    with without_pictures():
        record = run_experiment(asked, folder, QUIET)
    assert "speakers" not in record["experiments"] and run_status(folder)["finished"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "too few of those that were written" in page and "Figure T" not in page
