"""`compare` and `screen` on toy runs: what is compared, what is refused with the reason, and the page."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from emotion_vectors import EmotionVectors
from emotion_vectors.cli import main
from emotion_vectors.comparing import compare_runs, open_compared
from emotion_vectors.comparing.pairs import compare_pair
from emotion_vectors.errors import UserError
from emotion_vectors.store.atomic import read_json, write_json

ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def altered(run, path, vectors=None, **record):
    """A copy of a run, with other vectors or other parts of its record."""
    path.mkdir(parents=True)
    for name in ("results.json", "run.json", "vectors.safetensors"):
        shutil.copy(run / name, path / name)
    if vectors is not None:
        vectors.save(path / "vectors.safetensors")
    write_json(path / "results.json", read_json(path / "results.json") | record)
    return path


@pytest.fixture(scope="module")
def others(toy_run, tmp_path_factory):
    """The toy run again, with its vectors in another basis; of another model; and with few emotions."""
    folder, record = toy_run
    place = tmp_path_factory.mktemp("runs")
    theirs = replace(EmotionVectors.load(folder), calibration=None)
    basis, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((theirs.raw.shape[2],) * 2))
    turned = replace(theirs, raw=theirs.raw @ basis, projected=theirs.projected @ basis)
    model = record["model"] | {"sha256": "f" * 64, "name": ATTACK}
    few = replace(
        theirs,
        emotions=theirs.emotions[:3],
        raw=theirs.raw[:, :3],
        projected=theirs.projected[:, :3],
        embedding=theirs.embedding[:3],
    )
    return {
        "same": altered(folder, place / "same"), "turned": altered(folder, place / "turned", turned),
        "foreign": altered(folder, place / "foreign", turned, model=model), "few": altered(folder, place / "few", few),
    }  # fmt: skip


def pair(toy_run, other):
    return compare_pair(*open_compared([toy_run[0], other]), 200, 0)


def test_a_run_equals_itself(toy_run, others):
    found = pair(toy_run, others["same"])
    assert found["differ"] == [] and found["vectors"]["mean"] == pytest.approx(1)
    assert found["geometry"]["r"] == pytest.approx(1) and found["preferences"]["r"] == pytest.approx(1)
    assert not any(row["apart"] for row in found["criteria"])
    assert all(row["mean"] == pytest.approx(1, abs=1e-5) for row in found["vectors"]["by_layer"])
    assert len(found["geometry"]["by_depth"]) == 11


def test_runs_on_the_same_stories_are_warned_of(toy_run, tmp_path):
    other = altered(toy_run[0], tmp_path / "other")
    assert pair(toy_run, other)["shared_stories"] is None
    stories = pl.read_parquet(toy_run[0] / "stories.parquet")
    kept = stories.filter("kept")
    half = kept.with_columns(
        pl.when(pl.int_range(pl.len()) < kept.height // 2).then("text").otherwise(pl.lit("Another one."))
    )
    half.write_parquet(other / "stories.parquet")
    assert pair(toy_run, other)["shared_stories"] == pytest.approx(kept.height // 2 / (kept.height // 2 + 1))
    record = compare_runs([toy_run[0], other], tmp_path / "out", 200)
    assert (
        record["pairs"][0]["shared_stories"]
        and "same texts in both runs" in (tmp_path / "out" / "comparison.html").read_text()
    )


def test_another_basis_is_seen_by_the_vectors_and_not_by_the_geometry(toy_run, others):
    found = pair(toy_run, others["turned"])
    assert found["vectors"]["mean"] < 0.5 and found["geometry"]["r"] == pytest.approx(1)


def test_what_cannot_be_compared_says_why(toy_run, others):
    found = pair(toy_run, others["foreign"])
    assert found["vectors"] is None and "different models" in found["vectors_reason"]
    assert found["geometry"]["r"] == pytest.approx(1) and found["differ"] == ["model"]
    found = pair(toy_run, others["few"])
    assert found["vectors"] is None is found["geometry"] and "3 emotions in common" in found["geometry_reason"]


def test_page_table_and_record_agree_and_hostile_names_are_text(toy_run, others, tmp_path):
    out = tmp_path / "out"
    record = compare_runs([toy_run[0], others["turned"], others["foreign"]], out, 200)
    assert json.loads((out / "comparison.json").read_text()) == json.loads(json.dumps(record))
    page = (out / "comparison.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "&lt;img src=x onerror=" in page
    assert not re.search(r"<script|https?://", page)
    table = pl.read_parquet(out / "comparison.parquet")
    assert table.filter(pl.col("what") == "criterion").height == 33
    mean = table.filter((pl.col("what") == "cosine, mean") & (pl.col("with") == "turned"))
    assert mean["value"].item() == record["pairs"][0]["vectors"]["mean"] and mean["low"].item() < mean["high"].item()
    assert table.filter(pl.col("what") == "cosine").height == 12
    assert len(page) < 5_000_000


def test_criteria_are_called_apart_only_where_their_intervals_are(toy_run, tmp_path):
    folder, record = toy_run
    criteria = json.loads(json.dumps(record["criteria"]))
    low, high = criteria["V7"]["interval"]
    criteria["V7"]["interval"] = [high + 1, high + 2]
    criteria["V8"]["interval"] = None
    rows = {
        row["id"]: row["apart"]
        for row in pair(toy_run, altered(folder, tmp_path / "apart", criteria=criteria))["criteria"]
    }
    assert rows["V7"] is True and rows["V8"] is None and rows["V9"] is False and low <= high


def test_a_criterion_that_an_older_run_lacks_is_not_compared(toy_run, tmp_path):
    folder, record = toy_run
    older = {name: one for name, one in record["criteria"].items() if name != "V11"}
    older = altered(folder, tmp_path / "older", criteria=older)
    for order in ([folder, older], [older, folder]):
        found = compare_runs(order, tmp_path / "out", 200)
        assert [row["id"] for row in found["pairs"][0]["criteria"]] == [f"V{i}" for i in range(1, 11)]
        page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
        assert page.count("not judged (older run)") == 1 and "V11 Steering has the sign of the valence" in page


def called(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["emotion-vectors", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, capsys.readouterr()


def test_wrong_folders_are_refused_in_a_sentence(toy_run, others, tmp_path, monkeypatch, capsys):
    folder = toy_run[0]
    for paths, says in (
        ([folder], "two runs or more"),
        ([folder, folder], "there twice"),
        ([folder, tmp_path], "has no results.json"),
    ):
        code, told = called(monkeypatch, capsys, "compare", *paths, "--out", tmp_path / "no")
        assert code == 2 and says in told.err and not (tmp_path / "no").exists()
    damaged = altered(folder, tmp_path / "damaged", experiments={})
    with pytest.raises(UserError, match=r"damaged.results.json is damaged: it has no preferences"):
        compare_runs([folder, damaged], tmp_path / "no")
    impossible = altered(folder, tmp_path / "impossible", verdicts={"pass": "many"})
    with pytest.raises(UserError, match=r"impossible.results.json is damaged.*verdicts.pass can't be right"):
        compare_runs([folder, impossible], tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_screen_runs_every_model_and_names_the_one_that_fails(toy_run, tmp_path, monkeypatch, capsys):
    """The toy model is its name alone, so a finished run put where screen would make it is found and not made again."""
    out = tmp_path / "screen"
    shutil.copytree(toy_run[0], out / "toy")
    missing = tmp_path / "nowhere"
    code, told = called(
        monkeypatch,
        capsys,
        "screen",
        "--models",
        f"toy {missing}",
        "--preset",
        "toy",
        "--out",
        out,
        "--quiet",
        "--device",
        "cpu",
    )
    assert code == 1 and "nowhere" in told.err and not (out / "comparison.html").exists()
    code, told = called(monkeypatch, capsys, "screen", "--models", "toy", "--models", "toy", "--out", out)
    assert code == 2 and "same name" in told.err
