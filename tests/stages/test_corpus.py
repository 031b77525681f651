"""The stage that makes both tables, with the toy model and a server that writes for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from corpus.fakes import invented
from lm.servers import Reply, completion, serving

from emotion_vectors import lab, settings
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.lm.model import locate
from emotion_vectors.lm.writers.base import Engine
from emotion_vectors.opening import settings_identity
from emotion_vectors.progress import Reporter
from emotion_vectors.stages.corpus import write_corpus
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.run_folder import open_run
from emotion_vectors.store.schema import SCHEMA

KEY = "sk-test-0123456789abcdef"


def lab_of(chosen, runtime, run, writer=None) -> Lab:
    return Lab(
        settings=chosen, runtime=runtime, pack=load_pack(), located=locate("toy"), reporter=Reporter(quiet=True), run=run,
        fingerprint="print", own_writer=writer,
    )  # fmt: skip


def identity_of(chosen: settings.Settings) -> dict:
    """As much of a run's identity as its folder asks for."""
    return {
        "schema": SCHEMA,
        "settings": settings_identity(chosen),
        "model": {"sha256": "0"},
        "stimuli": {},
        "writer": {},
    }


def make(chosen: settings.Settings, folder: Path, url: str | None = None, writer=None) -> None:
    runtime = settings.Runtime(device="cpu", quiet=True, server_url=url, server_concurrency=4)
    with open_run(folder, identity_of(chosen)) as run:
        write_corpus(lab_of(chosen, runtime, run, writer))


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_server_writes_for_the_model_and_its_key_is_in_no_file(tmp_path, key):
    pack = load_pack()

    def reply(body, number):
        if number % 5 == 0:
            return Reply(b"busy", 429, {"Retry-After": "0"})
        return Reply(completion(invented(body["seed"]) + f" {KEY}"))

    chosen = settings.change(settings.toy(), writer="server", server_model="big-model")
    with serving(reply) as seen:
        make(chosen, tmp_path / "run", seen.url)
    stories = pl.read_parquet(tmp_path / "run" / "stories.parquet")
    assert stories["writer"].unique().to_list() == ["server big-model"]
    assert stories["kept"].all() and len(stories) == 12 * 2
    asked = {body["messages"][0]["content"] for body in seen.bodies}
    prompts = {
        pack.prompts.story.format(emotion=e, topic=t, n_stories=1) for e, t in stories.select("emotion", "topic").rows()
    }
    assert prompts <= asked  # the plain message: no chat template of the small model
    assert {head["Authorization"] for head in seen.headers} == {f"Bearer {KEY}"}
    for path in (path for path in (tmp_path / "run").rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += pl.read_parquet(path).write_json().encode()
        assert KEY.encode() not in content, path


@pytest.mark.slow
def test_a_run_that_lost_its_server_goes_on_where_it_was(tmp_path, key, monkeypatch):
    monkeypatch.setattr("emotion_vectors.corpus.writing.CHUNK", 5)
    monkeypatch.setattr("emotion_vectors.lm.writers.http_json.LONGEST_WAIT", 0.01)
    chosen = settings.change(settings.toy(), writer="server", server_model="big-model")

    def story(body, number):
        return Reply(completion(invented(body["seed"])))

    with (
        serving(lambda body, number: story(body, number) if number < 13 else Reply(b"", 500)) as seen,
        pytest.raises(UserError),
    ):
        make(chosen, tmp_path / "run", seen.url)
    kept = sum(pl.read_parquet(part).height for part in (tmp_path / "run" / "parts" / "stories").glob("*.parquet"))
    assert kept >= 4
    with serving(story) as again:
        make(chosen, tmp_path / "run", again.url)
    with serving(story) as whole:
        make(chosen, tmp_path / "whole", whole.url)
    assert len(again.bodies) == len(whole.bodies) - kept
    for name in ("stories", "neutral"):
        files = [pl.read_parquet(tmp_path / run / f"{name}.parquet") for run in ("run", "whole")]
        assert files[0].equals(files[1])


def test_nothing_is_asked_of_a_server_where_both_are_imported(tmp_path, monkeypatch):
    names = [row["emotion"] for row in story_rows()]
    pl.DataFrame(story_rows()).write_parquet(tmp_path / "stories.parquet")
    pl.DataFrame({"text": [invented(10_000 + i, 40) for i in range(4)]}).write_parquet(tmp_path / "neutral.parquet")
    chosen = settings.change(
        settings.toy(),
        emotions=4,
        stories_from=str(tmp_path / "stories.parquet"),
        neutral_from=str(tmp_path / "neutral.parquet"),
    )
    monkeypatch.setattr(lab, "make_writer", lambda *_: pytest.fail("nothing is to be written"))
    make(chosen, tmp_path / "run")
    assert pl.read_parquet(tmp_path / "run" / "stories.parquet")["emotion"].to_list() == names
    assert pl.read_parquet(tmp_path / "run" / "neutral.parquet")["writer"].unique().to_list() == [
        "import: neutral.parquet"
    ]


def test_the_topics_of_an_imported_corpus_replace_the_packs(tmp_path):
    pl.DataFrame(story_rows()).write_parquet(tmp_path / "stories.parquet")
    chosen = settings.change(settings.toy(), emotions=4, topics=2, stories_from=str(tmp_path / "stories.parquet"))
    runtime = settings.Runtime(device="cpu", quiet=True)
    with open_run(tmp_path / "run", identity_of(chosen)) as run:
        made = lab_of(chosen, runtime, run, Canned())
        write_corpus(made)
        assert made.topics == ("first", "second", "third")


def test_an_imported_corpus_without_a_kept_story_is_told_what_to_do(tmp_path):
    short = [row | {"text": "Short."} for row in story_rows()]
    pl.DataFrame(short).write_parquet(tmp_path / "stories.parquet")
    chosen = settings.change(settings.toy(), emotions=4, stories_from=str(tmp_path / "stories.parquet"))
    with pytest.raises(UserError, match=r"no story passed the filters .* add stories"):
        make(chosen, tmp_path / "run")


def test_a_corpus_that_changed_since_the_run_began_is_refused(tmp_path, monkeypatch):
    pl.DataFrame(story_rows()).write_parquet(tmp_path / "stories.parquet")
    chosen = settings.change(settings.toy(), emotions=4, stories_from=str(tmp_path / "stories.parquet"))
    identity = identity_of(chosen)
    pl.DataFrame(story_rows()[::-1]).write_parquet(tmp_path / "stories.parquet")
    with open_run(tmp_path / "run", identity) as run, pytest.raises(UserError, match="changed after this run began"):
        runtime = settings.Runtime(device="cpu", quiet=True)
        write_corpus(lab_of(chosen, runtime, run))


@pytest.mark.parametrize("fails", [False, True])
def test_a_writer_with_memory_to_give_back_is_closed(tmp_path, monkeypatch, fails):
    closed = []

    class Held(Canned, Engine):
        def write(self, requests, sampling):
            if fails:
                raise UserError("no")
            return super().write(requests, sampling)

        def close(self):
            closed.append(True)

    monkeypatch.setattr(lab, "make_writer", lambda *_: Held())
    try:
        make(settings.toy(), tmp_path / "run")
    except UserError:
        assert fails
    assert closed == [True]


class Canned:
    """Writes invented words."""

    name = "canned"

    def write(self, requests, sampling):
        from emotion_vectors.lm.writers.base import Written

        for request in requests:
            yield Written(request.key, invented(request.seed), 50, True)


def story_rows() -> list[dict]:
    pack = load_pack()
    chosen = set(pack.subset[:4])
    return [
        {"emotion": emotion, "topic": topic, "text": invented(100 * place + i)}
        for i, topic in enumerate(("first", "second", "third"))
        for place, emotion in enumerate(name for name in pack.emotions if name in chosen)
    ]
