"""The corpus that ships: its texts are those of its version, every one passes the filters, and a run reads it without any writer."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from stages.test_corpus import Canned, identity_of, lab_of, make

from corpus.fakes import Wishes, count_tokens
from emotion_vectors import lab, opening, settings
from emotion_vectors.corpus import shipped
from emotion_vectors.corpus.checking import check_sources
from emotion_vectors.corpus.importing import import_neutral, import_stories
from emotion_vectors.corpus.sources import neutral_source, stories_source
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import locate
from emotion_vectors.opening import settings_identity
from emotion_vectors.progress import Reporter
from emotion_vectors.stages.corpus import write_corpus
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.run_folder import open_run

PACK = load_pack()
OURS = {"stories_from": "ours", "neutral_from": "ours"}


def copy_of(folder: Path) -> Path:
    shutil.copytree(shipped.FOLDER, folder)
    return folder


def test_the_texts_are_those_of_the_version_that_names_them():
    """A text that was changed without tools/renew_corpus.py is red here."""
    known = json.loads((shipped.FOLDER / "corpus.json").read_text(encoding="utf-8"))
    here = [path for path in shipped.FOLDER.iterdir() if path.name != "corpus.json"]
    assert known["files"] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in here}
    assert (known["name"], known["licence"]) == ("ours", "Apache-2.0") and known["version"] and known["made"]


def test_the_hash_is_of_the_texts_wherever_they_are(tmp_path):
    elsewhere = copy_of(tmp_path / "elsewhere")
    assert shipped.identity(elsewhere) == shipped.identity()
    known = json.loads((elsewhere / "corpus.json").read_text(encoding="utf-8"))["files"]
    text = json.dumps(dict(sorted(known.items())), separators=(",", ":"))
    assert shipped.identity()[1] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("damage", ["changed", "removed", "added"])
def test_other_texts_under_the_name_of_a_version_are_refused(damage, tmp_path):
    folder = copy_of(tmp_path / "ours")
    path = folder / ("topic_99.jsonl" if damage == "added" else "topic_03.jsonl")
    if damage == "removed":
        path.unlink()
    else:
        path.write_text(path.read_text(encoding="utf-8") + "\n" if path.exists() else "{}\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"no longer version .* \({path.name}\); install"):
        shipped.identity(folder)


@pytest.mark.slow
def test_renewing_needs_a_new_version_for_new_texts(tmp_path):
    """The tool, on a copy of the package's corpus: the same version for other texts only where it is said to be unreleased."""
    folder = copy_of(tmp_path / "ours")
    (folder / "neutral.jsonl").write_text("{}\n", encoding="utf-8")
    tool = Path(__file__).parents[2] / "tools" / "renew_corpus.py"
    version = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))["version"]
    call = (
        "import runpy, sys; from pathlib import Path; from emotion_vectors.corpus import shipped; "
        f"shipped.FOLDER = Path({str(folder)!r}); shipped.identity.__defaults__ = (shipped.FOLDER,); "
        f"runpy.run_path({str(tool)!r}, run_name='__main__')"
    )

    def renew(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-c", call, *words], capture_output=True, text=True, check=False)

    refused = renew(version)
    assert refused.returncode == 1 and "give them a new version" in refused.stderr
    with pytest.raises(UserError):
        shipped.identity(folder)
    assert renew(version, "--not-released").returncode == 0 and shipped.identity(folder)[0] == version
    (folder / "neutral.jsonl").write_text("{} \n", encoding="utf-8")
    assert renew("a newer one").returncode == 0 and shipped.identity(folder)[0] == "a newer one"


@pytest.mark.slow
def test_every_story_and_answer_passes_the_filters_of_an_imported_corpus(tmp_path):
    chosen = settings.change(settings.toy(), topics=100, neutral_texts=10_000, **OURS)
    reporter, wishes = Reporter(quiet=True), Wishes(min_words=60, min_tokens=60)
    source, neutral = stories_source(chosen), neutral_source(chosen)
    summary = import_stories(source, PACK, PACK.emotions, wishes, "skip", count_tokens, tmp_path, reporter)
    answers = import_neutral(neutral, PACK, wishes, count_tokens, tmp_path, reporter)
    table = pl.read_parquet(tmp_path / "stories.parquet")
    topics = len(list(shipped.FOLDER.glob("topic_*.jsonl")))
    assert table.filter(~pl.col("kept")).select("topic", "emotion", "dropped").rows() == []
    assert (
        summary.kept == 171 * topics and table.group_by("emotion", "topic").len()["len"].to_list() == [1] * 171 * topics
    )
    assert table["topic"].unique(maintain_order=True).to_list() == list(PACK.topics[:topics])
    questions = pl.read_parquet(tmp_path / "neutral.parquet").filter("kept")["topic"].to_list()
    assert questions == list(PACK.neutral_questions) and answers.dropped == {}


def test_a_run_reads_the_first_topics_and_texts_and_starts_no_writer(tmp_path, monkeypatch):
    for name in ("make_writer", "choose_writer"):
        monkeypatch.setattr(
            lab if name == "make_writer" else opening, name, lambda *_: pytest.fail("nothing is written")
        )
    chosen = settings.change(settings.toy(), topics=3, emotions=5, neutral_texts=7, min_words=60, writer="auto", **OURS)
    chosen = opening.resolve(chosen, settings.Runtime(device="cpu"), locate("toy"))
    make(chosen, tmp_path / "run")
    stories, neutral = (pl.read_parquet(tmp_path / "run" / f"{name}.parquet") for name in ("stories", "neutral"))
    files = [shipped.FOLDER / f"topic_{number:02d}.jsonl" for number in range(3)]
    lines = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = [row["text"] for row in lines if row["emotion"] in PACK.subset[:5]]
    assert stories["text"].to_list() == wanted and len(wanted) == 15 and stories["kept"].all()
    first = json.loads((shipped.FOLDER / "neutral.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert neutral["text"][0] == f"Person: {first['question']}\n\nAI: {first['answer']}" and len(neutral) == 7
    facts = json.loads((tmp_path / "run" / "stages" / "stories.json").read_text(encoding="utf-8"))["facts"]
    version, sha256 = shipped.identity()
    assert facts["source"] == {"name": "ours", "version": version, "revision": None, "sha256": sha256}
    assert facts["topics"] == 3 and facts["writer"] == f"import: ours, version {version}"


def test_the_demo_reads_ours_and_writes_where_it_is_told_to(tmp_path):
    assert (settings.demo().stories_from, settings.demo().neutral_from) == ("ours", "ours")
    for preset in (settings.screen(), settings.paper(), settings.toy()):
        assert preset.stories_from is preset.neutral_from is None
    chosen = settings.change(
        settings.demo(),
        stories_from="none",
        neutral_from="none",
        emotions=4,
        topics=1,
        model="toy",
        min_words=30,
        neutral_texts=3,
    )
    with open_run(tmp_path / "run", identity_of(chosen)) as run:
        made = lab_of(
            settings.change(chosen, writer="transformers"), settings.Runtime(device="cpu", quiet=True), run, Canned()
        )
        write_corpus(made)
    assert set(pl.read_parquet(tmp_path / "run" / "stories.parquet")["writer"]) == {"canned"}


def test_the_corpus_counts_in_the_identity_by_its_texts():
    _, sha256 = shipped.identity()
    found = settings_identity(settings.demo())
    assert found["stories_from"] == found["neutral_from"] == sha256
    assert "stories_from" not in settings_identity(settings.screen())


def test_a_writer_that_would_have_nothing_to_write_is_refused():
    asked = settings.change(settings.demo(), writer="server", server_model="big")
    with pytest.raises(UserError, match=r"Nothing is left for the server to write.*--set stories_from=none"):
        check_sources(asked, PACK)
    check_sources(settings.change(asked, stories_from="none"), PACK)


def test_a_pack_of_fewer_emotions_takes_its_stories(tmp_path):
    fewer = replace(PACK, emotions=PACK.emotions[:6], subset=PACK.emotions[:6])
    source = stories_source(settings.change(settings.toy(), topics=2, **OURS))
    summary = import_stories(
        source, fewer, fewer.emotions, Wishes(), "skip", count_tokens, tmp_path, Reporter(quiet=True)
    )
    assert summary.kept == 12
