"""Write texts in rounds of fixed chunks, each a file: what both the stories and the neutral texts need.

The requests of a round are cut into even chunks of about `CHUNK`, in the order of the plan; a chunk becomes one parquet
file, whole or absent, as soon as its last text is there. The chunks depend on the plan alone, not on batch size or on where a run stopped, so a resumed run writes
the texts that an uninterrupted one would have. A writer gets one chunk at a time, or several where it asks for them
(`chunks_together`): then no slot of its batch waits at the end of each chunk, and a killed run loses the chunks under way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, log, log1p
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import polars as pl

from emotion_vectors.corpus.filters import SPARE
from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.base import Request, Sampling, Writer, Written
from emotion_vectors.progress import Reporter
from emotion_vectors.scale.workers import Job, Workers
from emotion_vectors.store import parts
from emotion_vectors.store.atomic import write_parquet
from emotion_vectors.store.records import storable

# Fixed: the plan and the file layout of a run must not depend on the machine that writes it.
CHUNK = 512
# Later rounds ask several texts at once for each missing one, as long as a round has no more than this: the texts of a
# short round are written side by side in the time of the longest one, so one round takes the place of many.
FILL = 256
LEFT = 0.05
PART_SCHEMA = {
    "key": pl.String, "seed": pl.Int64, "text": pl.String, "tokens": pl.Int64, "finished": pl.Boolean, "writer": pl.String,
}  # fmt: skip

ChatIds = Callable[[str], Sequence[int]]
"""A user message as prompt token ids, with the model's chat template and the generation prompt."""

CountTokens = Callable[[str], int]
"""How many tokens a text has when the model reads it on its own."""


class WritingSettings(Protocol):
    """The settings that writing needs; `emotion_vectors.settings.Settings` has them all."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def story_tries(self) -> int: ...  # noqa: D102
    @property
    def min_words(self) -> int: ...  # noqa: D102
    @property
    def story_tokens(self) -> int: ...  # noqa: D102
    @property
    def min_tokens(self) -> int: ...  # noqa: D102
    @property
    def temperature(self) -> float: ...  # noqa: D102
    @property
    def top_p(self) -> float: ...  # noqa: D102
    @property
    def repetition_penalty(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Item:
    """One request of the plan: its key, its prompt (the user message) and its seed."""

    key: str
    prompt: str
    seed: int


@dataclass(frozen=True)
class Answer:
    """What the writer answered to an item, as it was written, before any cleaning."""

    key: str
    seed: int
    text: str
    tokens: int
    finished: bool
    writer: str


@dataclass(frozen=True)
class Round:
    """The answers of one round by key, and what it took: tokens and seconds of this run (0 where parts were there)."""

    answers: dict[str, Answer]
    new_tokens: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """What became of a corpus. written = kept + all dropped.

    wanted, kept: texts. dropped: texts by reason. short_cells: cells (an emotion with a topic; a neutral question) that
    ended with fewer texts than wanted. fewest: fewest kept texts of any group (emotion; all neutral texts). tokens:
    all that the writer generated, for texts that were kept, dropped or empty. new_tokens, seconds: what this run itself generated, and its writing time.
    """

    wanted: int
    written: int
    kept: int
    dropped: dict[str, int]
    short_cells: int
    fewest: int
    tokens: int
    new_tokens: int
    seconds: float


def seed_of(*parts: object) -> int:
    """A seed in [0, 2^63) from the SHA-256 of `parts`: the same everywhere, and unrelated for unlike parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") >> 1


def tries_of_round(missing: int, tried: int, tries: int, share: float) -> range:
    """The numbers of the tries that each of `missing` texts gets in the next round, after `tried` of at most `tries`.

    The first round has one; later ones as many as `FILL` has room for, but no more than leave on average `LEFT` texts
    missing where the share `share` of all tries is good. It depends on the plan and the texts alone.
    """
    if not tried or share >= 1:
        several = 1
    else:
        enough = ceil(log(LEFT / max(1, missing)) / log1p(-share)) if share else FILL
        several = max(1, min(FILL // max(1, missing), enough))
    return range(tried, min(tries, tried + several))


def good_share(rows: Sequence[Mapping[str, Any]]) -> float:
    """The share of good ones among the texts that were needed; 0 where there is none."""
    needed = [row["kept"] for row in rows if row["dropped"] != SPARE]
    return sum(needed) / max(1, len(needed))


def chunks_of(items: Sequence[Item]) -> list[Sequence[Item]]:
    """`items` in order, cut into even chunks of about `CHUNK` (at most one and a half times as many)."""
    number = max(1, (len(items) + CHUNK // 2) // CHUNK)
    borders = [len(items) * place // number for place in range(number + 1)] if items else [0]
    return [items[first:last] for first, last in pairwise(borders)]


def prompt_sha256(prompt: str) -> str:
    """SHA-256 of a prompt's text, by which a text's row names its prompt."""
    return hashlib.sha256(prompt.encode("utf-8")).hexdigest()


def sampling_of(settings: WritingSettings, together: int = 1) -> Sampling:
    """The sampling of `settings` for answers that hold `together` texts each."""
    return Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        repetition_penalty=settings.repetition_penalty,
        max_new_tokens=settings.story_tokens * together,
    )


class Scribes(NamedTuple):
    """Who writes: workers whose kits are a `Scribe` each, and how many chunks their writer wants in one call."""

    workers: Workers
    together: int = 1


class Scribe(Protocol):
    """What writing needs of a worker's kit."""

    @property
    def writer(self) -> Writer: ...  # noqa: D102


class Block(NamedTuple):
    """Some chunks of requests that are written in one call of a writer."""

    chunks: Sequence[Sequence[Request]]
    sampling: Sampling


def write_round(
    items: Sequence[Item],
    number: int,
    title: str,
    folder: Path,
    scribes: Scribes,
    sampling: Sampling,
    chat_ids: ChatIds,
    reporter: Reporter,
) -> Round:
    """Write the items of round `number` (from 0) into parts under `folder`, skipping parts that are there already.

    Raises `UserError` if a part was written for another plan.
    """
    workers, chunks = scribes.workers, chunks_of(items)
    paths = [folder / f"round-{number:03d}-chunk-{index:05d}.parquet" for index in range(len(chunks))]
    mine = [place for place in range(len(chunks)) if workers.takes(place)]
    missing = [place for place in mine if not parts.is_sound(paths[place], reporter.say)]
    answers: dict[str, Answer] = {}
    for place in mine:
        if place not in missing:
            answers |= _read_part(paths[place], chunks[place])
    new_tokens, seconds = 0, 0.0
    if missing:
        done = sum(answer.tokens for answer in answers.values())
        total = done + sum(len(chunks[place]) for place in missing) * sampling.max_new_tokens
        together = max(1, min(scribes.together, -(-len(missing) // workers.count)))

        def job(start: int) -> Job:
            some = [
                [Request(item.key, tuple(chat_ids(item.prompt)), item.seed, item.prompt) for item in chunks[place]]
                for place in missing[start : start + together]
            ]
            return Job(Block(some, sampling), sum(map(len, some)) * sampling.max_new_tokens)

        place_of = {item.key: place for place, chunk in enumerate(chunks) for item in chunk}
        with reporter.stage(title, total, "tokens", done) as stage:
            jobs = map(job, range(0, len(missing), together))
            for _, written in workers.each(write_block, jobs, stage.advance):
                path = paths[place_of[written[0].key]]
                write_parquet(path, pl.DataFrame([vars(one) for one in written], schema=PART_SCHEMA))
                parts.seal(path)
                answers |= {one.key: one for one in written}
                new_tokens += sum(one.tokens for one in written)
            seconds = stage.seconds
    workers.wait(lambda: all(path.is_file() for path in paths), f"the other shards' part of: {title}")
    for place in set(range(len(chunks))).difference(mine):
        answers |= _read_part(paths[place], chunks[place])
    return Round(answers, new_tokens, seconds)


def write_block(scribe: Scribe, block: Block, advance: Callable[[float], None]) -> Iterator[list[Answer]]:
    """Have the chunks of a block written in one call; yields each once it is whole, in whatever order they get done."""
    writer, chunks = scribe.writer, block.chunks
    requests = [request for chunk in chunks for request in chunk]
    place_of = {request.key: place for place, chunk in enumerate(chunks) for request in chunk}
    by_key: dict[str, Written] = {}
    missing = [len(chunk) for chunk in chunks]
    for written in writer.write(requests, block.sampling):
        if written.key in by_key:
            raise RuntimeError(f"the writer {writer.name} answered {written.key!r} twice")
        if written.key not in place_of:
            raise RuntimeError(f"the writer {writer.name} answered {written.key!r}, which was not asked for")
        by_key[written.key] = written
        advance(written.tokens)
        place = place_of[written.key]
        missing[place] -= 1
        if not missing[place]:
            answered = [(request, by_key[request.key]) for request in chunks[place]]
            yield [
                Answer(asked.key, asked.seed, storable(one.text), one.tokens, one.finished, writer.name)
                for asked, one in answered
            ]
    if any(missing):
        raise RuntimeError(f"the writer {writer.name} answered {len(by_key)} of {len(requests)} requests")


def _read_part(path: Path, chunk: Sequence[Item]) -> dict[str, Answer]:
    try:
        rows = pl.read_parquet(path).to_dicts()
        found = [Answer(**row) for row in rows]
    except (OSError, TypeError, pl.exceptions.PolarsError) as error:
        raise UserError(f"Can't read {path}: {error}; delete it and run again.") from error
    if [(one.key, one.seed) for one in found] != [(item.key, item.seed) for item in chunk]:
        raise UserError(f"{path} holds texts of another plan; use another --out or delete {path.parent} and run again.")
    return {one.key: one for one in found}


def most_tokens(count_tokens: CountTokens) -> float:
    """How many tokens of a text the model reads at once; infinity where `count_tokens` does not say."""
    return getattr(count_tokens, "most", inf)


def count_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason occurs, most frequent first; the empty reason (kept) isn't counted."""
    counts: dict[str, int] = {}
    for reason in reasons:
        if reason:
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def describe(counts: dict[str, int]) -> str:
    """`{"too short": 3}` as "too short 3", for a line to the user."""
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) or "none"
