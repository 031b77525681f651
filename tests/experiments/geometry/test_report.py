"""What the page says of the geometry, and what it refuses."""

import pytest
from report.asking import typed
from report.record import build

from emotion_vectors.experiments.geometry import figures, measure, report
from emotion_vectors.record import ContradictoryRecord
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import shipped

PACK = load_pack("ours")


EMOTIONS = PACK.emotions


GLASGOW = shipped()[1]


@pytest.fixture(scope="module")
def record(with_valence):
    made = build("toy")
    made["experiments"]["geometry"] = with_valence.dump()
    return made


def test_the_page_says_what_is_more_than_words(record):
    said = report.seen(typed(record))
    valence = record["experiments"]["geometry"]["representations"][0]["agreements"][2]
    assert f"r = {valence['ridge']['r']:.2f}" in said and "This is more than the words give (difference " in said
    table = report.RIDGE(typed(record))
    assert table.columns[2:] == tuple(name.capitalize() for name in report.ORDER if name != measure.STORY)
    assert "0.96" in table.note and len(report.map_rows(typed(record))) == 171 + 4
    drawn = report.map_chart(typed(record)).to_dict()
    assert any(layer["mark"].get("shape") == "diamond" for layer in drawn["layer"] if isinstance(layer["mark"], dict))


def test_no_name_of_an_emotion_lies_on_an_arrow_and_every_arrow_is_named(record):
    drawn = report.map_chart(typed(record)).to_dict()
    wide, high = ((drawn["layer"][0]["encoding"][axis]["scale"]["domain"][1]) for axis in "xy")
    rows = {key: value for key, value in drawn["datasets"].items()} if "datasets" in drawn else {}

    def pixels(x, y):
        return (x / wide + 1) / 2 * figures.WIDTH, (1 - y / high) / 2 * figures.HEIGHT

    tips = [(row["x"] * high, row["y"] * high) for row in report.map_rows(typed(record)) if row["kind"] == "ratings"]
    along = [pixels(x * step / 500, y * step / 500) for x, y in tips for step in range(501)]
    named = set()
    for layer in drawn["layer"]:
        mark = layer["mark"]
        if mark["type"] != "text":
            continue
        for row in layer["data"].get("values") or rows[layer["data"]["name"]]:
            named.add(row["name"])
            if mark.get("fontWeight") == "bold":
                continue
            x, y = pixels(row["x"], row["y"])
            width = 0.5 * mark["fontSize"] * len(row["name"])  # a little narrower than it may be
            left = x + mark["dx"] - {"left": 0, "right": width, "center": width / 2}[mark["align"]]
            inside = [
                (a, b) for a, b in along if left < a < left + width and abs(b - y - mark["dy"]) < mark["fontSize"] / 2
            ]
            assert not inside, row["name"]
    assert {f"{scale}, {norms}" for norms, scale in typed(record).part(report.Geometry).scales} <= named
    assert len(named) > 20


def test_a_record_that_denies_itself_is_refused(record):
    report.contradictions(typed(record))

    def damaged(change):
        part = found_part = typed(record).part(report.Geometry)
        return record | {
            "experiments": record["experiments"] | {"geometry": change(found_part.model_copy(deep=True).dump()) or part}
        }

    def more_variance(part):
        part["representations"][0]["components"][0]["share"] = 0.99
        return part

    def other_arrow(part):
        part["representations"][0]["components"][0]["r"][2] = 0.1
        return part

    def other_difference(part):
        part["representations"][0]["agreements"][0]["beyond_words"]["value"] += 0.1
        return part

    for change, said in (
        (more_variance, "of the variance"),
        (other_arrow, "r of component 1"),
        (other_difference, "difference"),
    ):
        with pytest.raises(ContradictoryRecord, match=said):
            report.contradictions(typed(damaged(change)))


def test_a_record_without_the_part_says_so():
    assert (
        "older run" in report.MISSING
        and report.seen(typed(build("toy"))) == ""
        and report.RIDGE(typed(build("toy"))) is None
    )
