"""What a stranger's folder may not do: run code, leave its place, hide errors of ours, or write on the terminal."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from small import HUB_TOKEN

from emotion_vectors.errors import LONGEST, UserError, nearest, printable
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.toy import make_toy
from emotion_vectors.store.records import is_as_written, read_record, using_records
from emotion_vectors.store.run_folder import RunFolder
from emotion_vectors.upkeep.cleaning import clean_run
from emotion_vectors.upkeep.planning import shape_of

CODE = """
from pathlib import Path
Path({marker!r}).write_text("ran")
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
class Strange(LlamaConfig): model_type = "strange"
class StrangeModel(LlamaForCausalLM): pass
class StrangeTokenizer(PreTrainedTokenizerFast): pass
"""


@pytest.mark.parametrize("use", ["load", "plan"])
@pytest.mark.parametrize("model_type", ["strange", "llama"])
def test_code_in_a_model_folder_is_not_run(tmp_path, use, model_type):
    folder, marker = tmp_path / "model", tmp_path / "ran"
    model, tokenizer = make_toy()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "strange.py").write_text(CODE.format(marker=str(marker)))
    for name, classes in (
        ("config.json", {"AutoConfig": "strange.Strange", "AutoModelForCausalLM": "strange.StrangeModel"}),
        ("tokenizer_config.json", {"AutoTokenizer": [None, "strange.StrangeTokenizer"]}),
    ):
        content = json.loads((folder / name).read_text()) | {"auto_map": classes}
        if name == "config.json":
            content["model_type"] = model_type
        (folder / name).write_text(json.dumps(content))
    try:
        load_model(str(folder), "cpu", "float32") if use == "load" else shape_of(str(folder))
    except UserError as error:
        assert model_type == "strange", error
    else:
        assert model_type == "llama"
    assert not marker.exists()


def test_pickled_weights_are_not_opened(tmp_path):
    model, tokenizer = make_toy()
    model.config.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'echo ran'\ntR.")
    with pytest.raises(UserError, match="pickled weights are refused"):
        load_model(str(tmp_path), "cpu", "float32")


@pytest.mark.parametrize("name", ["../../secret.txt", "/etc/passwd", "a/../../b"])
def test_a_run_that_names_files_outside_its_folder_is_refused_and_they_stay(toy_run, tmp_path, name):
    folder = tmp_path / "deep" / "run"
    shutil.copytree(toy_run[0], folder)
    (tmp_path / "secret.txt").write_text("mine")
    marker = folder / "stages" / "stories.json"
    content = json.loads(marker.read_text())
    content["files"][name] = "0" * 64
    marker.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"stories.json is damaged"):
        RunFolder(folder).done("stories")
    with pytest.raises(UserError, match="damaged"):
        clean_run(folder)
    assert (tmp_path / "secret.txt").read_text() == "mine"


@pytest.mark.parametrize("seconds", ["1" + "0" * 400, "NaN", "-1e400", '"3"', "null"])
def test_a_marker_with_impossible_times_is_refused(toy_run, tmp_path, seconds):
    (tmp_path / "stages").mkdir()
    marker = (toy_run[0] / "stages" / "stories.json").read_text()
    found = json.loads(marker)["seconds"]
    (tmp_path / "stages" / "stories.json").write_text(marker.replace(f'"seconds": {found}', f'"seconds": {seconds}'))
    with pytest.raises(UserError, match="is damaged"):
        RunFolder(tmp_path).done("stories")


def test_an_error_about_a_changed_record_is_a_sentence_and_one_of_ours_stays_an_error(toy_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(toy_run[0], folder, ignore=shutil.ignore_patterns("parts", "story_vectors", "figures"))
    assert is_as_written(folder)
    with pytest.raises(KeyError), using_records(folder, toy_run[0]):
        read_record(folder)["no such part"]
    content = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps(content | {"criteria": []}))
    assert not is_as_written(folder)
    with (
        pytest.raises(UserError, match=r"results.json is damaged, or was changed .*TypeError"),
        using_records(toy_run[0], folder),
    ):
        read_record(folder)["criteria"]["V1"]
    (folder / "stages" / "analysis.json").unlink()
    assert not is_as_written(folder)


def test_sentences_are_printable_and_short():
    assert str(UserError("red \x1b[31m and\nmore\u202e \ud800")) == r"red \x1b[31m and more\u202e \ud800"
    long = str(UserError("begin " + "x" * 10_000 + " end"))
    assert long.startswith("begin ") and long.endswith(" end") and len(long) < LONGEST + 10
    assert str(UserError(KeyError("a"))) == "'a'" and str(UserError()) == ""
    assert printable("plain — ünïcode 💡") == "plain — ünïcode 💡"
    assert "choose one of" in nearest("zzz", ["a", "b"])


@pytest.mark.slow
def test_a_name_with_terminal_commands_reaches_no_terminal(tmp_path):
    pack = tmp_path / "\x1b]0;owned\x07pack"
    done = subprocess.run(
        [sys.executable, "-m", "emotion_vectors", "run", "--preset", "toy", "--stimuli", str(pack), "--out", str(tmp_path / "run")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and b"\x1b]" not in done.stdout + done.stderr and b"\x07" not in done.stderr
    assert re.search(rb"Error: .*pack", done.stderr)


def test_a_token_of_the_hub_is_in_no_file_and_in_no_error(toy_run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", HUB_TOKEN)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    failed = subprocess.run(
        [sys.executable, "-m", "emotion_vectors", "run", "--model", "nobody/nothing", "--out", str(tmp_path / "none")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert failed.returncode == 2 and HUB_TOKEN.encode() not in failed.stdout + failed.stderr
    files = [path for path in toy_run[0].rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        assert HUB_TOKEN.encode() not in path.read_bytes(), path
    assert b"nobody/nothing" in failed.stderr
