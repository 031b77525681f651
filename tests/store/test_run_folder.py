"""A run folder belongs to one run, and a stage is done only when its files are as they were written."""

import multiprocessing
import os
import signal

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import open_run

IDENTITY = {"schema": 1, "settings": {"seed": 0, "topics": 6}, "fingerprint": "a", "model": {"sha256": "x"}}


def test_a_new_folder_is_made_and_opened_again(tmp_path):
    with open_run(tmp_path / "a" / "run", IDENTITY) as run:
        assert run.done("stories") is None
    with open_run(tmp_path / "a" / "run", IDENTITY) as run:
        assert atomic.read_json(run / "run.json") == IDENTITY


def test_other_settings_are_refused_by_name_and_change_nothing(tmp_path):
    with open_run(tmp_path, IDENTITY) as run:
        atomic.write_json(run.parts("stories") / "00000.json", {})
    other = IDENTITY | {"settings": {"seed": 0, "topics": 7}, "fingerprint": "b"}
    with pytest.raises(UserError, match=r"settings\.topics"), open_run(tmp_path, other):
        pass
    assert atomic.read_json(tmp_path / "run.json") == IDENTITY


def test_a_folder_with_other_things_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="not empty"), open_run(tmp_path, IDENTITY):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(UserError, match="is a file"), open_run(tmp_path / "run", IDENTITY):
        pass


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="Can't write"), open_run(tmp_path / "file" / "run", IDENTITY):
        pass


def _hold(path, ready, release):
    with open_run(path, IDENTITY):
        ready.set()
        release.wait(30)


def test_a_second_process_is_refused_with_the_first_ones_number(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready, release))
    process.start()
    try:
        assert ready.wait(60)
        with pytest.raises(UserError, match=str(process.pid)), open_run(tmp_path, IDENTITY):
            pass
    finally:
        release.set()
        process.join()


@pytest.mark.parametrize("damage", ["change", "remove", "none"])
def test_a_stage_is_done_only_while_its_files_are_whole(tmp_path, damage):
    with open_run(tmp_path, IDENTITY) as run:
        atomic.write_text(run / "a.txt", "hello")
        run.finish("stage", ["a.txt"], 2.0, 10, "items", extra=1)
        if damage == "change":
            (run / "a.txt").write_text("hullo")
        if damage == "remove":
            os.remove(run / "a.txt")
        done = run.done("stage")
    assert (done is None) == (damage != "none")
    if done is not None:
        assert done["rate"] == 5 and done["facts"] == {"extra": 1}


def write_and_die(path, name):
    def half(temporary):
        temporary.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    if name == "run.json":
        path.mkdir()
        atomic.replace_file(path / name, half)
    with open_run(path, IDENTITY) as run:
        atomic.replace_file(run / name, half)


@pytest.mark.parametrize("name", ["run.json", "vectors.safetensors", "parts/stories/0.parquet"])
@pytest.mark.slow
def test_what_a_killed_writer_left_is_removed_and_in_nobodys_way(tmp_path, name):
    folder = tmp_path / "run"
    writer = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(folder, name))
    writer.start()
    writer.join()
    (left,) = folder.rglob("*.tmp")
    (folder / ".notes.tmp").write_text("somebody's")
    if name == "run.json":
        (folder / ".notes.tmp").unlink()
    with open_run(folder, IDENTITY, shard=(1, 2)):
        assert left.exists()  # the other shard may be writing it
    with open_run(folder, IDENTITY):
        assert not left.exists()
    assert name == "run.json" or (folder / ".notes.tmp").read_text() == "somebody's"
