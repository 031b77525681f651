"""The card says what the record says, and what a model wrote is text."""

import copy
import json
import re

import pytest
from huggingface_hub import ModelCard
from report.record import build

from emotion_vectors.exports import export_vectors
from emotion_vectors.exports.card import text
from emotion_vectors.vectors.file import EmotionVectors
from exports.worlds import some_vectors

ATTACK = "<script>alert(1)</script> | [x](javascript:alert(1)) `a` ![y](http://z)\n---\n# Title"


def folder(tmp_path, record):
    run = tmp_path / "run"
    run.mkdir()
    some_vectors().save(run / "vectors.safetensors")
    (run / "results.json").write_text(json.dumps(record))
    return run


@pytest.fixture
def record():
    record = copy.deepcopy(build("toy"))
    record["model"] |= {"source": "Qwen/Qwen3-8B", "revision": "abc"}
    return record


def test_the_card_is_valid_and_says_what_the_record_says(record, tmp_path):
    out = tmp_path / "repository"
    files = export_vectors(folder(tmp_path, record), "huggingface", out)
    assert sorted(path.name for path in files) == ["README.md", "results.json", "vectors.safetensors"]
    card = ModelCard.load(out / "README.md")
    assert card.data.base_model == "Qwen/Qwen3-8B" and card.data.library_name == "emotion-vectors"
    assert "steering-vectors" in card.data.tags
    for name, criterion in record["criteria"].items():
        [row] = re.findall(rf"^\| {name} \|.*$", card.text, re.MULTILINE)
        assert f"| {criterion['verdict']} |" in row and text(criterion["reason"]) in row
        if criterion["value"] is not None:
            assert f"{criterion['value']:.3g}" in row
    assert record["model"]["sha256"] in card.text
    assert EmotionVectors.load(out / "vectors.safetensors").emotions == some_vectors().emotions
    example = card.text.partition("```python\n")[2].partition("```")[0]
    assert 'vectors["calm"]' in example and "at layer 2" in example


def test_what_a_model_or_pack_wrote_is_text(record, tmp_path):
    record["model"] |= {"name": ATTACK, "revision": None}
    record["criteria"]["V1"]["reason"] = ATTACK
    record["settings"]["stimuli"] = ATTACK
    out = tmp_path / "repository"
    export_vectors(folder(tmp_path, record), "huggingface", out)
    shown = (out / "README.md").read_text(encoding="utf-8")
    assert "<script" not in shown and "\n# Title" not in shown
    assert not re.search(r"(?<!\\)\[x", shown) and not re.search(r"(?<!\\)!\\?\[y", shown)
    card = ModelCard.load(out / "README.md")
    assert card.data.base_model is None
    [row] = re.findall(r"^\| V1 \|.*$", shown, re.MULTILINE)
    assert len(re.findall(r"(?<!\\)\|", row)) == 7


def test_local_paths_stay_at_home(record, tmp_path):
    record["command"] = "emotion-vectors run --model /home/somebody/models/mine --out /home/somebody/runs"
    record["settings"] |= {"model": "/home/somebody/models/mine", "stories_from": "../somebody/stories.parquet"}
    record["model"] |= {"source": "/home/somebody/models/mine", "revision": None}
    out = tmp_path / "repository"
    export_vectors(folder(tmp_path, record), "huggingface", out)
    for name in ("README.md", "results.json"):
        assert "somebody" not in (out / name).read_text(encoding="utf-8")
    kept = json.loads((out / "results.json").read_text())
    assert kept["settings"]["model"] == "mine" and kept["criteria"] == record["criteria"]


@pytest.mark.parametrize("said", ["These vectors don't agree with themselves: r = 0.03.", "", None])
def test_the_card_says_where_the_vectors_are_noise(record, tmp_path, said):
    if said is not None:
        record["vectors"]["caution"] = said
    export_vectors(folder(tmp_path, record), "huggingface", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert ("agree with themselves" in card) == bool(said)
    if said:
        assert card.index("agree with themselves") < card.index("| file | what |"), "above everything that one may use"
