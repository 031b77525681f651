"""`compare` and `screen` on toy runs: what is compared, what is refused with the reason, and the page."""

import json

import pytest

from comparing.folders import altered, pair
from emotion_vectors.comparing.pairs import _too_few

ATTACK = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def test_a_run_equals_itself(toy_run, others):
    found = pair(toy_run, others["same"])
    assert found["differ"] == [] and found["vectors"]["mean"] == pytest.approx(1)
    assert found["geometry"]["r"] == pytest.approx(1) and found["preferences"]["r"] == pytest.approx(1)
    assert not any(row["apart"] for row in found["criteria"])
    assert all(row["mean"] == pytest.approx(1, abs=1e-5) for row in found["vectors"]["by_layer"])
    assert len(found["geometry"]["by_depth"]) == 11


def test_another_basis_is_seen_by_the_vectors_and_not_by_the_geometry(toy_run, others):
    found = pair(toy_run, others["turned"])
    assert found["vectors"]["mean"] < 0.5 and found["geometry"]["r"] == pytest.approx(1)


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


def test_a_criterion_with_another_bar_is_not_compared(toy_run, tmp_path):
    """A mean rank among 12 probes, and one among 4."""
    folder, record = toy_run
    criteria = json.loads(json.dumps(record["criteria"]))
    criteria["V4"] |= {"interval": [0.5, 0.6], "value": 0.55, "threshold": 1.55}
    rows = pair(toy_run, altered(folder, tmp_path / "bar", criteria=criteria))["criteria"]
    assert next(row["apart"] for row in rows if row["id"] == "V4") is None


def test_what_is_too_few_is_counted_in_english():
    assert _too_few(1, "emotion") == "they have 1 emotion in common and 4 are needed"
    assert _too_few(3, "activity", "activities") == "they have 3 activities in common and 4 are needed"
