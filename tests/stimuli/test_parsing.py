"""Strict JSON: a lone surrogate is refused, and any damaged file gives a sound pack or one sentence."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotion_vectors.errors import UserError
from emotion_vectors.stimuli import Pack, load_pack
from emotion_vectors.stimuli.pack import OPTIONAL, REQUIRED
from emotion_vectors.stimuli.parsing import CONTROL
from stimuli.damaged import complaint

OUR_DATA = Path(str(resources.files("emotion_vectors.stimuli"))) / "data" / "ours"


def test_a_lone_surrogate_is_refused(our_copy: Path) -> None:
    (our_copy / "topics.json").write_bytes(b'["fine", "\\ud800"]')
    assert "topics.json, item 2: the text has the control character '\\ud800'" in complaint(our_copy)


def test_control_characters_are_those_of_unicode() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    assert [c for c in every if bool(CONTROL.fullmatch(c)) != (unicodedata.category(c) in ("Cc", "Cs"))] == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=10), part, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of ours with one part replaced, removed or repeated, with some bytes changed, or of random bytes."""
    name = draw(st.sampled_from([*REQUIRED, *OPTIONAL]))
    data = (OUR_DATA / f"{name}.json").read_bytes()
    how = draw(st.sampled_from(["part", "part", "part", "cut", "bytes", "random"]))
    if how == "cut":
        return name, data[: draw(st.integers(0, len(data)))]
    if how == "bytes":
        spot = draw(st.integers(0, len(data) - 1))
        return name, data[:spot] + draw(st.binary(max_size=3)) + data[spot + draw(st.integers(0, 3)) :]
    if how == "random":
        return name, draw(st.binary(max_size=50))
    return name, json.dumps(_with_damage(draw, json.loads(data))).encode()


def _with_damage(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, list | dict) and value and draw(st.integers(0, 4)):
        keys = list(range(len(value))) if isinstance(value, list) else list(value)
        key = draw(st.sampled_from(keys))
        action = draw(st.sampled_from(["descend", "descend", "remove", "repeat"]))
        if action == "descend":
            value[key] = _with_damage(draw, value[key])
        elif action == "remove":
            del value[key]
        elif isinstance(value, list):
            value.append(value[key])
        else:
            value[draw(st.text(max_size=5))] = value[key]
        return value
    return draw(json_values)


def check_invariants(pack: Pack) -> None:
    """What the stages rely on, whatever pack was given to them."""
    assert set(pack.valence) <= set(pack.emotions) == set(pack.synonyms)
    assert sorted(pack.subset) == sorted(pack.emotions)
    assert {*pack.valence.values()} <= {"positive", "negative"}
    used = {word for pair in pack.opposite_pairs for word in pair}
    scenarios = (*pack.scenarios, *pack.heldout_scenarios, *pack.retrieval_scenarios)
    used |= {scenario.emotion for scenario in scenarios} | set(pack.steered_emotions) | pack.valence_ambiguous
    assert used <= set(pack.emotions)
    assert len({scenario.emotion for scenario in pack.retrieval_scenarios}) == len(pack.retrieval_scenarios)
    assert not {item.prompt for item in pack.scenarios} & {item.prompt for item in pack.heldout_scenarios}
    question = pack.neutral_questions[0] if pack.prompts.neutral_from_questions else ""
    filled = [
        pack.prompts.story.format(emotion="sad", topic=pack.topics[0], n_stories=1),
        pack.prompts.neutral.format(question=question, topic=pack.topics[0], n_stories=1),
        pack.prompts.preference.format(activity_a=pack.activities[0].text, activity_b=pack.activities[1].text),
        pack.prompts.feeling.format(activity=pack.activities[0].text),
        *(template.fill(value) for template in pack.numeric_templates for value in template.values),
    ]
    assert all(text.strip() and text.encode("utf-8") for text in filled)
    assert all(len(template.values) == len(set(template.values)) for template in pack.numeric_templates)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged=damaged_files())
@pytest.mark.slow
def test_a_damaged_file_gives_a_sound_pack_or_a_user_error(damaged: tuple[str, bytes]) -> None:
    name, data = damaged
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "pack"
        shutil.copytree(OUR_DATA, target)
        (target / f"{name}.json").write_bytes(data)
        try:
            pack = load_pack(target)
        except UserError as error:
            assert f"{name}.json" in str(error) or name == "emotions"  # then other lists no longer fit
            assert "\n" not in str(error)
            str(error).encode("utf-8")
        else:
            check_invariants(pack)
