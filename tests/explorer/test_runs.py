"""Opening runs and their verdicts: finished, unfinished, damaged, none."""

import dataclasses
import json

import pytest
from vectors.worlds import agreeing

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.runs import SHOWN, Run, names, open_run
from emotion_vectors.explorer.views.overview import overview
from emotion_vectors.explorer.views.preferences import usable
from emotion_vectors.explorer.views.verdicts import verdicts
from emotion_vectors.record import parse
from explorer.test_markup import Seen


def folder(path, **files):
    path.mkdir(parents=True)
    (path / "run.json").write_text("{}")
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def test_names_are_short_and_different(tmp_path):
    one, two = folder(tmp_path / "a" / "demo"), folder(tmp_path / "b" / "demo")
    assert names([one, two, one]) == {"demo": one, "b/demo": two}


@pytest.mark.parametrize(("make", "says"), [(False, "no folder"), (True, "no run.json")])
def test_what_is_no_run_is_refused(tmp_path, make, says):
    if make:
        (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match=says):
        names([tmp_path / "x"])
    with pytest.raises(UserError, match="at least one"):
        names([])


def test_an_unfinished_run_says_what_is_missing_and_what_to_do(tmp_path):
    run = open_run("new", folder(tmp_path / "new"))
    shown = overview(run)
    assert "Run the same command again to resume." in shown and "no vectors yet" in shown
    assert run.model is None and run.table("stories") is None and "no verdicts yet" in verdicts(run)


def test_a_damaged_run_is_told_not_raised(tmp_path):
    path = folder(tmp_path / "x", **{"results.json": "{", "vectors.safetensors": "no", "stories.parquet": "no"})
    run = open_run("x", path)
    assert len(run.problems) == 2 and run.record is None and run.vectors is None
    with pytest.raises(UserError, match="run the experiment again"):
        run.table("stories")


def test_an_older_record_without_a_tally_is_counted_and_not_called_unusable(toy_run, tmp_path):
    record = json.loads((toy_run / "results.json").read_text())
    stated = record.pop("verdicts")
    del record["experiments"]["preferences"]["usable"], record["experiments"]["preferences"]["why_not_usable"]
    run = Run("older", tmp_path, parse(record, SHOWN))
    assert all(f"{stated[verdict]} {verdict}" in verdicts(run) for verdict in ("pass", "fail", "inconclusive"))
    assert f"<b>{stated['pass']}</b> pass, {stated['fail']} fail" in overview(run) and usable(run) == ""


def test_a_finished_run_has_eleven_verdicts_with_the_record_s_numbers(toy_run):
    run = open_run("toy", toy_run)
    record = json.loads((toy_run / "results.json").read_text())
    assert not run.problems and run.model == "toy" and "12</b> emotions" in overview(run)
    html = verdicts(run)
    cards = html.split("<article")[1:]
    assert len(cards) == 11
    for card, criterion in zip(cards, record["criteria"].values(), strict=True):
        seen = Seen("<article" + card).text
        assert criterion["id"] in seen and criterion["reason"] in seen and criterion["verdict"] in seen


def test_hostile_words_of_a_run_are_text(hostile_run):
    run = open_run("hostile", hostile_run)
    for html in (overview(run), verdicts(run)):
        seen = Seen(html)
        assert "<script>window.owned=1</script>" in seen.text
        assert not {"script", "img"} & {tag for tag, _ in seen.tags}


@pytest.mark.parametrize(("r", "said"), [(None, "not measured"), (0.03, "mostly noise"), (0.6, "")])
def test_noise_is_called_noise_above_all_tabs(toy_run, r, said):
    run = open_run("toy", toy_run)
    bare = dataclasses.replace(run.vectors, header=run.vectors.header | {"reliability": None})
    shown = overview(dataclasses.replace(run, vectors=bare if r is None else agreeing(bare, r)))
    assert bool(said) == ("noise" in shown) == ("ev-warning" in shown)
    if said:
        sentence = Seen(shown).text
        assert said in sentence and sentence.count("These vectors") + sentence.count("of these vectors") == 1
    # The toy's own vectors are those of a random model.
    assert run.vectors.caution() in Seen(overview(run)).text and "mostly noise" in run.vectors.caution()
