"""Damaged parts of an unfinished run are noticed by their checksum, said, made again, and the run ends as it would have."""

import json
import shutil

import pytest
from faults import VOLATILE
from small import CHOSEN, without_page

from emotion_vectors import settings
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.store import parts

LOUD = settings.Runtime(device="cpu", threads=1)


def test_a_part_is_sound_until_it_is_changed(tmp_path):
    said, part = [], tmp_path / "parts" / "0.bin"
    part.parent.mkdir()
    assert not parts.is_sound(part, said.append)
    part.write_bytes(b"content")
    assert parts.is_sound(part, said.append), "a part of an older version has no checksum"
    parts.seal(part)
    assert parts.is_sound(part, said.append) and not said
    part.write_bytes(b"contend")
    assert not parts.is_sound(part, said.append) and not part.exists()
    assert len(said) == 1 and "parts/0.bin is damaged" in said[0]
    part.write_bytes(b"new")
    parts.seal(part)
    assert parts.is_sound(part, said.append)


@pytest.mark.parametrize("harm", ["truncated", "bit flipped"])
@pytest.mark.slow
def test_damaged_parts_are_made_again_and_nothing_else_is(harm, small_run, tmp_path, capfd):
    folder = shutil.copytree(small_run[0], tmp_path / "run")
    for stage in ("stories", "activations", "calibration", "steering"):
        (folder / "stages" / f"{stage}.json").unlink()
    hurt = [next(folder.glob(pattern)) for pattern in
            ("parts/stories/*.parquet", "parts/activations-*/*.safetensors", "parts/calibration-*/*.safetensors", "parts/steering-*/*.safetensors")]  # fmt: skip
    for file in hurt:
        content = file.read_bytes()
        middle = len(content) // 2
        file.write_bytes(
            content[:middle]
            if harm == "truncated"
            else content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        )
    others = {
        f: f.stat().st_mtime_ns
        for f in (folder / "parts").rglob("*")
        if f.is_file() and f.name.split(".sha256")[0] not in {h.name for h in hurt}
    }
    assert others
    with without_page():
        record = run_experiment(CHOSEN, folder, LOUD)
    said = " ".join(capfd.readouterr().err.split())
    for file in hurt:
        assert f"{file.parent.name}/{file.name} is damaged" in said
    assert {f: f.stat().st_mtime_ns for f in others} == others, "sound parts are not written again"
    known = json.loads((small_run[0] / "results.json").read_text())
    again = json.loads(json.dumps(record))
    assert {k: v for k, v in again.items() if k not in VOLATILE} == {
        k: v for k, v in known.items() if k not in VOLATILE
    }
