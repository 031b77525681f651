"""Heat maps, their files and links against a reading whose values are known."""

import base64
import csv
import io
import re
from urllib.parse import parse_qsl

import pytest

from emotion_vectors import UserError
from emotion_vectors.explorer.views import heat
from explorer.test_markup import Seen
from explorer.views.test_read import RAW, reading

NASTY = 'a&b=c #1 "<i>" +%20 \u00e9\n?'


def files(html):
    found = re.findall(r'download="reading[.](\w+)" href="data:[^;]+;base64,([^"]+)"', html)
    return {name: base64.b64decode(content) for name, content in found}


def test_the_files_hold_the_picture_and_the_numbers_that_are_drawn():
    html = heat.heat_map(reading(), "calm", 3, heat.EMOTIONS)
    made = files(html)
    assert made["png"].startswith(b"\x89PNG") and b"<svg" in made["svg"] and b"calm" in made["svg"]
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    assert {row["layer"] for row in rows} == {"3"} and len(rows) == 10
    assert {(int(row["place"]), row["emotion"]): float(row["raw"]) for row in rows} == pytest.approx(
        {(i, name): float(RAW[i, k, 0]) for i in range(5) for k, name in enumerate(("calm", "angry"))}
    )
    layers = list(csv.DictReader(io.StringIO(files(heat.heat_map(reading(), "angry", 3, heat.LAYERS))["csv"].decode())))
    assert {row["layer"] for row in layers} == {"3", "5"} and {row["emotion"] for row in layers} == {"angry"}


def test_the_map_of_layers_has_one_emotion_at_every_layer_the_highest_on_top():
    chart = reading().plot_layers("angry").to_dict()
    assert chart["encoding"]["y"]["sort"] == ["layer 5", "layer 3"]
    (cells,) = chart["datasets"].values()
    drawn = {(cell["place"].split(":")[0], cell["name"]): cell["cosine"] for cell in cells}
    assert drawn == {
        (str(i), f"layer {n}"): pytest.approx(RAW[i, 1, k] / 2, abs=1e-4)
        for i in range(5)
        for k, n in enumerate((3, 5))
    }
    with pytest.raises(UserError, match="no reading of 'angri'"):
        reading().plot_layers("angri")


def test_hostile_tokens_do_not_leave_the_image():
    hostile = reading(tokens=("<s>", "<script>x</script>", '"><img src=x>', "${x}", "&lt;"))
    seen = Seen(heat.heat_map(hostile, "calm", 3, heat.EMOTIONS))
    assert [tag for tag, _ in seen.tags if tag in ("script", "img")] == ["img"]
    assert b"<script" not in files(heat.heat_map(hostile, "calm", 3, heat.EMOTIONS))["svg"]


def test_a_link_says_again_what_it_was_made_of():
    tag, attributes = Seen(heat.link("a run", NASTY, "chat", "at ease", 7)).tags[1]
    query = dict(parse_qsl(attributes["href"].removeprefix("?")))
    assert tag == "a" and heat.linked(query, "a run") == (NASTY, "chat", "at ease", 7)
    assert heat.linked(query, "another") is None is heat.linked({}, "a run")
    assert heat.linked({"text": "x", "layer": "-1", "form": "y"}, "a run") == ("x", "text", "", None)
    whole = {"run": "a", "text": "x", "emotion": "calm", "layer": "2"}
    assert heat.elsewhere(whole, "a", ["a", "b"], ["calm"], 3) == "" == heat.elsewhere({}, "a", ["a"], ["calm"], 3)
    for asked, says in (({"run": "<b>gone"}, "the run <b>gone"), ({"emotion": "<i>"}, "the emotion <i>,"), ({"layer": "3"}, "layer 3,"),
                        ({"layer": "x", "emotion": "sad"}, "the emotion sad and layer x,")):  # fmt: skip
        assert says in Seen(heat.elsewhere(whole | asked, "a", ["a", "b"], ["calm"], 3)).text
    # A visitor who has chosen another open run by hand is told nothing about the link.
    assert heat.elsewhere(whole | {"emotion": "sad"}, "b", ["a", "b"], ["calm"], 3) == ""
    assert "href" not in heat.link("a run", "x" * heat.MOST_LINK, "text", "calm", 0)
