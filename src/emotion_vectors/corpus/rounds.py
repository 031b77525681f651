"""Round after round of writing, until no text is missing: one loop for stories, neutral texts and dialogues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import polars as pl

from emotion_vectors.corpus.writing import (
    ChatIds,
    Item,
    Round,
    Scribes,
    Summary,
    WritingSettings,
    count_reasons,
    describe,
    good_share,
    prompt_sha256,
    tries_of_round,
    write_round,
)
from emotion_vectors.lm.writers.base import Sampling
from emotion_vectors.progress import Reporter
from emotion_vectors.store.atomic import write_parquet


class Asked(Protocol):
    """A request of the plan of a round; each kind of text has its own."""

    @property
    def item(self) -> Item: ...  # noqa: D102


Ask = TypeVar("Ask", bound=Asked)


class Filled(NamedTuple):
    """All rows of the table of a kind of text, and what it took: tokens in all, and tokens and seconds of this run."""

    rows: list[dict[str, Any]]
    tokens: int
    new_tokens: int
    seconds: float


def write_until_filled(
    what: str,
    missing: Callable[[], int],
    plan: Callable[[range], Sequence[Ask]],
    judge: Callable[[Sequence[Ask], int, Round], list[dict[str, Any]]],
    settings: WritingSettings,
    scribes: Scribes,
    sampling: Sampling,
    chat_ids: ChatIds,
    folder: Path,
    reporter: Reporter,
) -> Filled:
    """Rounds of `what` ("stories") into parts under `folder`, until nothing is `missing()` or the tries are used up.

    `plan(tries)` are the requests for what is missing now, one for each of these tries; `judge(asks, round, answers)` the rows of the table,
    after which less is missing.
    """
    rows: list[dict[str, Any]] = []
    number, tried, tokens, new_tokens, seconds = 0, 0, 0, 0, 0.0
    while (count := missing()) and tried < settings.story_tries:
        tries = tries_of_round(count, tried, settings.story_tries, good_share(rows))
        if number:
            faults = describe(count_reasons(row["dropped"] for row in rows))
            each = f", {len(tries)} tries each" if len(tries) > 1 else ""
            reporter.say(f"Round {number + 1} writes {count:,} {what} again{each}; dropped: {faults}.")
        asks = plan(tries)
        title = f"{what.capitalize()}{f', round {number + 1}' if number else ''}"
        written = write_round([ask.item for ask in asks], number, title, folder, scribes, sampling, chat_ids, reporter)
        rows += judge(asks, number, written)
        tokens += sum(answer.tokens for answer in written.answers.values())
        new_tokens, seconds = new_tokens + written.new_tokens, seconds + written.seconds
        number, tried = number + 1, tries.stop
    return Filled(rows, tokens, new_tokens, seconds)


def file_prompts(path: Path, prompts: Iterable[str]) -> None:
    """File each prompt once, with the hash by which the rows of a table name it."""
    once = list(dict.fromkeys(prompts))
    write_parquet(path, pl.DataFrame({"prompt_sha256": [prompt_sha256(prompt) for prompt in once], "prompt": once}))


def sum_up(
    what: str,
    table: pl.DataFrame,
    filled: Filled,
    wanted: int,
    short_cells: int,
    reporter: Reporter,
    fewest: int | None = None,
) -> Summary:
    """What became of the texts in `table`, told to the user; `fewest` None: all that are kept are one group."""
    kept, dropped = int(table["kept"].sum()), count_reasons(table["dropped"])
    reporter.say(f"{what}: {table.height:,} written, {kept:,} of {wanted:,} wanted kept; dropped: {describe(dropped)}.")
    return Summary(
        wanted, table.height, kept, dropped, short_cells, kept if fewest is None else fewest, filled.tokens,
        filled.new_tokens, filled.seconds,
    )  # fmt: skip
