"""The map tab: components against an analytic case, and what is near."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emotion_vectors import EmotionVectors
from emotion_vectors.experiments.lens.record import Lens
from emotion_vectors.explorer.runs import Run, open_run
from emotion_vectors.explorer.views import emotion_map as view
from emotion_vectors.report.topic import Shade, Topic
from explorer.test_markup import Seen

NAMES = ("glad", "calm", "sad", "<b>mad")


def run(tmp_path, names=NAMES):
    """Four vectors around the axes of a plane: glad and calm on one side, sad and mad on the other."""
    plane = np.array([[3, 1, 0], [3, -1, 0], [-3, 1, 0], [-3, -1, 0]], dtype=np.float32)
    layers = np.stack([plane, plane[:, [1, 0, 2]]])
    vectors = EmotionVectors(names, layers, layers, plane, np.ones(2, dtype=np.float32), 0)
    rows = [
        {"emotion": name, "valence": "positive" if name in ("glad", "calm") else "negative", "top": [" joy\n", "<i>"], "bottom": ["x"]}
        for name in names
    ]  # fmt: skip
    lens = SimpleNamespace(emotions=[SimpleNamespace(**row) for row in rows])
    record = SimpleNamespace(part=lambda kind: {Lens: lens}.get(kind), vectors=SimpleNamespace(layer=0))
    return Run("r", tmp_path, record, vectors)


def test_components_are_the_axes_with_positive_emotions_to_the_right():
    rows = np.array([[3.0, 1, 0], [3, -1, 0], [-3, 1, 0], [-3, -1, 0]])
    for sign in (1, -1):
        found = view.components(sign * rows, np.array([True, True, False, False]))
        assert np.abs(found.points) == pytest.approx(np.abs(rows[:, :2]))
        assert (found.points[:, 0] > 0).tolist() == [True, True, False, False]
        assert found.variance == pytest.approx([0.9, 0.1])


def test_every_emotion_is_a_button_and_shape_says_the_valence(tmp_path):
    html = view.emotion_map(run(tmp_path), 0, "sad")
    buttons = [attributes for tag, attributes in Seen(html).tags if attributes.get("role") == "button"]
    assert {button["data-emotion"] for button in buttons} == set(NAMES)
    drawn = html[html.index("<rect") :]
    assert drawn.count("<path") == 2 and drawn.count('r="5"') == 2 and drawn.count('r="11"') == 1
    assert "90 %" in html and "10 %" in html


def test_arrows_are_named_by_letters_that_nothing_covers():
    """Arrows with ends far apart, close together and at one place, in letters of both sizes."""
    ends = ((380.0, 280.0), (384.0, 282.0), (600.0, 100.0), (600.0, 100.0))
    arrows = [view.Arrow("ABCD"[i], f"<{i}>", 0.5, 0.2, 40, (300.0, 250.0), end) for i, end in enumerate(ends)]
    for kind, size in view.LETTERS.items():
        marks, boxes = view._lettered(arrows, kind)
        said = "".join(Seen("".join(marks)).text.split())
        assert sorted(said) == list("ABCD") and all(f"ev-on-{kind}" in mark for mark in marks)
        for i, one in enumerate(boxes):
            for other in boxes[:i]:
                assert (
                    one.right <= other.left
                    or other.right <= one.left
                    or one.bottom <= other.top
                    or other.bottom <= one.top
                )
            assert one.right - one.left >= 0.5 * size
    key = Seen(view._arrows_key(arrows)).text
    assert "A <0>; B <1>" in key and view._arrows_key([]) == ""


def test_neighbours_are_by_cosine_at_the_layer(tmp_path):
    seen = Seen(view.neighbours(run(tmp_path), "glad", 0)).text
    assert "calm0.80" in seen.replace(" ", "") and seen.index("calm") < seen.index("mad")
    there = Seen(view.neighbours(run(tmp_path), "glad", 1)).text
    assert there.index("calm") < there.index("mad")
    assert " joy↵" in seen and "<i>" in seen


def test_without_vectors_or_emotion_it_says_what_to_do(tmp_path):
    bare = replace(run(tmp_path), vectors=None)
    assert "run the same command" in view.emotion_map(bare, 0, None)
    assert "Choose an emotion" in view.neighbours(bare, "glad", 0)
    assert "Choose an emotion" in view.neighbours(run(tmp_path), "nobody", 0)


def marks_of(html):
    """Of each emotion's button: its tags without names, and what it says."""
    found, name = {}, None
    for tag, attributes in Seen(html[html.index("<svg class") :]).tags:
        if "data-emotion" in attributes:
            name = attributes["data-emotion"]
            found[name] = (attributes["data-tip"].partition("\n")[2], [])
        elif name and tag in ("circle", "path", "rect"):
            found[name][1].append((tag, attributes))
    return found


def test_a_value_is_shown_by_form_and_size_and_a_group_by_its_name(tmp_path, monkeypatch):
    numbers = Shade("size", lambda record: {"glad": 2.0, "calm": -1.0, "sad": 0.0}, lambda record: "by chance <b>0</b>")
    letters = Shade("group", lambda record: {"glad": "<i>", "sad": "7"}, lambda record: "none")
    empty = Shade("nothing", lambda record: {}, lambda record: "none")
    monkeypatch.setattr(view, "TOPICS", (Topic("t", "T", shades=(numbers, letters, empty)),))
    opened = run(tmp_path)
    assert list(view.shades(opened)) == ["size", "group"]
    html = view.emotion_map(opened, 1, None, "size")
    marks = marks_of(html)
    (circle, glad), (path, _) = marks["glad"][1][0], marks["calm"][1][0]
    assert circle == "circle" and float(glad["r"]) == 8 and path == "path"
    assert marks["sad"][1][0][1]["r"] == "2" and marks["<b>mad"][1][0][0] == "rect"
    assert [marks[name][0] for name in NAMES] == ["size: 2", "size: −1", "size: 0", "size: not measured"]
    seen = Seen(html).text
    assert (
        "by chance <b>0</b>" in seen and "Of layer 0, where it was measured; the places are those of layer 1." in seen
    )
    assert "Of layer" not in Seen(view.emotion_map(opened, 0, None, "size")).text
    grouped = view.emotion_map(opened, 0, "glad", "group")
    assert "<i>" not in grouped and marks_of(grouped)["sad"][0] == "group: 7" and "positive" not in Seen(grouped).text
    # A choice of another run, or of none, is the valence.
    assert view.emotion_map(opened, 0, None, "Valence") == view.emotion_map(opened, 0, None)


def test_a_runs_map_shows_what_its_record_has(toy_run):
    """Every experiment with a value for each emotion, its numbers those of results.json, with what chance gives."""
    record, opened = json.loads((toy_run / "results.json").read_text()), open_run("toy", toy_run)
    parts = record["experiments"]
    expected = {
        "Agreement of halves (r)": {row["emotion"]: row["r"] for row in record["vectors"]["split_half"]["rows"]},
        "Goes with preference (r)": {row["emotion"]: row["r"] for row in parts["correlation"]["emotions"]},
        "Effect of steering (nats)": {row["emotion"]: row["nats"] for row in parts["steering"]["emotions"]},
        "Effect against fixed references (nats)": {row["emotion"]: row["nats"] for row in parts["specificity"]["references"]["emotions"]},
        "Cluster": {
            name: str(label + 1) for name, label in zip(parts["clusters"]["emotions"], parts["clusters"]["clusterings"][0]["labels"], strict=True)
        },
        "Agreement of halves without the words (r)": parts["words_out"]["columns"][1]["reliability_of"],
        "User's end and response position (r)": parts["response_position"]["by_emotion"],
    }  # fmt: skip
    found = view.shades(opened)
    assert {name: shade.of(opened.record) for name, shade in found.items()} == expected
    for name, shade in found.items():
        assert any(word in shade.note(opened.record).lower() for word in ("chance", "shuffled", "clouds")), name
        told = {
            emotion: tip
            for emotion, (tip, _) in marks_of(view.emotion_map(opened, opened.vectors.layer, None, name)).items()
        }
        missing = {emotion for emotion, tip in told.items() if tip.endswith("not measured")}
        assert missing == set(opened.vectors.emotions) - set(expected[name])
