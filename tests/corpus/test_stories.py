"""Stories with fake writers: refilling, dropping, counting, killing and resuming."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl
import pytest

from corpus.fakes import FakeWriter, Wishes, invented
from corpus.telling import PACK, good, run
from emotion_vectors.corpus import filters, writing
from emotion_vectors.corpus.writing import prompt_sha256, seed_of

EMOTIONS = ("afraid", "happy", "calm", "sad")


TOPICS = ("a lost key", "a late bus", "a red kite")


def test_a_good_writer_fills_every_cell_in_one_round(tmp_path: Path) -> None:
    summary, table = run(tmp_path, writer := FakeWriter(good), stories_per_topic=2)
    assert (summary.wanted, summary.written, summary.kept, summary.short_cells) == (24, 24, 24, 0)
    assert summary.dropped == {}
    assert summary.fewest == 6
    assert summary.tokens == summary.new_tokens == 24 * 50
    assert table.group_by("emotion", "topic").len()["len"].to_list() == [2] * 12
    assert table["kept"].all()
    assert table["words"].to_list() == [50] * 24
    assert table["writer"].unique().to_list() == ["fake 1"]
    assert len(writer.asked) == 24
    assert table["seed"].n_unique() == 24
    assert table["seed"][0] == seed_of(0, "afraid", "a lost key", 0, 0)
    prompts = pl.read_parquet(tmp_path / "story_prompts.parquet")
    joined = table.join(prompts, on="prompt_sha256", how="left")
    assert joined["prompt"].to_list() == [
        f"Story on {row['topic']}, feeling {row['emotion']}." for row in table.to_dicts()
    ]
    assert prompts["prompt_sha256"][0] == prompt_sha256(prompts["prompt"][0])


def test_tokens_are_all_that_the_writer_made_whatever_was_kept(tmp_path: Path) -> None:
    """Short answers are dropped and written again, in another number of tokens; some are cut where the writer must stop."""

    def uneven(prompt: str, request) -> str:
        words = (3, 50, 61, 10**3)[request.seed % 4]
        return invented(request.seed, words)

    writer = FakeWriter(uneven)
    summary, table = run(tmp_path, writer)
    made = [min((3, 50, 61, 10**3)[request.seed % 4], Wishes().story_tokens) for request in writer.asked]
    assert summary.tokens == summary.new_tokens == sum(made)
    kept = table.filter("kept")["tokens"].sum()
    assert summary.dropped and 0 < kept < table["tokens"].sum() <= summary.tokens


def naming_by_seed(prompt: str, request) -> str:
    """Names the emotion where the seed is even, so in about half of the stories of every round."""
    word = prompt.rsplit(" ", 1)[1].rstrip(".")
    return invented(request.seed) + (f" So {word}!" if request.seed % 2 == 0 else "")


def test_dropped_stories_are_written_again_and_the_counts_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FILL", 1)
    summary, table = run(tmp_path, FakeWriter(naming_by_seed), story_tries=20)
    assert summary.kept == summary.wanted == 12
    assert summary.short_cells == 0
    assert summary.dropped == {filters.NAMES: summary.written - 12}
    assert summary.written == table.height > 12
    assert (table["kept"] == (table["seed"] % 2 == 1)).all()
    # The next round asks for exactly the slots that the last one left empty.
    for number in range(1, table["round"].max() + 1):
        failed = table.filter(~pl.col("kept"), pl.col("round") == number - 1).select("emotion", "topic", "slot")
        assert table.filter(pl.col("round") == number).select("emotion", "topic", "slot").equals(failed)


@pytest.mark.parametrize("seed", range(4))
def test_several_tries_in_one_round_keep_what_one_try_a_round_keeps(seed, tmp_path, monkeypatch) -> None:
    wishes = {"stories_per_topic": 2, "story_tries": 9, "seed": seed}
    monkeypatch.setattr(writing, "FILL", 1)
    slow, one_by_one = run(tmp_path / "one", FakeWriter(naming_by_seed), **wishes)
    monkeypatch.setattr(writing, "FILL", 30)
    quick, together = run(tmp_path / "several", FakeWriter(naming_by_seed), **wishes)
    what = ["emotion", "topic", "slot", "try", "seed", "text", "kept"]
    assert together.filter("kept").select(what).sort(what).equals(one_by_one.filter("kept").select(what).sort(what))
    assert (quick.kept, quick.short_cells) == (slow.kept, slow.short_cells)
    assert together["round"].max() < one_by_one["round"].max()
    # Every slot has its tries in a row, from 0; what follows the kept one was not needed, and is no fault of the writer.
    for rows in together.partition_by("emotion", "topic", "slot"):
        assert rows["try"].to_list() == list(range(rows.height))
        kept = rows["kept"].to_list().index(True)
        assert rows["dropped"].to_list() == [filters.NAMES] * kept + [""] + [filters.SPARE] * (rows.height - kept - 1)
    assert quick.written - slow.written == quick.dropped[filters.SPARE] > 0
    # A round is never larger than FILL because of further tries.
    sizes = together.group_by("round").agg(pl.len(), pl.col("try").n_unique().alias("tries"))
    assert sizes.filter(pl.col("tries") > 1)["len"].max() <= 30 and sizes["tries"].max() > 2


def test_a_writer_that_always_names_the_emotion_ends_after_the_tries(tmp_path: Path, monkeypatch) -> None:
    def naming(prompt: str, request) -> str:
        return invented(request.seed) + " Happiness!" if "happy" in prompt else invented(request.seed)

    monkeypatch.setattr(writing, "FILL", 1)
    summary, table = run(tmp_path, writer := FakeWriter(naming), story_tries=4)
    assert summary.short_cells == 3
    assert summary.fewest == 0
    assert summary.kept == 9
    assert summary.dropped == {filters.NAMES: 12}
    assert table.filter(pl.col("emotion") == "happy")["round"].to_list() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert len(writer.asked) == 9 + 12


def test_empty_endless_short_and_looping_texts(tmp_path: Path) -> None:
    answers = {
        "afraid": "", "happy": " ".join(invented(i) for i in range(40)), "calm": "Too short.", "sad": "round and round " * 20,
    }  # fmt: skip
    summary, table = run(
        tmp_path, FakeWriter(lambda p, r: answers[p.rsplit(" ", 1)[1].rstrip(".")]), story_tries=1, min_words=30
    )
    reasons = table.group_by("emotion").agg(pl.col("dropped").first(), pl.col("cut").first()).sort("emotion").rows()
    # The endless text is cut at the limit of 80 words, then after its first sentence of 50; the same text on the next
    # topics is a near-duplicate.
    assert reasons == [
        ("afraid", filters.EMPTY, False), ("calm", filters.TOO_SHORT, False), ("happy", "", True), ("sad", filters.LOOP, False),
    ]  # fmt: skip
    happy = table.filter(pl.col("emotion") == "happy")
    assert happy["dropped"].to_list() == ["", filters.DUPLICATE, filters.DUPLICATE]
    assert happy["words"].to_list() == [50] * 3
    assert not happy["finished"].any()
    assert sum(summary.dropped.values()) + summary.kept == summary.written == 12
    assert (summary.kept, summary.short_cells) == (1, 11)


def test_a_story_that_repeats_another_emotion_s_story_is_a_duplicate(tmp_path: Path) -> None:
    summary, table = run(tmp_path, FakeWriter(lambda p, r: invented(7)), story_tries=2)
    assert summary.kept == 1
    assert table["kept"].to_list() == [True] + [False] * (table.height - 1)
    assert summary.dropped == {filters.DUPLICATE: 11 + 11}


def test_a_killed_run_resumes_and_equals_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 5)

    def leaky(prompt: str, request) -> str:
        return invented(request.seed) + (" afraid happy calm sad" if request.seed % 3 == 0 else "")

    wishes = {"stories_per_topic": 3, "story_tries": 4}
    whole, expected = run(tmp_path / "whole", FakeWriter(leaky), **wishes)
    total = expected.height
    folder = tmp_path / "killed"
    written = 0
    for limit in (7, 13, 11, 6):
        writer = FakeWriter(leaky, limit=limit)
        with pytest.raises(KeyboardInterrupt):
            run(folder, writer, **wishes)
        parts = list((folder / "parts" / "stories").glob("*.parquet"))
        before, written = written, sum(pl.read_parquet(part).height for part in parts)
        # At most one chunk of what was written is lost, and a chunk of 5 has at most 7.
        assert limit - (written - before) < 7
        assert not (folder / "stories.parquet").exists()
        assert not [path for path in (folder / "parts" / "stories").iterdir() if path.name.startswith(".")]
    writer = FakeWriter(leaky)
    resumed, table = run(folder, writer, **wishes)
    assert table.equals(expected)
    assert len(writer.asked) == total - written
    assert resumed.new_tokens < whole.new_tokens
    assert dataclasses.replace(resumed, new_tokens=0, seconds=0) == dataclasses.replace(whole, new_tokens=0, seconds=0)
    again, table = run(folder, idle := FakeWriter(leaky), **wishes)
    assert table.equals(expected)
    assert (idle.asked, again.new_tokens, again.seconds) == ([], 0, 0.0)


def test_a_writer_that_loses_or_repeats_a_request_is_an_error(tmp_path: Path) -> None:
    class Losing(FakeWriter):
        def write(self, requests, sampling):
            yield from list(super().write(requests, sampling))[1:]

    class Repeating(FakeWriter):
        def write(self, requests, sampling):
            for one in super().write(requests, sampling):
                yield one
                yield one

    with pytest.raises(RuntimeError, match="11 of 12"):
        run(tmp_path / "a", Losing(good))
    with pytest.raises(RuntimeError, match="twice"):
        run(tmp_path / "b", Repeating(good))

    class Inventing(FakeWriter):
        def write(self, requests, sampling):
            yield from super().write([dataclasses.replace(requests[0], key="another")], sampling)

    with pytest.raises(RuntimeError, match="not asked for"):
        run(tmp_path / "c", Inventing(good))
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_prompt_for_several_stories_gets_them_from_one_answer(tmp_path: Path) -> None:
    several = dataclasses.replace(
        PACK, prompts=dataclasses.replace(PACK.prompts, story="Write {n_stories} stories: {topic}; {emotion}.")
    )

    def compose(prompt: str, request) -> str:
        wanted = int(prompt.split()[1])
        pieces = [invented(request.seed + i, 45) for i in range(wanted)]
        pieces[-1] = "Too short." if request.key.endswith("\x1f0") else pieces[-1]
        return (
            "Here they are.\n<NEW STORY>\n"
            + "\n<NEW STORY>\n".join(pieces)
            + "\n<NEW STORY>\n"
            + invented(request.seed + 9)
        )

    summary, table = run(tmp_path, writer := FakeWriter(compose), several, stories_per_topic=6, story_tokens=500)
    # Six slots are asked for as four and two; the last of each answer is too short at first, and asked for again.
    first = table.filter(pl.col("round") == 0, pl.col("emotion") == "afraid", pl.col("topic") == "a lost key")
    assert first["slot"].to_list() == [0, 1, 2, 3, 4, 5]
    assert first["kept"].to_list() == [True, True, True, False, True, False]
    second = table.filter(pl.col("try") == 1, pl.col("emotion") == "afraid", pl.col("topic") == "a lost key")
    assert second["slot"].to_list() == [3, 5]
    assert summary.kept == summary.wanted == 72
    assert len(writer.asked) == 12 * 2 + 2 * 12  # the second round tries each pair of slots twice
    assert summary.dropped == {filters.TOO_SHORT: 24, filters.SPARE: 24}
    prompts = pl.read_parquet(tmp_path / "story_prompts.parquet")
    assert set(table["prompt_sha256"]) <= set(prompts["prompt_sha256"])
    assert table.select("emotion", "topic", "slot", "try").is_unique().all()


def test_a_writer_gets_the_plain_message_beside_its_ids(tmp_path: Path) -> None:
    run(tmp_path, writer := FakeWriter(good))
    assert all(request.message == "".join(map(chr, request.prompt_ids)) for request in writer.asked)
