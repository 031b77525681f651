"""What is embedded in the page: JSON that can't end a script, and cells that are no formulas."""

from __future__ import annotations

import json

from emotion_vectors.report.embedding import as_csv, script_json


def test_script_json_cannot_end_a_script_and_reads_back() -> None:
    value = {"text": "</script><!-- & \u2028"}
    text = script_json(value)
    assert not set("<>&\u2028") & set(text) and json.loads(text) == value


def test_csv_cells_are_no_formulas() -> None:
    assert (
        as_csv([{"text": "=cmd()", "r": -0.5}, {"text": "calm, happy", "r": 1}])
        == 'text,r\n\'=cmd(),-0.5\n"calm, happy",1\n'
    )
