"""Pieces of work on a real Ray cluster of two nodes (two raylets), of which one is killed in the middle."""

import os
import sys
import time

import pytest
import torch

from emotion_vectors import opening, settings
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import locate
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.scale import on_ray
from emotion_vectors.scale.on_ray import OnRay, parse_place
from emotion_vectors.scale.workers import Job
from emotion_vectors.stimuli import load_pack

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402
from small import CHOSEN  # noqa: E402

from scale.test_shards import same_numbers  # noqa: E402

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]  # what Ray warns of in our process is its own
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the nodes don't have the tests
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    made = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def workers(cluster):
    cluster.add_node(**NODE)
    said = []
    made = OnRay(lambda: os.environ.copy(), cluster.address, said.append)
    made.said = said
    yield made
    made.close()


def whereabouts(kit, payload, advance):
    time.sleep(0.3)
    yield payload, ray.get_runtime_context().get_node_id()


def test_both_nodes_work_and_a_job_is_sent_when_an_actor_is_free(workers):
    asked, done = [], []

    def jobs():
        # On a busy machine one node is up long before the other: it goes on until both have worked.
        while len(asked) < 10 or (len({node for _, node in done}) < 2 and len(asked) < 5000):
            asked.append(len(asked))
            yield Job(asked[-1], 2.0)

    units = []
    for _, (number, node) in workers.each(whereabouts, jobs(), units.append):
        done.append((number, node))
        assert len(asked) <= len(done) + workers.count  # back-pressure: no more than the actors have in hand
    assert workers.count == 2 and sorted(number for number, _ in done) == asked
    assert len({node for _, node in done}) == 2 and units == [2.0] * len(asked)
    assert list(workers.each(whereabouts, [])) == []


def test_a_node_that_dies_costs_only_what_it_had_in_hand(cluster, monkeypatch):
    monkeypatch.setattr(on_ray, "START_AGAIN_AFTER", 0.2)
    doomed, said = cluster.add_node(**NODE), []
    workers = OnRay(lambda: None, cluster.address, said.append)
    done = []
    for _, (number, node) in workers.each(whereabouts, [Job(number) for number in range(12)]):
        done.append((number, node))
        if len({node for _, node in done}) == 2 and doomed is not None:
            cluster.remove_node(doomed, allow_graceful=False)
            doomed = None
    workers.close()
    assert doomed is None and sorted(number for number, _ in done) == list(range(12))
    assert any("worker was lost" in line for line in said)


def fails(kit, payload, advance):
    raise payload
    yield


def dies(kit, payload, advance):
    os._exit(1)
    yield


def test_errors_of_the_work_come_back_and_a_job_that_kills_is_given_up(workers, monkeypatch):
    with pytest.raises(UserError, match=r"^the pack is bad$"):
        list(workers.each(fails, [Job(UserError("the pack is bad"))]))
    with pytest.raises(ZeroDivisionError):
        list(workers.each(fails, [Job(ZeroDivisionError("by zero"))]))
    monkeypatch.setattr(on_ray, "START_AGAIN_AFTER", 0.0)
    monkeypatch.setattr(on_ray, "MOST_TRIES", 2)
    with pytest.raises(UserError, match="lost its Ray worker 2 times"):
        list(workers.each(dies, [Job(None)]))


def no_kit():
    raise UserError("no model here")


def test_a_kit_that_can_not_be_made_is_said_and_not_tried_for_ever(cluster):
    workers = OnRay(no_kit, cluster.address, print)
    with pytest.raises(UserError, match="no model here"):
        list(workers.each(whereabouts, [Job(1)]))
    workers.close()


def test_a_run_on_two_nodes_of_which_one_is_killed_gives_the_numbers_of_one_process(small_run, tmp_path, cluster):
    doomed, killed = cluster.add_node(**NODE), []

    class Killing(OnRay):
        def each(self, work, jobs, advance=lambda _: None, model_jobs=0):
            for found in super().each(work, jobs, advance, model_jobs):
                yield found
                if work.__name__ == "steer_part" and not killed:
                    killed.append(cluster.remove_node(doomed, allow_graceful=False))

    runtime = settings.Runtime(device="cpu", quiet=True, threads=1, on=f"ray:{cluster.address}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emotion_vectors.opening.OnRay", Killing)
        run_experiment(CHOSEN, tmp_path / "run", runtime)
    assert killed
    same_numbers(tmp_path / "run", small_run[0])


def test_places_that_are_none_are_refused(tmp_path, monkeypatch):
    assert parse_place("ray") is None and parse_place("ray:10.0.0.1:6379") == "10.0.0.1:6379"
    for text in ("", "slurm", "ray:", "Ray"):
        with pytest.raises(UserError, match="--on ray"):
            parse_place(text)
    both = settings.Runtime(device="cpu", quiet=True, on="ray", shard=(1, 2))
    with pytest.raises(UserError, match="leave one of them out"):
        run_experiment(settings.toy(), tmp_path / "run", both)
    for nobody in ("127.0.0.1:1", "127.0.0.1:99999999", "no.such.host.invalid:6379"):
        with pytest.raises(UserError, match=f"Nothing answers at {nobody}"):
            OnRay(dict, nobody, print)
    monkeypatch.setattr(on_ray.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'emotion-vectors\[ray\]'"):
        OnRay(dict, None, print)


def own_gpus(kit, payload, advance):
    time.sleep(0.3)
    yield os.environ.get("CUDA_VISIBLE_DEVICES")


def test_a_worker_that_spreads_a_model_gets_as_many_gpus_of_one_node(cluster):
    """Ray only counts them, so they need not be there."""
    cluster.add_node(**NODE | {"num_cpus": 4, "num_gpus": 4})
    cluster.add_node(**NODE | {"num_cpus": 4, "num_gpus": 1})  # too few for a worker
    workers = OnRay(dict, cluster.address, lambda _: None, gpus=2, cpus=2)
    try:
        assert workers.count == 2
        assert {found for _, found in workers.each(own_gpus, (Job(n) for n in range(8)))} == {"0,1", "2,3"}
    finally:
        workers.close()


@pytest.mark.parametrize(
    "device, gpus_here, theirs, gpus, cpus", [("cpu", 0, "cpu", 0, 3), ("cpu:1,cpu:0", 0, "cpu:0,cpu:1", 0, 3), ("cuda:1,cuda:3,cpu", 4, "cuda:0,cuda:1,cpu", 2, 2), ("cuda", 2, "cuda", 1, 1), ("cuda:3,cuda:1", 4, "cuda:0,cuda:1", 2, 2)]
)  # fmt: skip
def test_workers_use_as_many_devices_as_the_driver(device, gpus_here, theirs, gpus, cpus, monkeypatch):
    asked = {}

    class Nobody:
        def __init__(self, make, address, say, gpus, cpus):
            asked.update(device=make.args[1].device, gpus=gpus, cpus=cpus)

        def close(self):
            pass

    monkeypatch.setattr(opening, "OnRay", Nobody)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus_here > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus_here)
    runtime = settings.Runtime(device=device, on="ray", threads=3)
    located = locate("toy")
    with opening._hired(settings.toy(), runtime, load_pack("ours"), located, None, print):
        assert asked == {"device": theirs, "gpus": gpus, "cpus": cpus}
