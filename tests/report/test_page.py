"""The page: complete, self-contained, small, and safe against text that pretends to be markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.report.criteria import SYMBOLS
from report.asking import ContradictoryRecord, check, figures, write_report
from report.reading import Page
from report.record import build
from report.reports import Written

ATTACK = "<script>alert(1)</script>"


ENDING = "</script><img src=x onerror=alert(2)>"


@pytest.mark.parametrize("size", ["full", "toy"])
@pytest.mark.slow
def test_every_criterion_is_on_the_first_screen_with_its_verdict(size: str, request: pytest.FixtureRequest) -> None:
    written: Written = request.getfixturevalue(size)
    text = Page(written.page).text
    first_screen = text[: text.index("Why each verdict")]
    for name, criterion in written.record["criteria"].items():
        assert f"{name} {SYMBOLS[criterion['verdict']]} {criterion['verdict']} {criterion['name']}" in first_screen
        assert criterion["reason"] in text


def test_files_are_whole_pictures(full: Written) -> None:
    assert [path.name for path in full.files] == ["report.html"] + [
        f"figure-{n}.{e}" for n in [*range(1, 9), *"abcd"] for e in ("svg", "png")
    ]
    for path in full.files[1:]:
        if path.suffix == ".svg":
            root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
            assert root.tag.endswith("svg") and len(list(root.iter())) > 60
        else:
            data = path.read_bytes()
            assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
            svg = ElementTree.fromstring(path.with_suffix(".svg").read_text(encoding="utf-8"))
            assert struct.unpack(">I", data[16:20])[0] == pytest.approx(2 * float(svg.attrib["width"]), abs=2)


def test_page_is_self_contained_and_small(full: Written) -> None:
    assert full.files[0].stat().st_size < 5_000_000
    page = Page(full.page)
    assert page.loaded and all(address.startswith("data:image/svg+xml;base64,") for address in page.loaded)
    outside = [link for link in page.links if re.match(r"(https?:)?//", link)]
    assert outside == ["https://transformer-circuits.pub/2026/emotions/index.html"]
    assert not {"iframe", "object", "embed", "link", "base", "form"} & set(page.tags)
    style = full.page[full.page.index("<style>") : full.page.index("</style>")]
    assert "url(" not in style and "@import" not in style
    for link in page.links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in full.page
        elif link.startswith("figures/"):
            assert (full.folder / link).is_file()


def test_policy_lets_only_the_two_known_scripts_run(full: Written) -> None:
    page = Page(full.page)
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy))
    running = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    hashes = {"sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running}
    assert len(running) == 2 and hashes == allowed
    assert "default-src 'none'" in policy and not re.search(r"https?:", policy)
    assert "'unsafe-inline'" not in policy[policy.index("script-src") :].split(";")[0]


def test_specifications_in_the_page_hold_the_records_data(full: Written) -> None:
    specifications = {
        attributes["id"]: json.loads(text) for attributes, text in Page(full.page).scripts if attributes.get("id")
    }
    assert sorted(specifications) == [f"spec-{n}" for n in [*range(1, 9), *"ABCD"]]
    bars = max(specifications["spec-3"]["datasets"].values(), key=len)
    expected = {row["emotion"]: row["r"] for row in full.record["experiments"]["correlation"]["emotions"]}
    assert {row["emotion"]: row["r"] for row in bars} == expected


@pytest.mark.slow
def test_attack_strings_are_shown_as_text(tmp_path: Path, toy: Written) -> None:
    record = build("toy")
    record["model"]["name"] = ATTACK
    record["command"] = f"emotion-vectors run --model '{ENDING}'"
    record["criteria"]["V1"]["reason"] = ENDING
    record["corpus"]["dropped"][ENDING] = 0
    record["experiments"]["lens"]["emotions"][0]["top"][0] = ATTACK
    record["experiments"]["lens"]["emotions"][0]["bottom"][0] = ENDING
    for part in ("preferences", "correlation", "steering"):
        experiment = record["experiments"][part]
        for row in experiment.get("activities", []):
            row["text"] = f"{ENDING} {row['text']}"
        for example in experiment.get("examples", {}).values():
            for point in example["points"]:
                point["activity"] = f"{ENDING} {point['activity']}"
    record["experiments"]["scenarios"]["items"][0]["name"] = ENDING
    text = write_report(tmp_path, record)[0].read_text(encoding="utf-8")
    page, harmless = Page(text), Page(toy.page)
    assert ATTACK in page.text and ENDING in page.text
    # One row more, for the dropped reason; no other element.
    assert sorted(page.tags) == sorted([*harmless.tags, "tr", "th", "td"])
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert len(page.scripts) == len(harmless.scripts)
    shown = json.loads(next(body for attributes, body in page.scripts if attributes.get("id") == "spec-5"))
    activities = {row.get("activity") for rows in shown["datasets"].values() for row in rows}
    assert any(activity and activity.startswith(ENDING) for activity in activities)
    for picture in (tmp_path / "figures").glob("*.svg"):
        tags = {
            element.tag.rpartition("}")[2]
            for element in ElementTree.fromstring(picture.read_text(encoding="utf-8")).iter()
        }
        assert not tags & {"script", "img", "image", "foreignObject"}


def _bare() -> dict[str, Any]:
    """A record of a run that measured preferences and nothing else."""
    record = build("toy")
    record["experiments"] = {"preferences": record["experiments"]["preferences"]}
    record |= {"settings": {}, "corpus": None, "vectors": None, "stimuli": None}
    for name, criterion in record["criteria"].items():
        if name != "V7":
            criterion.update(
                value=None,
                verdict="inconclusive",
                seed_verdict="inconclusive",
                interval=None,
                null=None,
                reason="Not run.",
            )
    return record


def test_parts_that_a_run_lacks_are_said_in_a_sentence(tmp_path: Path) -> None:
    record = _bare()
    files = write_report(tmp_path, record)
    text = Page(files[0].read_text(encoding="utf-8")).text
    assert len(files) == 1
    for sentence in (
        "This run has no scenarios.",
        "This run has no numeric templates.",
        "This run has no correlations with preference.",
        "This run has no steering.",
        "This run has no example of a positive emotion.",
        "not measured",
    ):
        assert sentence in text
    assert text.count("This run has no data for this figure.") == 8


@pytest.mark.slow
def test_experiments_that_gave_no_r_are_drawn_without_it() -> None:
    record = build("toy")
    correlation, steering = record["experiments"]["correlation"], record["experiments"]["steering"]
    correlation["emotions"][0].update(r=None, low=None, high=None, p=None, q=None, r_without_extremes=None)
    correlation["examples"] = {"positive": None, "negative": None}
    steering.update(r=None, low=None, high=None, slope=None, intercept=None, times_control=None, examples={})
    next(row for row in steering["arms"] if row["arm"] == "emotion")["r"] = None
    for criterion in ("V9", "V10"):
        record["criteria"][criterion].update(
            value=None, verdict="inconclusive", seed_verdict="inconclusive", interval=None
        )
    check(record)
    shown = figures(record)
    assert [figure.number for figure in shown if figure.chart is not None] == [1, 2, 3, 4]
    assert len(shown[2].rows) == 11 and "r can't be computed" in shown[3].seen


def test_contradictory_record_leaves_nothing_behind(tmp_path: Path) -> None:
    record = build("toy")
    record["criteria"]["V1"]["value"] = record["criteria"]["V1"]["of"] + 1
    with pytest.raises(ContradictoryRecord):
        write_report(tmp_path, record)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(UserError, match="choose another --out"):
        write_report(tmp_path, _bare())
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
