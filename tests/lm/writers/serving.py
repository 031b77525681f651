"""Requests to a server on this machine."""

from __future__ import annotations

from emotion_vectors.lm.writers.base import Request, Sampling
from emotion_vectors.lm.writers.server_writer import ServerWriter

SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=33)
KEY = "sk-test-0123456789abcdef"


def requests(count):
    return [Request(f"r{i}", (1, 2), 10_000_000_000 + i, f"Write story {i}.") for i in range(count)]


def writer(seen, **options):
    return ServerWriter(seen.url, "big-model", **({"timeout": 5.0, "first_wait": 0.01} | options))


def texts(seen, wanted, **options):
    return {one.key: one for one in writer(seen, **options).write(wanted, SAMPLING)}
