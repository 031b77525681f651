"""Forks that share the pieces of a stage: what they compute, and what happens where one fails or dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.scale.forks import processes_for, share
from emotion_vectors.scale.workers import Job

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks are for Linux")


def squares(kit, payload, advance):
    for number in payload:
        advance(1)
        yield os.getpid(), torch.get_num_threads(), (kit @ kit * number).sum().item()


def test_forks_are_used_where_they_stay_busy():
    # Three jobs would keep two processes at work for 75 % of their time only.
    assert {jobs: processes_for(jobs, "cpu", 2) for jobs in range(6)} == {0: 1, 1: 1, 2: 2, 3: 1, 4: 2, 5: 2}
    assert processes_for(14, "cpu", 8) == 8 and processes_for(9, "cpu", 8) == 1
    assert processes_for(100, "cuda", 8) == 1 and processes_for(100, "cpu", 1) == 1


@linux
def test_every_job_is_done_once_with_one_thread_each_by_several_processes():
    kit, units = torch.arange(16.0).reshape(4, 4), []
    jobs = [Job([number, number + 100]) for number in range(20)]
    found = list(share(squares, kit, iter(jobs), 3, units.append))
    plain = {
        (number, number + 100): [float((kit @ kit * one).sum()) for one in (number, number + 100)]
        for number in range(20)
    }
    for job in jobs:
        assert [result[2] for done, result in found if done is job] == plain[tuple(job.payload)]
    assert len(found) == 40 and sum(units) == 40
    assert {result[1] for _, result in found} == {1}
    assert os.getpid() not in {result[0] for _, result in found}


def refusing(kit, payload, advance):
    if payload == 3:
        raise UserError("There is no layer 99.")
    yield payload


def dying(kit, payload, advance):
    if payload == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    yield payload


@linux
@pytest.mark.parametrize(("work", "said"), [(refusing, "There is no layer 99."), (dying, "ended without a message")])
def test_an_error_or_a_lost_fork_ends_the_work_with_a_sentence(work, said):
    with pytest.raises(UserError, match=said):
        list(share(work, None, [Job(number) for number in range(8)], 2, lambda _: None))


@linux
@pytest.mark.slow
def test_forks_are_gone_when_nobody_asks_for_more_or_their_parent_is_killed():
    running = share(squares, torch.eye(2), [Job([1])] * 50, 2, lambda _: None)
    children = {next(running)[1][0] for _ in range(5)}
    running.close()
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    code = (
        "import os, time, torch\nfrom emotion_vectors.scale.forks import share\nfrom emotion_vectors.scale.workers import Job\n"
        "def work(kit, payload, advance):\n    yield os.getpid()\n    time.sleep(60)\n"
        "for _, pid in share(work, None, [Job(0)] * 2, 2, print):\n    print(pid, flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    orphans = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    ended = time.monotonic() + 5
    while any(
        os.path.exists(f"/proc/{pid}") and "zombie" not in Path(f"/proc/{pid}/status").read_text() for pid in orphans
    ):
        assert time.monotonic() < ended, "a fork outlived its parent"
        time.sleep(0.05)
