"""Who does which piece, and what shards do when one of them fails or is slow."""

import threading
import time

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.scale import shards
from emotion_vectors.scale.shards import Shards, parse_shard
from emotion_vectors.scale.workers import InProcess, Job


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(shards, "LOOK_EVERY", 0.02)


def twice(kit, payload, advance):
    advance(1)
    yield kit + payload
    yield kit - payload


def test_this_process_does_one_job_after_the_other_and_asks_for_none_too_early():
    asked, done = [], []

    def jobs():
        for number in range(3):
            asked.append(number)
            yield Job(number, 1.0)

    for job, result in InProcess(10).each(twice, jobs(), done.append):
        assert len(asked) == job.payload + 1
        done.append((job.payload, result))
    assert done == [1, (0, 10), (0, 10), 1, (1, 11), (1, 9), 1, (2, 12), (2, 8)]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_piece_is_one_shards_and_nobody_elses(tmp_path, count):
    workers = [InProcess(None, Shards(tmp_path, index, count, print)) for index in range(1, count + 1)]
    for number in range(20):
        assert sum(one.takes(number) for one in workers) == 1
    loads = [sum(one.takes(number) for number in range(20)) for one in workers]
    assert max(loads) - min(loads) <= 1
    assert [one.leads for one in workers] == [True] + [False] * (count - 1)
    alone = InProcess(None)
    assert alone.leads and all(alone.takes(number) for number in range(20))


def test_alone_there_is_nobody_to_wait_for():
    InProcess(None).wait(lambda: True, "the others")
    with pytest.raises(RuntimeError, match="nobody else"):
        InProcess(None).wait(lambda: False, "the others")


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "-1/3", "1/0", "1", "a/b", "1/2/3", "1.5/2", "1/99999999", "١/٢"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(UserError, match="--shard 2/8"):
        parse_shard(text)


def test_a_shard_is_index_and_count():
    assert parse_shard(" 2/8 ") == (2, 8) and parse_shard("1/1") == (1, 1)


def test_a_shard_waits_until_the_others_are_ready_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SAY_EVERY", 0.05)
    said = []
    mine = Shards(tmp_path, 2, 3, said.append)
    threading.Timer(0.3, (tmp_path / "there").touch).start()
    with mine.at_work():
        mine.wait((tmp_path / "there").exists, "the stage stories")
    assert (tmp_path / "there").exists()
    assert said and set(said) == {"Shard 2 of 3 waits for the stage stories."}


def test_the_failure_of_one_shard_ends_the_waiting_of_the_others(tmp_path):
    other, mine = Shards(tmp_path, 3, 3, print), Shards(tmp_path, 1, 3, print)
    with pytest.raises(UserError, match=r"Shard 3 of 3 stopped \(no memory left\); fix that"), mine.at_work():
        with pytest.raises(ValueError), other.at_work():
            raise ValueError("no memory left")
        mine.wait(lambda: False, "the others")
    # It is the failure of an earlier try once the shards were started again.
    time.sleep(0.02)
    again = Shards(tmp_path, 1, 3, print)
    looks = iter([False, False, True])
    with again.at_work():
        again.wait(lambda: next(looks), "the others")
    with other.at_work():
        assert not (tmp_path / ".shards" / "3.failed").exists()


def test_a_shard_that_is_taken_away_is_waited_for(tmp_path):
    with pytest.raises(KeyboardInterrupt), Shards(tmp_path, 2, 2, print).at_work():
        raise KeyboardInterrupt
    assert not list((tmp_path / ".shards").glob("*.failed"))


def test_a_helper_begins_when_the_leader_works_with_as_many_shards(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    helper, begun = Shards(tmp_path, 2, 3, print), threading.Event()
    thread = threading.Thread(target=lambda: (helper.await_beginning(), begun.set()), daemon=True)
    thread.start()
    with Shards(tmp_path, 1, 4, print).at_work():
        assert not begun.wait(0.2)
    with Shards(tmp_path, 1, 3, print).at_work():
        assert begun.wait(5)
