"""Eleven verdicts with the record's numbers."""

import json

from emotion_vectors.explorer.runs import open_run
from emotion_vectors.explorer.views.overview import overview
from emotion_vectors.explorer.views.verdicts import verdicts
from explorer.test_markup import Seen


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
