"""Growth measures each size in a process."""

import pytest

from emotion_vectors.bench.growth import measure
from emotion_vectors.errors import UserError
from emotion_vectors.settings import Runtime, change, toy

QUIET = Runtime(quiet=True, device="cpu")


@pytest.mark.parametrize(("job", "unit"), [("extraction", "stories"), ("steering", "vectors")])
@pytest.mark.slow
def test_growth_measures_a_size_in_this_process(job, unit):
    request = {"job": job, "settings": toy().model_dump(mode="json"), "device": "cpu", "tokens_per_batch": 4096, "threads": 1,
               "cache": None}  # fmt: skip
    one, two = (measure(request | {"times": times}) for times in (1, 2))
    assert one.unit == unit and two.amount == 2 * one.amount and one.seconds > 0
    assert two.peak_bytes >= two.loaded_bytes > 50e6


@pytest.mark.slow
def test_growth_starts_processes_of_its_own(monkeypatch):
    from emotion_vectors.bench import growth
    from emotion_vectors.progress import Reporter

    held = bytearray(400_000_000)  # this process's peak must not show in theirs
    held[::4096] = b"x" * len(held[::4096])
    rows = growth.growth(toy(), QUIET, "steering", Reporter(quiet=True), times=(1,))
    assert [row["times"] for row in rows] == [1] and rows[0]["amount"] == growth.VECTORS
    assert rows[0]["peak_bytes"] < growth.peak_bytes()
    with pytest.raises(UserError, match="nowhere"):
        growth.growth(change(toy(), model="./nowhere"), QUIET, "steering", Reporter(quiet=True), times=(1,))
