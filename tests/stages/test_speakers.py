"""Activations of two speakers against plain transformers, one dialogue at a time: whose tokens, which template; and resuming."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime
from emotion_vectors.stages import speakers
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.run_folder import RunFolder
from emotion_vectors.vectors.passes import room_of
from tests.tiny import tiny

LAYER = 2
FELT = ("angry", "calm", "sad", "happy")


def lab_of(lm, folder):
    rows = [
        {
            "topic": f"topic {topic}", "emotions": {"Human": FELT[i], "Assistant": FELT[(i + 1 + topic % 3) % 4]},
            "turns": [{"speaker": ("Human", "Assistant")[turn % 2], "text": f"The river {i} and table {topic}, turn {turn} of it."} for turn in range(3 + i % 2)],
        }
        for topic in range(4)
        for i in range(4)
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dialogues.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    lab = SimpleNamespace(
        lm=lm, pack=load_pack(), run=RunFolder(folder), reporter=Reporter(quiet=True), runtime=Runtime(), layer=LAYER,
        room=room_of(lm, 300), settings=SimpleNamespace(dialogues=str(path)), require_unchanged=lambda *_: None,
        processes=lambda jobs: 1,
    )  # fmt: skip
    return lab, rows


def plain(lm, turns, text):
    """(2, d) after block LAYER: mean over the tokens within each speaker's turns but the first, found by searching the text."""
    found = lm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    states = []
    handle = lm.parts.blocks[LAYER].register_forward_hook(lambda _, __, out: states.append(out[0] if isinstance(out, tuple) else out))  # fmt: skip
    with torch.no_grad():
        lm.model(torch.tensor([found["input_ids"]]))
    handle.remove()
    hidden, owned, place = states[0].reshape(-1, states[0].shape[-1]).numpy(), ([], []), 0
    for number, turn in enumerate(turns):
        place = text.index(turn, place)
        inside = [row for row, (a, b) in enumerate(found["offset_mapping"]) if a < place + len(turn) and b > place]
        place += len(turn)
        if number:
            owned[number % 2].extend(hidden[inside])
    return np.array([np.mean(some, axis=0) for some in owned])


@pytest.mark.parametrize("framing", ["chat", "persons"])
def test_each_speakers_mean_is_over_his_own_tokens_without_the_first_turn(framing, tmp_path):
    lm = tiny()
    lab, rows = lab_of(lm, tmp_path)
    speakers.read_speakers(lab)
    found = load_file(tmp_path / speakers.FILE)[framing]
    assert found.shape == (16, 2, 32)
    for one, row in zip(found, rows, strict=True):
        turns = [turn["text"] for turn in row["turns"]]
        if framing == "persons":
            text = "\n\n".join(f"Person {1 + number % 2}: {turn}" for number, turn in enumerate(turns))
        else:
            chat = [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
            text = lm.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=len(turns) % 2 == 1)
        np.testing.assert_allclose(one, plain(lm, turns, text), atol=1e-4)


def test_a_killed_stage_goes_on_at_its_next_part_to_the_same_files(tmp_path, monkeypatch):
    monkeypatch.setattr(speakers, "PER_PART", 6)
    pooled, calls = speakers.pooled, []

    def stops(lab, dialogues, advance):
        calls.append(len(dialogues))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return pooled(lab, dialogues, advance)

    monkeypatch.setattr(speakers, "pooled", stops)
    killed, _ = lab_of(tiny(), tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        speakers.read_speakers(killed)
    assert killed.run.marker("speakers") is None
    speakers.read_speakers(killed)
    assert calls == [6, 6, 4, 6, 6, 6, 4]
    speakers.read_speakers(killed)  # done: nothing is read again
    assert len(calls) == 7
    whole, _ = lab_of(tiny(), tmp_path / "whole")
    speakers.read_speakers(whole)
    assert killed.run.done("speakers")["files"] == whole.run.done("speakers")["files"]
