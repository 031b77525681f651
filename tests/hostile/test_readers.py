"""Every reader of strangers' files gives what is in them or one sentence; nothing else, whatever is in the file.

`make fuzz` has 10,000 cases for each reader, and a limit on memory; here there are some hundred.
"""

import json
import os
import random
import resource
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tiny import tiny

from emotion_vectors import settings
from emotion_vectors.cli.options import parse_assignments
from emotion_vectors.cli.report import report
from emotion_vectors.comparing.command import compare_runs
from emotion_vectors.corpus.imported import read_corpus
from emotion_vectors.corpus.sources import locate_corpus
from emotion_vectors.errors import UserError
from emotion_vectors.explorer.runs import open_run as explored
from emotion_vectors.exports import arrays, control_vector
from emotion_vectors.exports.choice import Direction
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.verify import verify_pack
from emotion_vectors.store.run_folder import existing
from emotion_vectors.transcripts.sources import read_items, survey
from emotion_vectors.upkeep.planning import seconds_of
from emotion_vectors.upkeep.status import run_status
from emotion_vectors.vectors.file import EmotionVectors

from .damage import damaged_bytes, damaged_json, damaged_lines

CASES = int(os.environ.get("FUZZ_CASES", "100"))
OURS = Path(__file__).parents[2] / "src" / "emotion_vectors" / "stimuli" / "data" / "ours"
ROWS = [{"emotion": "happy", "topic": f"t{i}", "text": f"A story {i} of some words.", "id": i} for i in range(4)]
CHATS = [
    {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]},
        ]
    },
    {"text": "Plain text.", "id": "one"},
]


def fuzz(cases=CASES):
    """Run a test for many seeds; each seed is a case."""

    def decorate(function):
        tuned = hypothesis_settings(
            max_examples=cases, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        return tuned(given(seed=st.integers(0, 2**63))(function))

    return decorate


@pytest.fixture(scope="module", autouse=True)
def little_memory(toy_run):
    """In the long form no reader may take more than 6 GB beyond what is there: then a test would fail.

    A run has drawn its pictures before: the engine that draws them reserves more than that, once.
    """
    if "FUZZ_CASES" not in os.environ:
        yield
        return
    usual = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 6 * 2**30, usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, usual)


def one_sentence(read, *given):
    """`read(*given)`; a `UserError` is fine when it is one printable line."""
    try:
        return read(*given)
    except UserError as error:
        said = str(error)
        assert said.strip() and "\n" not in said and "Traceback" not in said, said
        assert len(said) < 2000, said
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@fuzz()
@pytest.mark.slow
def test_packs(place, seed):
    chance = random.Random(seed)
    folder = place / "pack"
    if not folder.exists():
        shutil.copytree(OURS, folder)
    file = chance.choice(sorted(folder.glob("*.json")))
    usual = file.read_bytes()
    try:
        file.write_bytes(damaged_json(usual, chance))
        one_sentence(load_pack, folder)
        one_sentence(verify_pack, folder)
    finally:
        file.write_bytes(usual)


def corpus_of(path):
    return list(read_corpus(locate_corpus(str(path))))


def texts_of(path):
    survey([path], skip_bad=True)
    return list(read_items([path]))


@fuzz()
@pytest.mark.parametrize("read, rows", [(corpus_of, ROWS), (texts_of, CHATS)], ids=["corpus", "transcripts"])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_corpora_and_transcripts(place, read, rows, form, seed):
    chance = random.Random(seed)
    path, whole = place / f"{read.__name__}.{form}", place / f"whole-{read.__name__}.{form}"
    if not whole.exists():
        if form == "jsonl":
            whole.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            pl.DataFrame([{k: v for k, v in row.items() if k != "id"} for row in rows], strict=False).write_parquet(
                whole
            )
    damage = damaged_lines if form == "jsonl" else damaged_bytes
    path.write_bytes(damage(whole.read_bytes(), chance))
    one_sentence(read, path)


@pytest.fixture(scope="module")
def vectors(toy_run, place):
    folder = place / "vectors"
    folder.mkdir()
    for name in ("vectors.safetensors", "calibration.safetensors"):
        shutil.copy(toy_run[0] / name, folder / name)
    return folder


def used(folder):
    found = EmotionVectors.load(folder)
    found.similarity()
    return found.at(), found[found.emotions[0]], found.layers


@fuzz()
@pytest.mark.parametrize("name", ["vectors.safetensors", "calibration.safetensors"])
def test_vectors_files(vectors, name, seed):
    chance, file = random.Random(seed), vectors / name
    usual = file.read_bytes()
    head = int.from_bytes(usual[:8], "little")
    try:
        if chance.random() < 0.7:  # in the header, where there is something to misread
            text = damaged_json(usual[8 : 8 + head], chance)
            file.write_bytes(len(text).to_bytes(8, "little") + text + usual[8 + head :])
        else:
            file.write_bytes(damaged_bytes(usual, chance))
        one_sentence(used, vectors)
    finally:
        file.write_bytes(usual)


@fuzz()
@pytest.mark.parametrize("form", ["npz", "gguf"])
def test_vectors_of_other_tools(vectors, place, form, seed):
    chance = random.Random(seed)
    whole, path = place / f"whole.{form}", place / f"damaged.{form}"
    if not whole.exists():
        found = EmotionVectors.load(vectors)
        if form == "npz":
            arrays.write(whole, found, list(found.emotions[:3]), [0, 1])
        else:
            layers = {layer: found.at(layer)[0] for layer in range(1, len(found.raw))}
            control_vector.write(whole, Direction("happy", {"happy": 1.0}, layers), "llama", {})
    path.write_bytes(damaged_bytes(whole.read_bytes(), chance))
    one_sentence((arrays if form == "npz" else control_vector).read, path)


@pytest.fixture(scope="module")
def runs(toy_run, place):
    folder = place / "runs"
    for name in ("one", "two"):
        shutil.copytree(toy_run[0], folder / name, ignore=shutil.ignore_patterns("parts", "story_vectors", "figures"))
    return folder


def looked_at(folder):
    """What opens a run folder of a stranger: status, explorer, comparison."""
    one_sentence(run_status, folder / "one")
    one_sentence(existing, folder / "one")
    one_sentence(lambda: explored("one", folder / "one").valence)
    one_sentence(lambda: explored("one", folder / "one").model)


@fuzz(max(CASES // 5, 20))  # of each of five files
@pytest.mark.parametrize(
    "name", ["run.json", "results.json", "stages/stories.json", "doctor.json", "stages/analysis.json"]
)
@pytest.mark.slow
def test_run_folders(runs, name, seed):
    chance, file = random.Random(seed), runs / "one" / name
    usual = file.read_bytes()
    try:
        file.write_bytes(damaged_json(usual, chance))
        looked_at(runs)
    finally:
        file.write_bytes(usual)


@fuzz(max(10, CASES // 10))
@pytest.mark.slow
def test_records_in_reports(runs, seed):
    """With a picture that stands for all: they are drawn from the same numbers after all checks."""
    file = runs / "one" / "results.json"
    usual = file.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emotion_vectors.report.page.vl_convert.vegalite_to_svg", lambda *_, **__: "<svg></svg>")
        patch.setattr("emotion_vectors.report.page.vl_convert.svg_to_png", lambda *_, **__: b"png")
        try:
            file.write_bytes(damaged_json(usual, random.Random(seed)))
            one_sentence(report, str(runs / "one"))
        finally:
            file.write_bytes(usual)
    assert "<script>alert(1)</script>" not in (runs / "one" / "report.html").read_text()


@fuzz(max(5, CASES // 100))
def test_records_in_comparisons(runs, seed, tmp_path_factory):
    file = runs / "one" / "results.json"
    usual = file.read_bytes()
    try:
        file.write_bytes(damaged_json(usual, random.Random(seed)))
        one_sentence(compare_runs, [runs / "one", runs / "two"], tmp_path_factory.mktemp("compared") / "out")
    finally:
        file.write_bytes(usual)


@fuzz()
def test_rates_and_assignments(place, seed):
    chance, path = random.Random(seed), place / "rates.json"
    rates = {"jobs": {name: {"rate": 10.0} for name in ("writing", "extraction", "preferences", "steering")}}
    path.write_bytes(damaged_json(json.dumps(rates | {"machine": {"model": {"name": "m"}}}).encode(), chance))
    items = dict.fromkeys(("written_tokens", "read_tokens", "preference_prompts", "steered_prompts"), 1000)
    one_sentence(seconds_of, items, path)
    text = damaged_bytes(b"strength=0.5 sweep_strengths=1,2 layer=3 emotions=[1]", chance).decode("utf-8", "replace")
    one_sentence(lambda: settings.change(settings.toy(), **parse_assignments(text.split(" "))))


@pytest.fixture(scope="module")
def fitting(vectors):
    """Vectors that fit the tiny model."""
    lm, emotions = tiny(), EmotionVectors.load(vectors).emotions
    return EmotionVectors(
        emotions, *(np.ones((lm.n_layers, len(emotions), lm.hidden_size), np.float32),) * 2,
        np.ones((len(emotions), lm.hidden_size), np.float32), np.ones(lm.n_layers, np.float32), 1,
    )  # fmt: skip


@fuzz()
def test_prompts(fitting, seed):
    """Any text at all can be read, but for half characters; what comes back is finite and as long as the text has tokens."""
    chance = random.Random(seed)
    pieces = ["<|im_end|>", "<|im_start|>", "\x00", "\ud800", "\u202e", "💥", "{x}", " ", "\n", "word", "\x1b[2J"]
    some = chance.sample(pieces, chance.randint(1, 5))
    text = "".join(chance.choice(some) for _ in range(chance.randint(0, 40)))
    for given_text in (text, [{"role": "user", "content": text}]):
        reading = one_sentence(fitting.read, tiny(), given_text)
        if reading is None:
            assert "\ud800" in text or not text.strip()
        else:
            assert np.isfinite(reading.raw).all() and len(reading.raw) == len(reading.ids) == len(reading.tokens)
