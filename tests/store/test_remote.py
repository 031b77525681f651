"""Runs at addresses: on an object store (a local S3 server), and on fsspec's own memory file system."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import fsspec
import pytest
import torch
from faults import SMALL_WORDS

import emotion_vectors.stimuli
from emotion_vectors.corpus.imported import read_corpus
from emotion_vectors.corpus.sources import locate_corpus
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import load_model, local_model, locate
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store import remote
from emotion_vectors.store.remote import NOTE, Mirror, at_hand, exists, folder_at, is_remote, local_copy, local_folder
from emotion_vectors.vectors.file import EmotionVectors


@pytest.fixture
def url():
    """A fresh place in memory."""
    fsspec.filesystem("memory").store.clear()
    return "memory://bucket/run"


def put(url, name, text):
    fsspec.filesystem("memory").pipe_file(f"/bucket/run/{name}", text.encode())


def names():
    return sorted(path.removeprefix("/bucket/run/") for path in fsspec.filesystem("memory").find("/bucket/run"))


@pytest.mark.parametrize("name", ["s3://b/x", "memory://x", "hf://datasets/a/b", "filecache::s3://b/x"])
def test_addresses(name):
    assert is_remote(name)


@pytest.mark.parametrize("name", ["runs/demo", "/tmp/x", "C:/x", "a:b", "owner/name", "~/x", ""])
def test_paths_are_none(name):
    assert not is_remote(name)


def test_a_folder_here_is_itself(tmp_path):
    with at_hand(str(tmp_path / "run"), tmp_path / "cache") as folder:
        assert folder == tmp_path / "run" and not folder.exists()


def test_what_is_made_here_is_there_and_comes_back_on_another_machine(url, tmp_path):
    with at_hand(url, tmp_path / "one") as folder:
        (folder / "stages").mkdir()
        (folder / "run.json").write_text("{}")
        (folder / ".lock").write_text("1")
        (folder / "stages" / "stories.json").write_text("{}")
        assert NOTE in names()
    assert names() == ["run.json", "stages/stories.json"]
    with at_hand(url, tmp_path / "two") as folder:
        assert (folder / "stages" / "stories.json").read_text() == "{}"
        (folder / "stories.parquet").write_text("x")
    assert names() == ["run.json", "stages/stories.json", "stories.parquet"]


def test_files_are_sent_oldest_first_and_once(url, tmp_path, monkeypatch):
    sent = []
    files = fsspec.filesystem("memory")
    usual = files.put_file
    monkeypatch.setattr(
        type(files), "put_file", lambda self, here, there, **_: sent.append(there) or usual(here, there)
    )
    mirror = Mirror(url, tmp_path / "copy")
    mirror.begin()
    for age, name in enumerate(("marker.json", "table.parquet", "part.safetensors")):
        (tmp_path / "copy" / name).write_text(name)
        os.utime(tmp_path / "copy" / name, (1000 - age, 1000 - age))
    mirror.send()
    mirror.send()
    assert [path.rpartition("/")[2] for path in sent] == ["part.safetensors", "table.parquet", "marker.json"]
    (tmp_path / "copy" / "table.parquet").write_text("another")
    mirror.send()
    assert sent[3:] and sent[3].endswith("table.parquet") and len(sent) == 4


def test_it_is_sent_while_the_run_goes_on(url, tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "SEND_EVERY", 0.05)
    with at_hand(url, tmp_path) as folder:
        (folder / "part").write_text("x")
        deadline = time.monotonic() + 10
        while "part" not in names() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "part" in names()


def test_an_address_in_use_is_refused_and_one_of_a_dead_process_is_taken(url, tmp_path):
    first = Mirror(url, tmp_path / "one")
    first.begin()
    other = {"host": "elsewhere", "pid": 7, "time": time.time()}
    put(url, NOTE, json.dumps(other))
    with pytest.raises(UserError, match=r"process 7 on elsewhere\) is using memory://bucket/run; wait \(5 minutes"):
        Mirror(url, tmp_path / "two").begin()
    put(url, NOTE, json.dumps(other | {"time": time.time() - 400}))
    Mirror(url, tmp_path / "two").begin()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    put(url, NOTE, json.dumps({"host": first._me["host"], "pid": dead.pid, "time": time.time()}))
    Mirror(url, tmp_path / "two").begin()
    put(url, NOTE, json.dumps({"host": first._me["host"], "pid": os.getppid(), "time": time.time()}))
    with pytest.raises(UserError, match="Another run"):
        Mirror(url, tmp_path / "two").begin()


def test_a_copy_of_another_run_gives_way_to_what_is_at_the_address(url, tmp_path):
    with at_hand(url, tmp_path) as folder:
        (folder / "run.json").write_text('{"seed": 1}')
        (folder / "old.parquet").write_text("old")
    fsspec.filesystem("memory").store.clear()
    put(url, "run.json", '{"seed": 2}')
    with at_hand(url, tmp_path) as folder:
        assert folder.joinpath("run.json").read_text() == '{"seed": 2}' and not (folder / "old.parquet").exists()


def test_a_copy_that_was_not_sent_yet_is_kept(url, tmp_path):
    mirror = Mirror(url, tmp_path / "copy")
    mirror.begin()
    (tmp_path / "copy" / "run.json").write_text("{}")  # killed before it was sent
    again = Mirror(url, tmp_path / "copy")
    again.begin()
    again.send()
    assert "run.json" in names()


def test_what_can_not_be_sent_is_an_error_that_says_where_it_is(url, tmp_path, monkeypatch):
    files = fsspec.filesystem("memory")

    def full(*_, **__):
        raise OSError("no room")

    with (
        pytest.raises(
            UserError, match=r"Can't write to memory://bucket/run: OSError no room; what was computed is in .*runs"
        ),
        at_hand(url, tmp_path) as folder,
    ):
        (folder / "part").write_text("x")
        monkeypatch.setattr(type(files), "put_file", full)
    assert list((tmp_path / "runs").rglob("part"))


@pytest.mark.parametrize("bad", ["nosuch://x/y", "s3://"])
def test_addresses_that_are_none_are_refused(bad, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError), at_hand(bad, tmp_path):
        pass
    with pytest.raises(UserError):
        local_copy(bad, tmp_path)


@pytest.fixture(scope="module")
def bucket():
    """A bucket on an S3 server of this machine."""
    moto = pytest.importorskip("moto.server")  # in the extra `dev`; the check of dependency ranges goes without
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "s3cr3t-in-no-file",
            "AWS_DEFAULT_REGION": "us-east-1", "no_proxy": "*",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # one may be there that knows no keys
        fsspec.filesystem("s3").mkdir("models")
        yield "s3://models"
    server.stop()


def in_a_process(*words, cache):
    return subprocess.run(
        [sys.executable, "-m", "emotion_vectors", *map(str, words)], capture_output=True, text=True, check=False,
        env=os.environ | {"EMOTION_VECTORS_CACHE": str(cache)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_on_an_object_store_goes_on_on_another_machine(bucket, small_run, tmp_path, monkeypatch, call):
    """Killed here, finished there: its files are at the address, and its vectors and stories are read from it."""

    def run(*words, cache):
        return call(*words, EMOTION_VECTORS_CACHE=cache)

    files = fsspec.filesystem("s3")
    toy = ("run", "--preset", "toy", *SMALL_WORDS, "--device", "cpu", "--threads", "1", "--quiet")
    out = f"{bucket}/toy"
    half = tmp_path / "half"  # as after a kill in the middle of steering
    shutil.copytree(small_run[0], half, ignore=shutil.ignore_patterns("results.json", "report.html", "figures", "analysis.json", "report.json", "feels.*", "steering.*", ".*"))  # fmt: skip
    parts = sorted(half.glob("parts/steering-*/*.safetensors"))
    parts[-1].unlink()
    files.put(str(half) + "/", f"{bucket}/toy", recursive=True)
    done = in_a_process(*toy, "--out", out, cache=tmp_path / "there")
    assert done.returncode == 0, done.stderr
    assert f"Report: {out}/report.html" in done.stdout.replace("\n", "")
    record = json.loads(files.cat_file(f"{out}/results.json"))
    assert record["criteria"] == small_run[1]["criteria"] and record["experiments"] == small_run[1]["experiments"]
    assert not files.exists(f"{out}/{NOTE}") and exists(f"{out}/vectors.safetensors")
    monkeypatch.setenv("EMOTION_VECTORS_CACHE", str(tmp_path / "third"))
    vectors = EmotionVectors.load(out)
    assert (vectors.raw == EmotionVectors.load(small_run[0]).raw).all() and vectors.calibration is not None
    assert (EmotionVectors.load(f"{out}/vectors.safetensors").raw == vectors.raw).all()
    rows = list(read_corpus(locate_corpus(f"{out}/stories.parquet")))
    assert len(rows) == small_run[1]["corpus"]["kept"]
    other = tmp_path / "another"  # the same experiment here
    shutil.copytree(small_run[0], other)
    compared = run("compare", out, other, "--out", tmp_path / "compared", cache=tmp_path / "third")
    assert compared.returncode == 0, compared.stderr
    pair = json.loads((tmp_path / "compared" / "comparison.json").read_text())
    assert [one["name"] for one in pair["runs"]] == ["toy", "another"]
    assert not list((tmp_path / "third").rglob("parts/*"))
    files.rm_file(f"{out}/report.html")
    reported = run("report", out, cache=tmp_path / "fourth")
    assert reported.returncode == 0, reported.stderr
    assert not list((tmp_path / "fourth").rglob("parts/*"))
    assert f"Report: {out}/report.html" in reported.stdout.replace("\n", "") and files.exists(f"{out}/report.html")
    for format in ("npz", "huggingface"):
        exported = run(
            "export", out, "--format", format, "--out", tmp_path / f"theirs-{format}", cache=tmp_path / "third"
        )
        assert exported.returncode == 0, exported.stderr
    toy_model = load_model("toy", "cpu")
    toy_model.model.save_pretrained(tmp_path / "weights")
    toy_model.tokenizer.save_pretrained(tmp_path / "weights")
    files.put(f"{tmp_path}/weights/", f"{bucket}/weights", recursive=True)
    planned = run("plan", "--preset", "toy", "--model", f"{bucket}/weights", "--json", cache=tmp_path / "third")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["parameters"] == toy_model.model.num_parameters()
    for path in (file for cache in ("there", "third", "fourth") for file in (tmp_path / cache).rglob("*")):
        assert not path.is_file() or b"s3cr3t-in-no-file" not in path.read_bytes()
    shards = run(*toy, "--out", out, "--shard", "1/2", cache=tmp_path / "there")
    assert shards.returncode == 2 and "needs a folder that all shards can see" in shards.stderr
    with pytest.raises(UserError, match="Can't read s3://models/nothing"):
        local_copy(f"{bucket}/nothing/stories.parquet", tmp_path)


def test_a_file_is_brought_once_and_again_when_it_has_changed(url, tmp_path, monkeypatch):
    files, brought = fsspec.filesystem("memory"), []
    usual = files.get_file
    monkeypatch.setattr(
        type(files), "get_file", lambda self, there, here, **_: brought.append(there) or usual(there, here)
    )
    put(url, "stories.jsonl", "one")
    for _ in range(3):
        assert local_copy(f"{url}/stories.jsonl", tmp_path).read_text() == "one"
    assert len(brought) == 1
    put(url, "stories.jsonl", "two")
    assert local_copy(f"{url}/stories.jsonl", tmp_path).read_text() == "two" and len(brought) == 2


def test_a_folder_is_kept_in_step_with_its_address(url, tmp_path, monkeypatch):
    files, brought = fsspec.filesystem("memory"), []
    usual = files.get_file
    monkeypatch.setattr(
        type(files), "get_file", lambda self, there, here, **_: brought.append(there) or usual(there, here)
    )
    for name in ("run.json", "stages/vectors.json", "parts/steering/0.safetensors", ".lock", "topics.json"):
        put(url, name, "one")
    folder = local_folder(url, tmp_path)
    assert folder.name == "run"

    def here():
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in folder.rglob("*")
            if path.is_file() and path.name != ".keys.json"
        }

    assert here() == {"run.json": "one", "stages/vectors.json": "one", "topics.json": "one"}
    put(url, "topics.json", "two")
    files.rm("/bucket/run/run.json")
    assert local_folder(url, tmp_path) == folder
    assert here() == {"stages/vectors.json": "one", "topics.json": "two"}
    assert len(brought) == 4
    (folder / "topics.json").unlink()
    local_folder(url, tmp_path)
    assert here()["topics.json"] == "two"


def test_folders_that_are_none_are_refused(url, tmp_path, monkeypatch):
    with pytest.raises(
        UserError, match="There is no folder at memory://bucket/run, or an empty one; check the address"
    ):
        local_folder(url, tmp_path)
    put(url, "run.json", "{}")
    usual = type(fsspec.filesystem("memory")).find
    monkeypatch.setattr(
        type(fsspec.filesystem("memory")),
        "find",
        lambda self, path, **words: {f"{path}/../../away": {"size": 1}} | usual(self, path, **words),
    )
    with pytest.raises(UserError, match="which is outside of it"):
        local_folder(url, tmp_path)
    with pytest.raises(UserError, match="which is outside of it"), at_hand(url, tmp_path):
        pass
    assert not list(tmp_path.rglob("away"))


def test_a_pack_at_an_address(url, tmp_path, monkeypatch):
    """The lists are those of the folder, also after one of them is gone from the address."""
    monkeypatch.setenv("EMOTION_VECTORS_CACHE", str(tmp_path))
    ours = load_pack()
    source = pathlib.Path(emotion_vectors.stimuli.__file__).with_name("data") / "ours"
    for file in source.glob("*.json"):
        put(url, file.name, file.read_text(encoding="utf-8"))
    pack = load_pack(url)
    assert pack.sha256 == ours.sha256 and not pack.supplied
    fsspec.filesystem("memory").rm("/bucket/run/valence.json")
    assert load_pack(url).supplied == ("valence",)
    with pytest.raises(UserError, match="There is no folder at memory://bucket/nothing"):
        load_pack("memory://bucket/nothing")
    assert folder_at("runs/demo") == pathlib.Path("runs/demo")


def test_a_model_at_an_address(url, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_VECTORS_CACHE", str(tmp_path / "cache"))
    lm = load_model("toy", "cpu")
    theirs = tmp_path / "theirs"
    lm.model.save_pretrained(theirs)
    lm.tokenizer.save_pretrained(theirs)
    (theirs / "pytorch_model.bin").write_text("a pickle")
    (theirs / "original").mkdir()
    (theirs / "original" / "consolidated.00.safetensors").write_text("the same once more")
    fsspec.filesystem("memory").put(f"{theirs}/", "/bucket/run/", recursive=True)
    there, here = load_model(url, "cpu"), load_model(str(theirs), "cpu")
    assert (there.name, there.source) == ("run", url) and there.sha256 == here.sha256
    assert all(
        torch.equal(one, two) for one, two in zip(there.model.parameters(), here.model.parameters(), strict=True)
    )
    assert locate(url).sha256 == here.sha256
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".bin" or path.name == "original"]
    put(url, "model.gguf", "GGUF")
    assert pathlib.Path(local_model(f"{url}/model.gguf")).read_text() == "GGUF"
    assert local_model("owner/name") == "owner/name"
    with pytest.raises(UserError, match="There is no folder at memory://bucket/nothing"):
        load_model("memory://bucket/nothing", "cpu")
