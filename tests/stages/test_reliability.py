"""A run's vectors file says how far its vectors agree with themselves, with the numbers of the record."""

import pytest

from emotion_vectors.vectors.file import EmotionVectors


def test_the_file_has_the_numbers_of_the_record(toy_run):
    out, record = toy_run
    vectors, found = EmotionVectors.load(out), record["vectors"]["split_half"]
    kept = vectors.reliability
    assert kept is not None and (kept.median, kept.p) == (found["median"], found["p"])
    assert (kept.whole, kept.null_high) == (found["spearman_brown_median"], found["null"]["high"])
    rows = {row["emotion"]: row["r"] for row in found["rows"]}
    assert kept.r == pytest.approx([rows[emotion] for emotion in vectors.emotions], abs=5e-5)
    assert sum(kept.beyond) == found["beyond_null"]
    assert (kept.groups, kept.texts) == (record["settings"]["topics"], record["corpus"]["kept"])
    # A random model writes and reads noise.
    assert "mostly noise" in vectors.caution() and f"r = {found['median']:.2f}" in vectors.caution()
