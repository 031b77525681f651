"""Choices of a run that do not change its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Runtime:
    """Choices that don't change the answer: where it runs, how much at once, how loudly."""

    device: str = "auto"
    tokens_per_batch: int = 4096
    stories_per_batch: int = 256
    threads: int | None = None
    quiet: bool = False
    cache: Path | None = None
    allow_failed_checks: bool = False
    server_url: str | None = None
    server_concurrency: int = 8
    shard: tuple[int, int] = (1, 1)  # this process as shard i of n on the same run folder
    until: Literal["vectors"] | None = None  # stop after this stage; the same folder goes on without it
    on: str | None = None  # "ray" or "ray:ADDRESS": pieces of work go to a Ray cluster
