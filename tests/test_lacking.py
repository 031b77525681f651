"""Runs of the toy model on packs that lack what a criterion is about: it is not asked, the others are, and every reader copes."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from faults import small_pack
from report.asking import CRITERIA, ContradictoryRecord, answers, check
from small import without_pictures

from emotion_vectors import settings
from emotion_vectors.cli.shown import print_verdicts
from emotion_vectors.comparing.command import compare_runs
from emotion_vectors.experiments.criteria import TITLES
from emotion_vectors.explorer import runs as explored
from emotion_vectors.explorer.views.emotion_map import emotion_map
from emotion_vectors.explorer.views.overview import overview
from emotion_vectors.explorer.views.verdicts import verdicts
from emotion_vectors.exports.card import model_card
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.record import parse
from emotion_vectors.record.criterion import VERDICTS
from emotion_vectors.stimuli.pack import find_folder

pytestmark = pytest.mark.slow  # every test waits for whole runs

QUIET = settings.Runtime(device="cpu", quiet=True, threads=1)
OURS = Path(str(find_folder("ours")))
OTHERS = ["amused", "proud", "grateful", "angry", "bored", "lonely"]  # none of V5's four


def pack_of(folder: Path, emotions: list[str], **lists) -> Path:
    """A pack of our texts with these emotions; `lists` replace files, None removes one so that ours is cut to fit."""
    folder.mkdir()
    for name in ("pack", "topics", "numeric_templates", "prompts", "scenarios"):
        shutil.copy(OURS / f"{name}.json", folder)
    shutil.copy(small_pack() / "activities.json", folder)
    lists = {"emotions": emotions} | lists
    if "scenarios" not in lists:
        ours = json.loads((OURS / "scenarios.json").read_text())
        lists["scenarios"] = [scenario for scenario in ours if scenario["emotion"] in emotions]
    for name, value in lists.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def toy(folder: Path, pack: Path, **changes) -> tuple[Path, dict]:
    chosen = settings.change(
        settings.toy(),
        stimuli=str(pack),
        topics=1,
        neutral_texts=4,
        resamples=100,
        sweep_every=0,
        band_layers=0,
        **changes,
    )
    with without_pictures():
        return folder, run_experiment(chosen, folder, QUIET, command="emotion-vectors run")


@pytest.fixture(scope="module")
def lacking(tmp_path_factory):
    """Six emotions outside of V5's four, one of them in our scenarios, two in no opposite pair together; valence from ours."""
    folder = tmp_path_factory.mktemp("lacking")
    return toy(folder / "run", pack_of(folder / "pack", OTHERS, scenarios=_only("angry")))


@pytest.fixture(scope="module")
def partly_labelled(tmp_path_factory):
    """Eight emotions, two of them without a valence."""
    folder = tmp_path_factory.mktemp("partly")
    emotions = ["afraid", "happy", "sad", "calm", "proud", "angry", "surprised", "alert"]
    labels = dict.fromkeys(("happy", "calm", "proud"), "positive") | dict.fromkeys(
        ("afraid", "sad", "angry"), "negative"
    )
    return toy(folder / "run", pack_of(folder / "pack", emotions, valence={"labels": labels}))


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """Six emotions without any valence."""
    folder = tmp_path_factory.mktemp("unlabelled")
    return toy(folder / "run", pack_of(folder / "pack", OTHERS, valence={"labels": {}}))


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Three emotions: too few to steer."""
    folder = tmp_path_factory.mktemp("few")
    return toy(folder / "run", pack_of(folder / "pack", ["amused", "angry", "lonely"]))


def _only(*emotions: str) -> list[dict]:
    return [one for one in json.loads((OURS / "scenarios.json").read_text()) if one["emotion"] in emotions]


def unasked(record: dict) -> list[str]:
    return [name for name in CRITERIA if record["criteria"][name]["verdict"] == "not asked"]


CASES = {
    "lacking": ["V2", "V3", "V4", "V5", "V6"],
    "partly_labelled": [],
    "unlabelled": ["V2", "V5", "V6", "V8", "V11"],
    "few": ["V2", "V3", "V4", "V5", "V6", "V10", "V11"],
}


@pytest.fixture(params=CASES)
def case(request):
    return request.param, *request.getfixturevalue(request.param)


def test_what_the_run_lacks_is_not_asked_and_the_rest_is(case):
    name, _, record = case
    assert unasked(record) == CASES[name]
    assert tuple(record["criteria"]) == CRITERIA and record["verdicts"] == {
        kind: sum(one["verdict"] == kind for one in record["criteria"].values()) for kind in VERDICTS
    }
    for one in record["criteria"].values():
        assert one["name"] == TITLES[one["id"]]
        if one["verdict"] == "not asked":
            assert one["seed_verdict"] == "not asked" and one["value"] is None and one["interval"] is None
            assert one["reason"].endswith(".") and one["reason"].count(". ") == 0


def test_what_is_asked_says_what_it_could_have_seen(case):
    _, out, record = case
    page, run = (out / "report.html").read_text(), explored.open_run("run", out)
    for one in record["criteria"].values():
        assert ("detectable" in one) == (one["value"] is not None)
        if found := one.get("detectable"):
            assert set(found) == {"value", "unit", "power", "sentence"} and found["power"] == 0.8
            sentence = found["sentence"].replace("'", "&#39;").replace(">", "&gt;").replace("<", "&lt;")
            assert sentence.replace(" %", "\u00a0%") in page.replace(" %", "\u00a0%")
            assert found["sentence"][:40].split("'")[0] in verdicts(run)
    old = json.loads(json.dumps(record))
    for one in old["criteria"].values():
        one.pop("detectable", None)
    check(old)  # records of older versions don't say it


def test_the_page_says_what_is_lacking_and_leaves_it_out(case):
    name, out, record = case
    page = (out / "report.html").read_text()
    for key in unasked(record):
        assert record["criteria"][key]["reason"].replace("'", "&#39;") in page
    assert ("This run has no data for this figure." in page) == (name != "partly_labelled")
    check(record)


def test_the_explorer_the_card_and_the_command_line_say_it_too(case, capsys, monkeypatch):
    _, out, record = case
    monkeypatch.setenv("COLUMNS", "200")
    run = explored.open_run("run", out)
    assert run.problems == ()
    shown, line = verdicts(run), overview(run)
    count = len(unasked(record))
    assert shown.count('ev-not-asked"') == 2 * count and (f"{count} not asked" in line) == (count > 0)
    assert "<svg" in emotion_map(run, run.vectors.layer, None) and ">None" not in shown
    facts = {"emotions": run.vectors.emotions, "layers": 4, "width": 8, "layer": run.vectors.layer, "kind": "projected"}
    card = model_card(parse(record, {}), facts)
    assert card.count("| not asked |") == count and (f"({count} could not be asked)" in card) == (count > 0)
    print_verdicts(record)
    assert capsys.readouterr().out.count("not asked") == 2 * count


def test_an_answer_says_no_more_than_what_was_asked(case):
    name, _, record = case
    given = {one.question: one for one in answers(record)}
    driven = given["Do they drive what it prefers?"]
    assert (driven.word == "Not asked") == (name == "few")
    passing = json.loads(json.dumps(record))
    for one in passing["criteria"].values():
        if one["verdict"] != "not asked":
            one["verdict"] = "pass"
    best = {answer.question: answer.word for answer in answers(passing)}
    expected = {"lacking": "Not asked", "partly_labelled": "Yes", "unlabelled": "In part", "few": "Not asked"}
    assert best["Can emotions be read from a text?"] == expected[name]


def test_runs_that_lack_things_are_compared(lacking, partly_labelled, few, tmp_path):
    record = compare_runs([lacking[0], partly_labelled[0], few[0]], tmp_path / "out", resamples=50)
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert 'class="verdict not-asked"' in page
    table = pl.read_parquet(tmp_path / "out" / "comparison.parquet").filter(what="criterion", item="V5")
    assert table["verdict"].to_list()[0] == "not asked" and table["value"].to_list()[0] is None
    assert record["pairs"][0]["criteria"][4]["apart"] is None


def test_tables_keep_their_columns(lacking, unlabelled):
    numeric, scenarios = (pl.read_parquet(lacking[0] / f"{name}.parquet") for name in ("numeric", "scenarios"))
    assert numeric.columns == ["template", "kind", "value", "emotion", "cosine", "expected"] and len(numeric) == 0
    assert scenarios.columns == ["scenario", "target", "probe", "raw", "centred"] and len(scenarios) == 0
    valence = pl.read_parquet(unlabelled[0] / "correlations.parquet")["valence"]
    assert valence.dtype == pl.String and valence.null_count() == len(OTHERS)


def test_emotions_without_a_valence_are_left_out_of_what_is_judged_by_it(partly_labelled, unlabelled):
    record = partly_labelled[1]
    v8, v11 = record["criteria"]["V8"], record["criteria"]["V11"]
    assert v11["of"] == sum(row["valence"] is not None for row in record["experiments"]["steering"]["emotions"]) < 6
    for criterion in (v8, v11):
        assert "emotions is not given; they are left out." in criterion["note"]
    rows = [row for row in record["experiments"]["correlation"]["emotions"] if row["valence"] is not None]
    ordered = [row["valence"] for row in sorted(rows, key=lambda row: row["r"])]
    assert len(rows) == 6
    assert v8["value"] == min(ordered[3:].count("positive"), ordered[:3].count("negative"))
    steered = [row for row in record["experiments"]["steering"]["emotions"] if row["valence"] is not None]
    right = sum((row["nats"] > 0) == (row["valence"] == "positive") for row in steered)
    assert v11["value"] == right == record["experiments"]["steering"]["signs"]
    assert unlabelled[1]["experiments"]["steering"]["signs"] is None
    assert unlabelled[1]["criteria"]["V10"]["verdict"] == "inconclusive"


def test_nothing_is_steered_where_three_emotions_are(few):
    out, record = few
    assert record["experiments"]["steering"] is None and not (out / "steering.parquet").exists()
    assert record["experiments"]["correlation"]["emotions"] and record["criteria"]["V9"]["verdict"] != "not asked"
    assert run_again(few) == record


def run_again(made: tuple[Path, dict]) -> dict:
    out, record = made
    chosen = settings.change(settings.toy(), **{
        name: value for name, value in record["settings"].items() if value != getattr(settings.toy(), name)
    })  # fmt: skip
    with without_pictures():
        return run_experiment(chosen, out, QUIET)


def _judged(record: dict, name: str) -> None:
    """As if the criterion had been asked and could not be estimated."""
    record["criteria"][name].update(verdict="inconclusive", seed_verdict="inconclusive")
    record["verdicts"]["inconclusive"] += 1
    record["verdicts"]["not asked"] -= 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["criteria"]["V5"].update(value=3), "V5 is not asked but has value"),
        (lambda r: r["criteria"]["V5"].update(interval=[0, 1]), "V5 is not asked but has interval"),
        (lambda r: r["criteria"]["V5"].update(reason=""), "V5 is not asked and gives no reason"),
        (lambda r: r["criteria"]["V5"].update(seed_verdict="inconclusive"), "V5 is not asked by one of its two verdicts only"),
        (lambda r: _judged(r, "V5"), "V5 was judged, but the record has nothing"),
        (lambda r: r["experiments"]["lens"].update(pairs=[{"a": "angry", "b": "proud", "dot": -1.0, "cosine": -0.5}]), "V2 is not asked although"),
        (lambda r: r["verdicts"].update({"not asked": 1}), "states 1 criteria with the verdict not asked"),
    ],
)  # fmt: skip
def test_a_record_that_contradicts_itself_is_refused(lacking, change, said):
    record = json.loads(json.dumps(lacking[1]))
    change(record)
    with pytest.raises(ContradictoryRecord, match=said):
        check(record)
