"""Imported corpora: the same filters and tables as for written ones, refusals in one sentence, hostile files."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import polars as pl
import pytest

from corpus.fakes import FakeWriter, Wishes, chat_ids, count_tokens, invented, scribes
from emotion_vectors.corpus import filters, imported, importing, sources
from emotion_vectors.corpus.imported import read_corpus
from emotion_vectors.corpus.importing import import_neutral, import_stories
from emotion_vectors.corpus.neutral import NEUTRAL_SCHEMA
from emotion_vectors.corpus.sources import locate_corpus
from emotion_vectors.corpus.stories import STORY_SCHEMA, write_stories
from emotion_vectors.errors import UserError
from emotion_vectors.progress import Reporter
from emotion_vectors.stimuli.pack import load_pack

PACK = load_pack()
EMOTIONS = ("afraid", "happy", "worn out")


def rows(count=4):
    """Stories about three emotions on two topics, `count` for each emotion."""
    return [
        {"emotion": emotion, "topic": f"topic {i % 2}", "text": invented(1000 * place + i)}
        for i in range(count)
        for place, emotion in enumerate(EMOTIONS)
    ]


def write(path: Path, content: list[dict]) -> Path:
    if path.suffix == ".parquet":
        pl.DataFrame(content).write_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in content) + "\n", encoding="utf-8")
    return path


def take(path: Path, folder: Path, emotions=EMOTIONS, skip=False):
    summary = import_stories(
        locate_corpus(str(path)),
        PACK,
        emotions,
        Wishes(),
        "skip" if skip else "refuse",
        count_tokens,
        folder,
        Reporter(quiet=True),
    )
    return summary, pl.read_parquet(folder / "stories.parquet")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_an_imported_corpus_becomes_the_same_table_as_a_written_one(form, tmp_path):
    path = write(tmp_path / f"mine.{form}", rows())
    summary, table = take(path, tmp_path / "run")
    assert dict(table.schema) == STORY_SCHEMA
    assert table.select("emotion", "topic", "text").to_dicts() == rows()
    assert table["slot"].to_list() == [0] * 6 + [1] * 6  # the first and the second story of each emotion and topic
    assert table["writer"].unique().to_list() == [f"import: mine.{form}"]
    assert table["kept"].all() and table["finished"].all()
    assert (summary.written, summary.kept, summary.wanted, summary.fewest, summary.short_cells) == (12, 12, 12, 4, 0)
    assert summary.tokens == summary.new_tokens == 0
    assert pl.read_parquet(tmp_path / "run" / "story_prompts.parquet").columns == ["prompt_sha256", "prompt"]
    assert not list((tmp_path / "run").rglob(".*.tmp"))


def test_the_filters_are_those_of_written_stories(tmp_path):
    """The same texts, once imported and once written: the same cleaning and the same reasons."""
    texts = {
        "afraid": ["Sure! Here is a story:\n" + invented(1), invented(2) + " She was afraid.", "Too short.", invented(1)],
        "happy": [invented(3), "As an AI language model, I can't.", "round and round " * 20, ""],
    }  # fmt: skip
    content = [{"emotion": e, "topic": PACK.topics[i], "text": text} for e in texts for i, text in enumerate(texts[e])]
    _, mine = take(write(tmp_path / "mine.jsonl", content), tmp_path / "import", tuple(texts))

    def compose(prompt, request):
        emotion, topic = request.key.split("\x1f")[:2]
        return texts[emotion][PACK.topics.index(topic)]

    write_stories(
        PACK, tuple(texts), PACK.topics[:4], Wishes(story_tries=1, story_tokens=500), scribes(FakeWriter(compose)), chat_ids, count_tokens,
        tmp_path / "written", Reporter(quiet=True),
    )  # fmt: skip
    written = pl.read_parquet(tmp_path / "written" / "stories.parquet")
    shared = ["emotion", "topic", "slot", "text", "words", "tokens", "kept", "dropped", "finished", "stripped", "cut"]
    assert mine.select(shared).equals(written.select(shared))
    assert set(mine["dropped"]) == {"", filters.NAMES, filters.TOO_SHORT, filters.DUPLICATE, filters.BOILERPLATE, filters.LOOP, filters.EMPTY}  # fmt: skip


def test_an_end_without_a_full_stop_is_no_cut_text(tmp_path):
    """Only a writer's token limit cuts texts; an imported one is as its author left it."""
    content = [*rows(), {"emotion": "happy", "topic": "", "text": invented(5) + " And then"}]
    _, table = take(write(tmp_path / "mine.jsonl", content), tmp_path / "run")
    assert table["text"][-1].endswith(" And then") and not table["cut"].any()


def test_counts_add_up_and_a_cell_that_lost_a_story_is_short(tmp_path):
    content = [*rows(), {"emotion": "afraid", "topic": "topic 0", "text": "Short."}]
    summary, table = take(write(tmp_path / "mine.parquet", content), tmp_path / "run")
    assert (summary.written, summary.kept, summary.dropped, summary.short_cells) == (13, 12, {filters.TOO_SHORT: 1}, 1)
    assert table.filter(~pl.col("kept"))["slot"].to_list() == [2]


def test_topics_may_be_missing(tmp_path):
    content = [{"emotion": row["emotion"], "text": row["text"]} for row in rows()]
    _, table = take(write(tmp_path / "a.parquet", content), tmp_path / "a")
    assert set(table["topic"]) == {""} and table["slot"].max() == 3
    some = [row | {"topic": None} for row in rows()]
    _, again = take(write(tmp_path / "b.jsonl", some), tmp_path / "b")
    assert again.drop("writer").equals(table.drop("writer"))


def test_spelling_of_emotions_is_lenient_and_unknown_ones_are_named(tmp_path):
    content = [row | {"emotion": row["emotion"].replace(" ", "_").upper() + " "} for row in rows()]
    _, table = take(write(tmp_path / "a.jsonl", content), tmp_path / "a")
    assert table["emotion"].to_list() == [row["emotion"] for row in rows()]
    unknown = write(tmp_path / "b.jsonl", [*rows(), {"emotion": "afriad\x1b[2J", "text": "x"}])
    with pytest.raises(UserError, match=r"b\.jsonl, row 13: .*'afriad\\x1b\[2J' \(the nearest is 'afraid'\)"):
        take(unknown, tmp_path / "b")
    assert not (tmp_path / "b" / "stories.parquet").exists()
    summary, _ = take(unknown, tmp_path / "c", skip=True)
    assert summary.written == 12


def test_other_emotions_of_the_pack_are_left_out_and_missing_ones_are_named(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows())
    summary, table = take(path, tmp_path / "a", ("happy", "afraid"))
    assert summary.written == 8 and set(table["emotion"]) == {"happy", "afraid"}
    with pytest.raises(UserError, match=r"no story about 2 of the run's 3 emotions \(sad, calm\)"):
        take(path, tmp_path / "b", ("happy", "sad", "calm"))


def test_an_emotion_without_a_kept_story_is_counted_as_none(tmp_path):
    content = [row | ({"text": "Short."} if row["emotion"] == "happy" else {}) for row in rows()]
    assert take(write(tmp_path / "mine.jsonl", content), tmp_path / "run")[0].fewest == 0


def test_a_corpus_is_read_in_pieces(tmp_path, monkeypatch):
    whole = take(write(tmp_path / "mine.parquet", rows(40)), tmp_path / "a")
    sizes = []
    real = importing.write_parquet
    monkeypatch.setattr(importing, "write_parquet", lambda path, frame: (sizes.append(len(frame)), real(path, frame)))
    monkeypatch.setattr(importing, "ROWS_PER_PART", 50)
    monkeypatch.setattr(imported, "ROWS_AT_ONCE", 7)
    pieces = take(tmp_path / "mine.parquet", tmp_path / "b")
    assert pieces[1].equals(whole[1]) and pieces[0].kept == whole[0].kept == 120
    assert sizes == [50, 50, 20, 0]  # the last is the table of prompts


def test_a_stopped_import_leaves_no_table_and_begins_again(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "ROWS_PER_PART", 5)
    path = write(tmp_path / "mine.jsonl", [*rows(), {"emotion": "nothing", "text": "x"}])
    with pytest.raises(UserError):
        take(path, tmp_path / "run")
    assert len(list((tmp_path / "run").rglob("*.parquet"))) == 2
    assert take(write(path, rows(1)), tmp_path / "run")[1].height == 3


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows())
    source = locate_corpus(str(path))
    write(path, rows(5))
    with pytest.raises(UserError, match="was changed while it was being read"):
        import_stories(source, PACK, EMOTIONS, Wishes(), "refuse", count_tokens, tmp_path / "run", Reporter(quiet=True))


def test_neutral_texts_are_imported_through_their_filters(tmp_path):
    dialogue = "Person: Why does ice float?\n\nAI: " + invented(1)
    content = [
        {"text": dialogue, "question": "?"},
        {"text": invented(2) + " He was furious."},
        {"text": "Short."},
        {"text": dialogue},
    ]
    path = write(tmp_path / "neutral.jsonl", content)
    summary = import_neutral(
        locate_corpus(str(path)), PACK, Wishes(), count_tokens, tmp_path / "run", Reporter(quiet=True)
    )
    table = pl.read_parquet(tmp_path / "run" / "neutral.parquet")
    assert dict(table.schema) == NEUTRAL_SCHEMA
    assert table["dropped"].to_list() == ["", filters.NAMES_ANY, filters.TOO_SHORT, filters.DUPLICATE]
    assert table["text"][0] == dialogue  # a dialogue is not cut at its turns
    assert (summary.written, summary.kept, summary.fewest) == (4, 1, 1)
    assert (tmp_path / "run" / "neutral_prompts.parquet").exists()


HOSTILE = {
    "no such file.jsonl": (None, "no file"), "folder.jsonl": ("folder", "no file"), "data.csv": (b"emotion,text\n", "parquet, .jsonl"),
    "pickle.pkl": (b"\x80\x04.", "can be read"), "empty.jsonl": (b"", "no text that this run can use"),
    "broken.jsonl": (b'{"emotion": "afraid"', "line 1: it is not JSON"), "list.jsonl": (b"[1, 2]\n", "row 1: it is not an object"),
    "deep.jsonl": (b"[" * 100_000, "line 1: it is not JSON"), "binary.jsonl": (b"\xff\xfe\x00\n", "line 1: it is not JSON"),
    "number.jsonl": (b'{"emotion": "afraid", "text": 5}\n', "'text' is not text but int"),
    "missing.jsonl": (b'{"emotion": "afraid", "tale": "x"}\n', "'text' is missing"),
    "long.jsonl": (b'{"emotion": "afraid", "text": "' + b"x" * 20_001 + b'"}\n', "20,001 characters"),
    "endless.jsonl": (b'"' + b"x" * 2**21, "longer than 1,048,576 bytes"),
    "torn.parquet": (b"PAR1 and nothing else", "write the parquet file again"), "hollow.parquet": (b"", "write the parquet file again"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_sentence_and_leave_no_table(name, tmp_path):
    content, says = HOSTILE[name]
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=says.replace("'", ".")) as caught:
        take(path, tmp_path / "run")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert not (tmp_path / "run" / "stories.parquet").exists()


def test_limits_of_size_and_rows(tmp_path, monkeypatch):
    path = write(tmp_path / "mine.jsonl", rows())
    monkeypatch.setattr(imported, "MOST_ROWS", 11)
    with pytest.raises(UserError, match="more than 11 rows"):
        take(path, tmp_path / "run")
    monkeypatch.setattr(sources, "MOST_BYTES", 100)
    with pytest.raises(UserError, match="larger than"):
        locate_corpus(str(path))


def test_wrong_columns_of_a_parquet_file(tmp_path):
    for number, content in enumerate(
        ({"text": ["x"]}, {"emotion": ["afraid"]}, {"emotion": ["afraid"], "text": [[1, 2]]})
    ):
        path = tmp_path / f"{number}.parquet"
        pl.DataFrame(content).write_parquet(path)
        with pytest.raises(UserError, match=r"column '(emotion|text)'"):
            take(path, tmp_path / "run")


def test_surrogates_and_a_byte_order_mark_do_no_harm(tmp_path):
    path = tmp_path / "mine.jsonl"
    content = rows()
    content[0]["text"] += " \\ud800"
    lines = [json.dumps(row).replace("\\\\ud800", "\\ud800") for row in content]
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    assert take(path, tmp_path / "run")[1]["text"][0].endswith(" \N{REPLACEMENT CHARACTER}")


def test_a_data_set_of_the_hub_needs_a_package_and_is_read_at_one_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install datasets"):
        locate_corpus("someone/stories")
    with pytest.raises(UserError, match="There is no corpus"):
        locate_corpus("./nowhere")
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: object())
    commit = ["c0ffee"]
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda self, name: types.SimpleNamespace(sha=commit[0]))
    asked = []

    def load_dataset(path: str, *, split: str, revision: str | None = None, streaming: bool = False):
        asked.append((path, split, revision, streaming))
        return iter(rows())

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    source = locate_corpus("someone/stories")
    assert [row.text for row in read_corpus(source)] == [row["text"] for row in rows()]
    assert asked == [("someone/stories", "train", "c0ffee", True)]
    commit[0] = "decaf"
    assert locate_corpus("someone/stories").sha256 != source.sha256

    def fails(*_, **__):
        raise RuntimeError("no such split\nat all")

    sys.modules["datasets"].load_dataset = fails
    with pytest.raises(UserError, match=r"someone/stories: no such split; to read one file of it, give"):
        list(read_corpus(source))
