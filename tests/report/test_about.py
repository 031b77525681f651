"""A record of imported texts: the page names the corpus, its version or commit and its hash, and calls nothing of it written."""

from __future__ import annotations

from typing import Any

import pytest

from report.asking import abstract, corpus_table, limits, method_table, render
from report.record import build

SHA = "0123456789ab" + "cd" * 26
OURS = {"name": "ours", "version": "7", "revision": None, "sha256": SHA}


def imported(source: dict[str, Any]) -> dict[str, Any]:
    record = build("toy")
    record["settings"] |= {"stories_from": "ours", "neutral_from": "ours"}
    record["corpus"] |= {"source": source, "topics": 5, "emotions": 7}
    record["corpus"]["neutral"] |= {"source": source, "topics": 60}
    return record


def rows(table: Any) -> dict[str, str]:
    return {row[0].text: row[-2].text if len(row) > 2 else row[1].text for row in table.rows}


def test_the_abstract_and_the_tables_name_corpus_version_and_hash():
    record = imported(OURS)
    said = "'ours', version 7 (SHA-256 0123456789ab...)"
    assert f"of the corpus {said}" in abstract(record)[0]
    corpus, method = rows(corpus_table(record)), rows(method_table(record))
    assert corpus["Stories from"] == corpus["Neutral texts from"] == said
    assert "Stories read" in corpus and not any("written" in name for name in corpus)
    assert method["Stories from"] == method["Neutral texts from"] == said and method["Topics"] == "5"
    assert "about 7 emotions" in abstract(record)[0] and method["Emotions"] == "7"


def test_a_data_set_is_named_with_its_commit():
    source = {"name": "owner/name:data/file.parquet", "version": None, "revision": "c0ffee" * 6, "sha256": SHA}
    said = "'owner/name:data/file.parquet', commit c0ffeec0ffee (SHA-256 0123456789ab...)"
    assert rows(corpus_table(imported(source)))["Stories from"] == said


def test_written_texts_have_no_source():
    record = build("toy")
    corpus = rows(corpus_table(record))
    assert "Stories written" in corpus and "Stories from" not in corpus
    assert "of the corpus" not in abstract(record)[0]


@pytest.mark.slow
def test_a_name_of_a_corpus_is_data():
    page = render(imported(OURS | {"name": "<script>alert(1)</script>"}), [])
    assert "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page


def test_another_precision_of_the_short_prompts_is_named() -> None:
    record = build()
    model = record["model"] = record["model"] | {"dtype": "bfloat16", "device": "cpu"}
    assert rows(method_table(record))["Precision, device"] == "bfloat16, cpu"  # of an earlier version
    model["readings_dtype"] = "float32"
    assert rows(method_table(record))["Precision, device"] == "bfloat16, cpu; short prompts read in float32"
    model["readings_dtype"] = "bfloat16"
    assert rows(method_table(record))["Precision, device"] == "bfloat16, cpu"


def test_tokens_are_called_those_that_were_written() -> None:
    record = build()
    record["corpus"] |= {"tokens": 4321}
    assert rows(corpus_table(record))["Tokens written for stories, kept or not"] == "4,321"


@pytest.mark.parametrize(("fewest", "noisier"), [(2, True), (1199, True), (1200, False), (5000, False)])
def test_vectors_of_as_many_stories_as_the_papers_are_not_called_noisier(fewest: int, noisier: bool) -> None:
    record = build("toy")
    record["corpus"]["fewest_per_emotion"] = fewest
    assert ("noisier" in " ".join(limits(record))) is noisier


def test_one_criterion_that_passes_by_the_threshold_is_singular() -> None:
    record = build("toy")
    for place, one in enumerate(record["criteria"].values()):
        one["seed_verdict"] = "fail" if place else "pass"
    assert "by the thresholds of Hong (2026) alone 1 of 11 passes." in " ".join(abstract(record))
