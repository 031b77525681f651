"""Samples are runs of neighbours, as long as kept stories."""

import numpy as np

from bench.small import small
from emotion_vectors.bench import Sizes, command, samples
from emotion_vectors.settings import Runtime, Settings, change

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def test_plain_samples_are_runs_of_neighbours():
    assert samples.in_blocks(range(100), 16, 8) == [*range(8), *range(48, 56)]
    assert samples.in_blocks(range(5), 16, 8) == list(range(5))
    assert samples.evenly("abcdef", 3) == ["a", "c", "e"]


def test_texts_are_as_long_as_kept_stories(monkeypatch):
    record_case = {}
    monkeypatch.setitem(command.MEASURES, "extraction", lambda case: record_case.update(case=case) or {})
    small("extraction")
    case = record_case["case"]
    lengths = [last - first + case.settings.first_token for _, (first, last) in samples.texts(case, 200)]
    assert min(lengths) >= 60 and max(lengths) <= case.settings.story_tokens and np.std(lengths) > 10
    # With the usual settings they are as long as the stories that were counted, in whatever number, and not sorted.
    for count in (11, 200):
        drawn = samples.story_lengths(Settings(), count)
        np.testing.assert_allclose(np.quantile(drawn, [0.1, 0.5, 0.9]), [87, 144, 215], rtol=0.12)
        assert drawn != sorted(drawn) and drawn != sorted(drawn, reverse=True)
    half = change(Settings(), story_tokens=110)
    assert max(samples.story_lengths(half, 50)) <= 110 and min(samples.story_lengths(half, 50)) == 60
    assert len({one.key for one in samples.requests(case, 20)}) == 20
