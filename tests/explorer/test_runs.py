"""Opening runs and their verdicts: finished, unfinished, damaged, none."""

import json

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.runs import Run, names, open_run
from emotion_vectors.explorer.views.overview import overview
from emotion_vectors.explorer.views.preferences import usable
from emotion_vectors.explorer.views.verdicts import verdicts
from emotion_vectors.record import parse
from emotion_vectors.report.topic import parts_of
from emotion_vectors.topics import TOPICS
from explorer.opened import folder


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
    run = Run("older", tmp_path, parse(record, parts_of(TOPICS)))
    assert all(f"{stated[verdict]} {verdict}" in verdicts(run) for verdict in ("pass", "fail", "inconclusive"))
    assert f"<b>{stated['pass']}</b> pass, {stated['fail']} fail" in overview(run) and usable(run) == ""
