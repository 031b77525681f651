"""A report needs a finished run."""

from cli.calls import refused


def test_a_report_needs_a_finished_run(tmp_path, call):
    refused(call("report", tmp_path), "results.json")
