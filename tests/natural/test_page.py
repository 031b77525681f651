"""The command and its page."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import polars as pl
from vectors.worlds import agreeing, make_vectors

from emotion_vectors.lm import toy
from emotion_vectors.natural.page import _up_to
from emotion_vectors.natural.record import Summary
from natural.jobs import passages, run


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()
        self.open = 0

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.open += tag not in ("meta", "link", "br")

    def handle_endtag(self, tag):
        self.open -= 1


def test_the_command_and_its_page(folder, tmp_path):
    texts = ["The calm sea <script>alert(1)</script> & more.", "She was angry; he went home.", "Rest."]
    path = tmp_path / "texts.parquet"
    pl.DataFrame({"body": texts, "id": [1, 2, 3]}).write_parquet(path)
    done = run(folder, path, "--text-column", "body", "--emotions", "calm, angry", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "were not measured" in done.output or "was not measured" in done.output
    assert "Lexicon: not compared." in done.output and "examples.html" in done.output
    page = (tmp_path / "out" / "examples.html").read_text()
    assert "&lt;script&gt;alert" in re.sub(r"</?span[^>]*>", "", page)
    tags = Tags()
    tags.feed(page)
    assert tags.open == 0 and not tags.seen & {"script", "img", "link", "iframe"}
    assert (
        "http:" not in page
        and "https:" not in page
        and "prefers-color-scheme:dark" in page
        and 'class="caution"' in page
    )
    # These vectors have no neutral texts, and three texts no ten passages.
    assert "no more than usual in neutral texts" not in page and "the vectors have no neutral texts" in page
    assert "For each emotion up to 10 strongest passages, and up to 10 strongest passages of those" in page
    found = Summary.model_validate(json.loads((tmp_path / "out" / "summary.json").read_text()))
    assert [row.emotion for row in found.emotions] == ["calm", "angry"] and found.read.texts == 3
    rows = passages(tmp_path / "out")
    assert rows.filter(emotion="calm", text="1")["has_word"].item() and rows["percentile"].null_count() == len(rows)


def test_reliable_vectors_have_no_caution(folder, tmp_path):
    header = {"model": "toy", "model_sha256": toy.SHA256, "dtype": "float32", "fingerprint": "f"}
    made = agreeing(dataclasses.replace(make_vectors(), header=header), 0.9)
    made.save(tmp_path / "vectors.safetensors")
    (tmp_path / "a.txt").write_text("The sea.")
    done = run(tmp_path, tmp_path / "a.txt", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert 'class="caution"' not in (tmp_path / "out" / "examples.html").read_text()


def test_the_abstract_promises_no_more_passages_than_there_are():
    assert _up_to([3, 3], 3) == "the 3 strongest passages" and _up_to([1, 1], 1) == "the strongest passage"
    assert _up_to([3, 2], 3) == "up to 3 strongest passages" and _up_to([0, 1], 1) == "up to 1 strongest passage"
