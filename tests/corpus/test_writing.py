"""Rounds, chunks and seeds of writing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from corpus.fakes import FakeWriter, invented
from corpus.telling import good, run
from emotion_vectors.corpus import writing
from emotion_vectors.corpus.writing import seed_of
from emotion_vectors.errors import UserError

EMOTIONS = ("afraid", "happy", "calm", "sad")


TOPICS = ("a lost key", "a late bus", "a red kite")


def test_the_first_round_asks_once_and_no_slot_gets_more_than_its_tries() -> None:
    few = 0.01  # so few are good that there is never enough room
    assert list(writing.tries_of_round(2, 0, 20, few)) == [0]
    assert list(writing.tries_of_round(writing.FILL // 3, 1, 20, few)) == [1, 2, 3]
    assert list(writing.tries_of_round(writing.FILL // 3 + 1, 4, 20, few)) == [4, 5]
    assert list(writing.tries_of_round(1, 3, 5, few)) == [3, 4]
    assert list(writing.tries_of_round(10_000, 7, 20, few)) == [7]
    assert len(writing.tries_of_round(1, 1, 1000, 0.0)) == writing.FILL


def test_no_more_tries_than_leave_next_to_nothing_missing() -> None:
    # 8 missing, half of all tries good: 8 / 2^8 = 0.03 of a text is left after 8 tries, 0.06 after 7.
    assert len(writing.tries_of_round(8, 1, 100, 0.5)) == 8
    assert len(writing.tries_of_round(3, 1, 100, 0.95)) == 2
    assert len(writing.tries_of_round(3, 1, 100, 1.0)) == 1


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (512, [512]), (767, [767]), (768, [384] * 2), (1026, [513] * 2), (2050, [512, 513, 512, 513])],
)
def test_chunks_are_even_and_none_is_nearly_empty(count, sizes) -> None:
    items = [writing.Item(str(i), "", i) for i in range(count)]
    chunks = writing.chunks_of(items)
    assert [len(chunk) for chunk in chunks] == sizes
    assert [item for chunk in chunks for item in chunk] == items


class Together(FakeWriter):
    """Wants three chunks in one call and answers round robin, so that several chunks are under way at once."""

    chunks_together = 3

    def write(self, requests, sampling):
        self.calls = [*getattr(self, "calls", []), len(requests)]
        turns = [request for start in range(4) for request in requests[start::4]]
        yield from super().write(turns, sampling)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def leaky_by_seed(prompt: str, request) -> str:
    return invented(request.seed) + (" afraid happy calm sad" if request.seed % 3 == 0 else "")


def test_feeding_a_writer_across_chunks_changes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 5)
    wishes = {"stories_per_topic": 3, "story_tries": 4}
    run(tmp_path / "one", FakeWriter(leaky_by_seed), **wishes)
    run(tmp_path / "many", writer := Together(leaky_by_seed), **wishes)
    assert files_of(tmp_path / "many") == files_of(tmp_path / "one")
    assert len(files_of(tmp_path / "one")) > 8
    assert writer.calls[:3] == [15, 15, 6]  # 36 requests of the first round in seven even chunks, three at a time


def test_a_kill_between_chunks_keeps_the_whole_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 5)
    wishes = {"stories_per_topic": 3, "story_tries": 4}
    run(tmp_path / "whole", FakeWriter(leaky_by_seed), **wishes)
    folder = tmp_path / "killed"
    kept = []
    for limit in (4, 14, 14, 20, 9):
        with pytest.raises(KeyboardInterrupt):
            run(folder, Together(leaky_by_seed, limit=limit), **wishes)
        parts = sorted((folder / "parts" / "stories").glob("*.parquet"))
        kept.append(len(parts))
        assert all(files_of(tmp_path / "whole")[str(part.relative_to(folder))] == part.read_bytes() for part in parts)
    # 4 texts finish no chunk of 5; 14 of 15 leave one unfinished, and of the next ones at most two.
    assert kept[0] == 0 and kept[1] == 2 and kept == sorted(kept) and kept[-1] > 5
    run(folder, Together(leaky_by_seed), **wishes)
    assert files_of(folder) == files_of(tmp_path / "whole")


def test_a_part_is_on_disk_as_soon_as_its_last_text_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 4)
    seen = []

    class Watching(FakeWriter):
        chunks_together = 3

        def write(self, requests, sampling):
            for one in super().write(requests[::-1], sampling):
                seen.append(len(list(tmp_path.rglob("*.parquet"))))
                yield one

    run(tmp_path, Watching(good))
    assert seen == [0] * 4 + [1] * 4 + [2] * 4


def test_parts_of_another_plan_and_damaged_parts_are_refused(tmp_path: Path) -> None:
    run(tmp_path, FakeWriter(good))
    with pytest.raises(UserError, match="another plan"):
        run(tmp_path, FakeWriter(good), seed=1)
    part = next((tmp_path / "parts" / "stories").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:40])
    part.with_name(part.name + ".sha256").unlink()  # as in a folder of an older version; with it the part is made again
    with pytest.raises(UserError, match="delete it and run again"):
        run(tmp_path, FakeWriter(good))


def test_seeds_depend_on_every_part_and_not_on_what_else_is_written(tmp_path: Path) -> None:
    assert (
        len(
            {
                seed_of(0, "a", "b", 0, 0),
                seed_of(1, "a", "b", 0, 0),
                seed_of(0, "ab", "", 0, 0),
                seed_of(0, "a", "b", 0, 1),
            }
        )
        == 4
    )
    assert all(0 <= seed_of(i) < 2**63 for i in range(100))
    _, one = run(tmp_path / "one", FakeWriter(good), stories_per_topic=1)
    _, two = run(tmp_path / "two", FakeWriter(good), stories_per_topic=2)
    shared = two.filter(pl.col("slot") == 0)
    assert shared["text"].to_list() == one["text"].to_list()
