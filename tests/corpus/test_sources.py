"""Corpora of others as they are: their columns, lists of stories, one file of a data set, and their emotions."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from corpus.fakes import invented
from emotion_vectors import settings
from emotion_vectors.corpus.checking import check_inputs, check_sources
from emotion_vectors.corpus.imported import NEUTRAL_COLUMNS, read_corpus
from emotion_vectors.corpus.sources import locate_corpus, neutral_source, stories_source
from emotion_vectors.corpus.survey import look_into
from emotion_vectors.errors import UserError
from emotion_vectors.opening import settings_identity
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.run_folder import open_run
from emotion_vectors.store.schema import SCHEMA

PACK = load_pack()
SIX = ("anxious", "bored", "happy", "proud", "sad", "worn out")


def rows(emotions=SIX, count=2, **more):
    return [
        {"emotion": emotion, "topic": f"topic {i}", "text": invented(1000 * place + i)} | more
        for i in range(count)
        for place, emotion in enumerate(emotions)
    ]


def write(path: Path, content: list[dict]) -> str:
    if path.suffix == ".parquet":
        pl.DataFrame(content).write_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in content) + "\n", encoding="utf-8")
    return str(path)


def renamed(content: list[dict], name: str) -> list[dict]:
    return [{name if key == "text" else key: value for key, value in row.items()} for row in content]


def chosen(path: str, **more) -> settings.Settings:
    return settings.change(settings.toy(), stories_from=path, **more)


def told(of: settings.Settings, pack=PACK):
    said: list[str] = []
    return look_into(of, pack, said.append), said


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.parametrize("name", ["text", "story", "stories", "content"])
def test_the_usual_names_of_the_column_with_the_texts(form, name, tmp_path):
    path = write(tmp_path / f"mine.{form}", renamed(rows(), name))
    assert [row.text for row in read_corpus(locate_corpus(path))] == [row["text"] for row in rows()]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_another_column_is_named_and_two_that_could_be_meant_are_refused(form, tmp_path):
    tale = write(tmp_path / f"tale.{form}", renamed(rows(), "tale"))
    with pytest.raises(
        UserError, match=r"column 'text' is missing .*it has emotion, topic, tale: .*--text-column NAME"
    ):
        told(chosen(tale))
    source = stories_source(chosen(tale, text_column="tale"))
    assert source and [row.text for row in read_corpus(source)] == [row["text"] for row in rows()]
    both = write(tmp_path / f"both.{form}", renamed(rows(content="a title"), "story"))
    with pytest.raises(UserError, match="columns story and content; say which"):
        told(chosen(both))
    # `text` is the name of our own tables and goes before any other.
    assert {row.text for row in read_corpus(locate_corpus(write(tmp_path / f"text.{form}", rows(story="x"))))} != {"x"}
    with pytest.raises(UserError, match="column 'tail' is missing; it has"):
        told(chosen(tale, text_column="tail"))


def test_a_column_that_is_named_counts_for_neutral_texts_where_they_have_it(tmp_path):
    stories = write(tmp_path / "stories.jsonl", renamed(rows(), "tale"))
    for name in ("tale", "content"):
        neutral = write(tmp_path / f"{name}.jsonl", [{name: invented(i)} for i in range(3)])
        source = neutral_source(chosen(stories, text_column="tale", neutral_from=neutral))
        assert source and [row.text for row in read_corpus(source, NEUTRAL_COLUMNS)] == [invented(i) for i in range(3)]
    with pytest.raises(UserError, match="'tale' is missing"):
        told(settings.change(settings.toy(), text_column="tale", neutral_from=neutral))
    with pytest.raises(UserError, match="no texts are imported from a file"):
        check_sources(settings.change(settings.demo(), text_column="tale"), PACK)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_list_in_a_cell_is_several_stories(form, tmp_path):
    content = [
        {"emotion": emotion, "topic": "t", "stories": [invented(10 * i), invented(10 * i + 1)]}
        for i, emotion in enumerate(SIX)
    ]
    path = write(tmp_path / f"mine.{form}", content)
    found = list(read_corpus(locate_corpus(path)))
    assert [(row.emotion, row.text) for row in found] == [
        (row["emotion"], one) for row in content for one in row["stories"]
    ]
    assert found[3].number == 2
    imports, _ = told(chosen(path))
    assert imports.stories and imports.stories.texts == dict.fromkeys(SIX, 2)
    bad = write(tmp_path / "bad.jsonl", [content[0] | {"stories": ["x", None]}])
    with pytest.raises(UserError, match="row 1: the column 'stories' is missing"):
        list(read_corpus(locate_corpus(bad)))


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path):
    lines = [json.dumps(row) for row in rows()]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\r\n" + "\r\n\r\n".join(lines).encode() + b"\r\n \t\r\n")
    found = list(read_corpus(locate_corpus(str(path))))
    assert [row.text for row in found] == [row["text"] for row in rows()] and found[0].number == 2


def test_one_file_of_a_data_set_is_read_by_its_name(tmp_path, monkeypatch):
    """The form of the field's standard corpus: stories in a folder of their own, beside files with other columns."""
    commit = "c0ffee" * 6 + "abcd"
    files = tmp_path / "hub" / "snapshots" / commit
    (files / "expression").mkdir(parents=True)
    content = [{"emotion": row["emotion"], "topic": row["topic"], "story": row["text"]} for row in rows()]
    write(files / "expression" / "stories.parquet", content)
    write(files / "expression" / "scores.parquet", [{"layer": 1, "value": 0.5}])
    asked = []

    def hf_hub_download(repo_id: str, filename: str, *, repo_type: str | None = None, revision: str | None = None):
        asked.append((repo_id, filename, repo_type, revision))
        if not (files / filename).exists():
            raise FileNotFoundError(f"404: {filename}\nand more")
        return str(files / filename)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    name = "ryancodrai/emotion-probes:expression/stories.parquet"
    source = locate_corpus(name)
    assert asked == [("ryancodrai/emotion-probes", "expression/stories.parquet", "dataset", None)]
    assert (source.name, source.revision) == (name, commit)
    assert source.sha256 == locate_corpus(str(files / "expression" / "stories.parquet")).sha256
    assert [row.text for row in read_corpus(source)] == [row["text"] for row in rows()]
    locate_corpus(f"ryancodrai/emotion-probes@{commit}:expression/stories.parquet")
    assert asked[-1][-1] == commit
    with pytest.raises(
        UserError, match=r"Can't get expression/none\.jsonl of the data set .*: 404: expression/none\.jsonl; check"
    ):
        locate_corpus("ryancodrai/emotion-probes:expression/none.jsonl")
    with pytest.raises(UserError, match="not a corpus that can be read"):
        locate_corpus("ryancodrai/emotion-probes:expression/model.pkl")


def test_the_corpus_decides_the_emotions(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows((*SIX, "hopeless")))
    with pytest.raises(UserError, match=r"row 7: .*'hopeless' .*--skip-unknown-emotions.*--emotions-from corpus"):
        told(chosen(path))
    imports, said = told(chosen(path, skip_unknown_emotions=True, emotions=171))
    assert imports.emotions == tuple(emotion for emotion in PACK.emotions if emotion in SIX)
    assert imports.pack is PACK
    assert said == [
        "The run is about the 6 emotions of mine.jsonl.",
        "2 stories of mine.jsonl are left out: the pack has no emotion hopeless.",
    ]
    fewer, _ = told(chosen(path, skip_unknown_emotions=True, emotions=4))
    assert fewer.emotions and set(fewer.emotions) == set([emotion for emotion in PACK.subset if emotion in SIX][:4])


def test_emotions_of_the_corpus_are_kept_with_or_without_a_valence(tmp_path):
    content = rows((*SIX, "Hope_less", "torn"))
    for row in content:
        row["valence"] = {"Hope_less": "Negative", "happy": "what the pack says counts"}.get(row["emotion"])
    path = write(tmp_path / "mine.parquet", content)
    imports, said = told(chosen(path, emotions_from="corpus", emotions=4))
    assert imports.emotions == (*(emotion for emotion in PACK.emotions if emotion in SIX), "hope less", "torn")
    assert imports.pack.emotions == (*PACK.emotions, "hope less", "torn")
    assert imports.pack.subset[-2:] == ("hope less", "torn")
    assert imports.pack.valence == PACK.valence | {"hope less": "negative"}
    assert any("gives no valence for torn" in one for one in said)
    for value, says in (("0.4", "'positive' or 'negative'"), ("positive", "has both valences")):
        wrong = [*content, content[6] | {"valence": value, "text": "x"}]
        with pytest.raises(UserError, match=says):
            told(chosen(write(tmp_path / "wrong.parquet", wrong), emotions_from="corpus"))
    with pytest.raises(UserError, match="not the name of an emotion"):
        told(chosen(write(tmp_path / "odd.jsonl", rows((*SIX, "x" * 61))), emotions_from="corpus"))


def test_fewer_than_four_emotions_are_refused(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows((*SIX[:3], "hopeless")))
    with pytest.raises(
        UserError, match=r"about 3 emotions of this run \(.*\); 4 or more are needed: .*--emotions-from corpus"
    ):
        told(chosen(path, skip_unknown_emotions=True))
    assert told(chosen(path, emotions_from="corpus"))[0].emotions
    none = write(tmp_path / "none.jsonl", rows(("hopeless",)))
    with pytest.raises(UserError, match=r"no text that this run can use \(hopeless are not the pack's\)"):
        told(chosen(none, skip_unknown_emotions=True))


def test_settings_that_contradict_each_other():
    for changes, says in (
        ({"emotions_from": "corpus"}, "needs stories to import"),
        ({"emotions_from": "corpus", "skip_unknown_emotions": True, "stories_from": "x"}, "one of the two"),
        ({"topics": 100, "stories_from": None}, "topics=100"),
    ):
        fewer = replace(PACK, topics=PACK.topics[:9])
        with pytest.raises(UserError, match=says):
            check_sources(settings.change(settings.toy(), **changes), fewer)


def test_new_settings_leave_the_identity_of_older_runs_alone():
    assert not {"emotions_from", "text_column"} & set(settings_identity(settings.toy()))


@pytest.mark.slow
def test_corpora_are_checked_without_pytorch(tmp_path):
    path = write(tmp_path / "mine.jsonl", renamed(rows(), "tale"))
    with pytest.raises(UserError, match="--text-column"):
        check_inputs(chosen(path))
    call = (
        "import sys; from emotion_vectors.errors import UserError; from emotion_vectors.corpus.checking import check_inputs; "
        "from emotion_vectors import settings; "
        f"\ntry: check_inputs(settings.change(settings.toy(), stories_from={path!r}))\n"
        "except UserError: print('refused', 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused", "False"]


def test_a_run_that_was_refused_before_it_made_anything_gives_its_folder_to_the_next(tmp_path):
    place, one, two = (
        tmp_path / "run",
        {"schema": SCHEMA, "settings": {"layer": 99}},
        {"schema": SCHEMA, "settings": {"layer": 5}},
    )
    with open_run(place, one) as run:
        (run / "stages").mkdir()
        (run / "stages" / "doctor.json").write_text("{}")
        (run / "parts" / "import-stories").mkdir(parents=True)
    with open_run(place, two) as run:
        assert json.loads((place / "run.json").read_text()) == two
        assert not (place / "stages" / "doctor.json").exists()
        run.parts("stories").mkdir(parents=True)  # texts are being written
    with pytest.raises(UserError, match=r"other settings \(settings\.layer\)"), open_run(place, one):
        pass
