"""The command: bad input is one sentence and exit code 2, and leaves nothing half-written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files

import pytest
import typer
from cli.calls import refused
from quick import quick
from typer.testing import CliRunner

from emotion_vectors import cli
from emotion_vectors.lm import toy

OURS = files("emotion_vectors.stimuli") / "data" / "ours"


def in_a_process(*arguments, **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200", **options}
    return subprocess.run(
        [sys.executable, "-m", "emotion_vectors", *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=300
    )  # fmt: skip


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "model"
    model, tokenizer = toy.make_toy()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def damaged_model(kind, model_folder, tmp_path):
    folder = tmp_path / "model"
    if kind == "missing folder":
        return "./nowhere"
    if kind == "unknown hub id":
        return "nobody/no-such-model"
    if kind in ("missing gguf", "truncated gguf", "text gguf"):
        file = tmp_path / "model.gguf"
        if kind == "truncated gguf":
            file.write_bytes(b"GGUF\x03\x00\x00\x00" + b"\x10\x00\x00\x00\x00\x00\x00\x00" * 2)
        if kind == "text gguf":
            file.write_text("not a model")
        return str(file)
    shutil.copytree(model_folder, folder)
    if kind == "no tokenizer":
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            (folder / name).unlink(missing_ok=True)
    if kind == "broken tokenizer":
        (folder / "tokenizer.json").write_text("{")
    if kind == "no weights":
        (folder / "model.safetensors").unlink()
    if kind == "pickled weights":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    if kind == "truncated weights":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:5000])
    if kind == "no config":
        (folder / "config.json").unlink()
    if kind == "unknown architecture":
        config = json.loads((folder / "config.json").read_text()) | {
            "model_type": "elsewhere",
            "architectures": ["Elsewhere"],
        }
        (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


MODEL_FAULTS = (
    "missing folder", "unknown hub id", "missing gguf", "truncated gguf", "text gguf", "no tokenizer", "broken tokenizer", "no weights",
    "pickled weights", "truncated weights", "no config", "unknown architecture",
)  # fmt: skip


@pytest.mark.parametrize("kind", quick(set(MODEL_FAULTS) - {"unknown hub id"}, MODEL_FAULTS))
def test_a_bad_model_is_refused(kind, model_folder, tmp_path, call):
    """In a process of its own where offline counts, which is read when Python starts; that one shows the real exit code too."""
    out = tmp_path / "run"
    model = damaged_model(kind, model_folder, tmp_path)
    done = (in_a_process if kind == "unknown hub id" else call)(
        "run",
        "--preset",
        "toy",
        "--model",
        model,
        "--out",
        out,
        "--quiet",
        EMOTION_VECTORS_CACHE=str(tmp_path / "cache"),
    )
    refused(done)
    assert not out.exists() or not (out / "results.json").exists()


@pytest.mark.slow
def test_interrupting_is_clean_and_resumable(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "emotion_vectors", "run", "--preset", "toy", "--out", str(out), "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (out / "parts" / "stories").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130 and "run the same command again to resume" in error and "Traceback" not in error


def test_verify_says_which_lists_are_the_published_ones(tmp_path, call):
    done = call("stimuli", "verify", OURS)
    assert done.returncode == 0 and "equal" in done.stdout and "differs" in done.stdout
    refused(call("stimuli", "verify", tmp_path / "nowhere"), "nowhere")


def test_version_and_help():
    assert in_a_process("--version").stdout.strip() == __import__("emotion_vectors").__version__
    assert "run" in in_a_process("--help").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_a_library_turns_into_another_error_is_a_stop(number, monkeypatch, capsys):
    """As when numpy or torch are just being loaded: what they raise then is an ImportError."""
    from emotion_vectors import cli

    def loading():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setattr(cli, "app", loading)
    usual = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 130 and "run the same command again to resume" in capsys.readouterr().err
        monkeypatch.setattr(cli, "app", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cli.main()
    finally:
        for one, handler in usual.items():
            signal.signal(one, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_a_stop_when_all_is_done_gives_no_traceback(number):
    """Libraries still tidy up then."""
    code = f"""
import atexit, os
from emotion_vectors import cli
cli.app = lambda: atexit.register(lambda: os.kill(os.getpid(), {int(number)}))
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -number and done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_the_command_is_still_loading_gives_no_traceback(number, tmp_path):
    (tmp_path / "typer.py").write_text(f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(5)\n")
    done = subprocess.run(
        [sys.executable, "-m", "emotion_vectors", "--version"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -number and done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_a_stop_that_falls_into_a_destructor_is_not_lost(number):
    """Python prints and drops an exception there."""
    code = f"""
import os, time
from emotion_vectors import cli
class Fleeting:
    def __del__(self):
        os.kill(os.getpid(), {int(number)})
        time.sleep(0.1)
def work():
    Fleeting()
    time.sleep(20)
cli.app = work
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (
        done.returncode == 130
        and "Traceback" not in done.stderr
        and "run the same command again to resume" in done.stderr
    )


WORDS = {
    "a text that begins with a dash": ("steer", ["RUN", "-5 degrees outside.", "--emotion", "calm=0.3"], {"prompt": "-5 degrees outside.", "source": "RUN"}),
    "options around it": ("steer", ["--emotion", "calm=-0.3", "--greedy", "RUN", "--seed", "3", "- one\n- two"],
                          {"prompt": "- one\n- two", "emotion": ["calm=-0.3"], "greedy": True, "seed": 3}),
    "a number": ("steer", ["RUN", "-5", "--emotion", "-cold=0.3", "--system", "-5 degrees"], {"prompt": "-5", "emotion": ["-cold=0.3"], "system": "-5 degrees"}),
    "two dashes": ("steer", ["RUN", "--emotion=calm=1", "--5 is odd."], {"prompt": "--5 is odd.", "emotion": ["calm=1"]}),
    "what looks like an option": ("steer", ["--emotion", "calm=1", "RUN", "--", "--help"], {"prompt": "--help"}),
    "both": ("steer", ["-run", "--emotion", "calm=1", "--", "--help"], {"source": "-run", "prompt": "--help"}),
    "the standard input": ("steer", ["RUN", "-", "--emotion", "calm=1"], {"prompt": "-"}),
    "files": ("read", ["-a.jsonl", "b.txt", "--vectors", "-run", "-c.txt"], {"files": ["-a.jsonl", "b.txt", "-c.txt"], "vectors": "-run"}),
    "a run": ("export", ["-run", "--out", "-out", "--emotions", "-cold,hot", "--emotion", "-cold=-0.5", "--strength", "-0.5"],
              {"source": "-run", "out": "-out", "emotions": "-cold,hot", "emotion": ["-cold=-0.5"], "strength": -0.5}),
    "a setting": ("run", ["--out", "x", "--set", "strength=-0.1"], {"set_": ["strength=-0.1"]}),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_a_text_may_begin_with_a_dash(case):
    name, words, wanted = WORDS[case]
    command = typer.main.get_command(cli.app).commands[name]
    found = command.make_context(name, list(words)).params
    found["files"] = list(map(str, found.get("files", [])))
    assert {key: str(found[key]) if key == "out" else found[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    "words, says",
    [
        (["RUN", "-5 degrees.", "--emotoin", "calm=1"], "No such option: --emotoin"),
        (["RUN", "-5 degrees.", "--emotion"], "'--emotion' requires an argument"),
        (["RUN", "-h", "--emotion", "calm=1"], "No such option: -h"),
        (["RUN", "-5 degrees.", "more", "--emotion", "calm=1"], "unexpected extra argument"),
    ],
)
def test_a_mistake_beside_such_a_text_is_told_as_ever(words, says):
    found = CliRunner().invoke(cli.app, ["steer", *words], env={"COLUMNS": "200"})
    assert found.exit_code == 2 and says in found.output
