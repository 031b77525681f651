"""Running out of memory, with stand-ins that raise for batches above a size."""

import gc
import weakref

import pytest
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm import memory
from emotion_vectors.lm.memory import Room

CPU = torch.device("cpu")
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    MemoryError(),
]


def work(room, items, most, error, sizes):
    """All items doubled, in batches of what `room` allows, where more than `most` at once is too much."""

    def double(group):
        sizes.append(len(group))
        if len(group) > most:
            raise error
        return [2 * one for one in group]

    done = []
    while len(done) < len(items):
        group = items[len(done) : len(done) + room.size]
        done += room.attempt(lambda group=group: double(group), len(group), len(group) == 1) or []
    return done


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_batch_is_halved_until_it_fits_and_the_result_is_the_same(error):
    items, said, sizes = list(range(100)), [], []
    room = Room(64, "texts", "reading", CPU, said.append)
    assert work(room, items, 10, error, sizes) == [2 * one for one in items]
    assert [size for size in sizes if size > 10] == [64, 32, 16], "it must run out once for each size"
    assert room.size == 8 and len(said) == 3
    assert said[0] == "Out of memory while reading 64 texts at once; continuing with 32."


def test_a_batch_smaller_than_allowed_is_halved_from_what_it_held():
    room = Room(1000, "texts", "reading", CPU)
    assert work(room, list(range(7)), 2, MemoryError(), sizes := []) == [0, 2, 4, 6, 8, 10, 12]
    assert sizes[:3] == [7, 3, 1]


def test_the_smallest_batch_that_does_not_fit_is_a_sentence_for_the_user():
    with pytest.raises(UserError, match=r"not enough memory on cpu for reading even 1 texts.*; buy memory\."):
        work(Room(4, "texts", "reading", CPU, remedy="buy memory"), [1, 2], 0, MemoryError(), [])
    with pytest.raises(UserError, match="1 or more"):
        Room(0, "texts", "reading", CPU)


def test_other_errors_pass_through():
    for error in (RuntimeError("shapes do not match"), ValueError("out of memory"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            work(Room(4, "texts", "reading", CPU), [1, 2, 3], 0, error, [])


def test_memory_of_the_failed_batch_is_free_before_the_next(monkeypatch):
    """The device gives back nothing while a traceback still holds the batch's tensors."""
    held, alive = [], []
    monkeypatch.setattr(memory, "release", lambda device: alive.append(held[-1]() is not None))

    def fail():
        tensor = torch.zeros(3)
        held.append(weakref.ref(tensor))
        raise MemoryError

    gc.disable()
    try:
        assert Room(4, "texts", "reading", CPU).attempt(fail, 4, False) is None
    finally:
        gc.enable()
    assert alive == [False]


@pytest.mark.parametrize(("kind", "module"), [("cuda", torch.cuda), ("mps", torch.mps)])
def test_the_device_gets_its_memory_back(monkeypatch, kind, module):
    called = []
    monkeypatch.setattr(module, "empty_cache", lambda: called.append(kind))
    memory.release(torch.device(kind))
    memory.release(CPU)
    assert called == [kind]
