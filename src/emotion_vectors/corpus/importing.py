"""An imported corpus in place of a written one: through the same cleaning and filters, into the same tables.

In: a corpus of stories or of neutral texts (corpus/imported.py). Out: `stories.parquet` or `neutral.parquet` and a
`Summary`. Every text is used that the filters keep; there is nobody to write a dropped one again. What can't be
known of an imported text stays empty: seed 0, round 0, no prompt.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from emotion_vectors.corpus.duplicates import DuplicateIndex
from emotion_vectors.corpus.filters import admit, clean, neutral_fault, story_fault
from emotion_vectors.corpus.imported import NEUTRAL_COLUMNS, Emotions, Row, Unknown, read_corpus
from emotion_vectors.corpus.neutral import FACTUAL_SENSES, NEUTRAL_SCHEMA
from emotion_vectors.corpus.sources import Source, unchanged
from emotion_vectors.corpus.stories import STORY_SCHEMA
from emotion_vectors.corpus.writing import CountTokens, Summary, WritingSettings, describe, most_tokens
from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store.atomic import replace_file, write_parquet
from emotion_vectors.store.run_folder import IMPORTING

ROWS_PER_PART = 4096
PROMPT_SCHEMA = {"prompt_sha256": pl.String, "prompt": pl.String}

Fault = Callable[[str, int], str]
"""Why a cleaned text of this many tokens is dropped, or ""."""


def import_stories(
    source: Source,
    pack: Pack,
    emotions: Sequence[str],
    settings: WritingSettings,
    unknown: Unknown,
    count_tokens: CountTokens,
    folder: Path,
    reporter: Reporter,
) -> Summary:
    """File the stories of `source` about `emotions` under the run `folder`, kept or dropped with the reason.

    Rows about other emotions are left out and counted. Raises `UserError` for an emotion that the pack does not have where
    these are refused, and where one of `emotions` has no story.
    """
    names = Emotions(pack.emotions, unknown)
    tally = _Tally(count_tokens, f"import: {source.label}")
    wanted, elsewhere = frozenset(emotions), 0

    def rows() -> Iterator[dict]:
        nonlocal elsewhere
        for row in read_corpus(source):
            emotion = names.find(source, row)
            if emotion not in wanted:
                elsewhere += emotion is not None
                continue
            synonyms = pack.synonyms.get(emotion, ())

            def fault(text: str, tokens: int, emotion: str = emotion, synonyms: Sequence[str] = synonyms) -> str:
                return story_fault(
                    text, tokens, pack.prompts.story, emotion, synonyms, settings.min_words, settings.min_tokens
                )

            yield {"emotion": emotion} | tally.row((emotion, row.topic), row, fault)

    seconds = _file(rows(), STORY_SCHEMA, "stories", folder, reporter)
    unchanged(source)
    for count, what in (
        (names.skipped.total(), "emotions that the pack does not have"),
        (elsewhere, "emotions not in this run"),
    ):
        if count:
            reporter.say(f"{count:,} stories of {source.name} are left out: they are about {what}.")
    given = Counter(emotion for (emotion, _), number in tally.slots.items() if number)
    if missing := [emotion for emotion in emotions if not given[emotion]]:
        raise UserError(
            f"{source.name} has no story about {len(missing)} of the run's {len(emotions)} emotions "
            f"({', '.join(missing[:5])}); add some, or ask for fewer with --set emotions=N (the first N of the pack's subset)."
        )
    kept = Counter[str]()
    for (emotion, _), number in tally.kept.items():
        kept[emotion] += number
    return tally.summary("Stories", min(kept[emotion] for emotion in emotions), seconds, reporter)


def import_neutral(
    source: Source,
    pack: Pack,
    settings: WritingSettings,
    count_tokens: CountTokens,
    folder: Path,
    reporter: Reporter,
) -> Summary:
    """File the neutral texts of `source` (columns text and, if there is one, topic) under the run `folder`."""
    emotions = tuple(word for word in pack.emotions if word not in FACTUAL_SENSES)
    tally = _Tally(count_tokens, f"import: {source.label}")

    def fault(text: str, tokens: int) -> str:
        return neutral_fault(text, tokens, pack.prompts.neutral, emotions, settings.min_words, settings.min_tokens)

    rows = (tally.row(("", row.topic), row, fault, turns=False) for row in read_corpus(source, NEUTRAL_COLUMNS))
    seconds = _file(rows, NEUTRAL_SCHEMA, "neutral", folder, reporter)
    unchanged(source)
    return tally.summary("Neutral texts", sum(tally.kept.values()), seconds, reporter)


class _Tally:
    """Judges texts one after the other and counts them by cell (emotion, topic) and reason."""

    def __init__(self, count_tokens: CountTokens, writer: str) -> None:
        self._count, self._writer, self._index = count_tokens, writer, DuplicateIndex()
        self._most = most_tokens(count_tokens)
        self.slots: Counter[tuple[str, str]] = Counter()
        self.kept: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[str] = Counter()

    def row(self, cell: tuple[str, str], row: Row, fault: Fault, turns: bool = True) -> dict[str, str | int | bool]:
        """One row of the table (without its emotion). turns: it is a story, and cut where a next speaker begins."""
        cleaned = clean(row.text, turns=turns, story=turns)
        tokens = self._count(cleaned.text) if cleaned.text else 0
        reason = admit(fault(cleaned.text, tokens), cleaned.text, tokens, self._most, self._index)
        if reason:
            self.dropped[reason] += 1
        else:
            self.kept[cell] += 1
        slot = self.slots[cell]
        self.slots[cell] += 1
        return {
            "topic": cell[1], "slot": slot, "round": 0, "try": 0, "seed": 0, "text": cleaned.text,
            "words": len(cleaned.text.split()), "tokens": tokens, "kept": not reason, "dropped": reason, "finished": True, "stripped": cleaned.stripped,
            "cut": cleaned.cut, "writer": self._writer, "prompt_sha256": "",
        }  # fmt: skip

    def summary(self, title: str, fewest: int, seconds: float, reporter: Reporter) -> Summary:
        """Every text of the corpus was wanted; the writer generated no token."""
        written, kept = sum(self.slots.values()), sum(self.kept.values())
        dropped = dict(sorted(self.dropped.items(), key=lambda pair: (-pair[1], pair[0])))
        short = sum(self.kept[cell] < number for cell, number in self.slots.items())
        reporter.say(f"{title}: {written:,} read, {kept:,} kept; dropped: {describe(dropped)}.")
        return Summary(written, written, kept, dropped, short, fewest, 0, 0, seconds)


def _file(
    rows: Iterable[dict], schema: Mapping[str, type[pl.DataType]], stage: str, folder: Path, reporter: Reporter
) -> float:
    """Write rows to `folder/STAGE.parquet` through parts, so that memory holds one part; the seconds that it took."""
    parts = folder / "parts" / f"{IMPORTING}{stage}"
    for old in parts.glob("*.parquet"):
        old.unlink()  # of an import that was stopped: reading is quick, so it begins again
    started, paths, source = time.perf_counter(), [], iter(rows)
    while batch := list(islice(source, ROWS_PER_PART)):
        paths.append(parts / f"{len(paths):06d}.parquet")
        write_parquet(paths[-1], pl.DataFrame(batch, schema=schema))
        if len(paths) % 10 == 0:
            reporter.say(f"Import of {stage}: {len(paths) * ROWS_PER_PART:,} texts read.")
    if not paths:
        raise UserError(f"The corpus of {stage} has no text that this run can use; check its columns and emotions.")
    replace_file(
        folder / f"{stage}.parquet", lambda temporary: pl.scan_parquet(paths, glob=False).sink_parquet(temporary)
    )
    kind = "story" if stage == "stories" else stage
    write_parquet(folder / f"{kind}_prompts.parquet", pl.DataFrame(schema=PROMPT_SCHEMA))
    return time.perf_counter() - started
