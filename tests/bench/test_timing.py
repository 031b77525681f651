"""A race warms up, then checks, then takes turns."""

from emotion_vectors.bench import timing
from emotion_vectors.bench.timing import Lap, race


def test_a_race_warms_up_then_checks_then_takes_turns(monkeypatch):
    now, order = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def way(name, times):
        times = iter(times)

        def run():
            order.append(name)
            now[0] += next(times)
            return Lap(10, name)

        return run

    raced = race(
        {"a": way("a", [100, 1, 2, 5]), "b": way("b", [100, 10, 10, 10])}, 3, lambda found: order.append(str(found))
    )
    assert order == ["a", "b", "{'a': 'a', 'b': 'b'}", "a", "b", "a", "b", "a", "b"]
    assert raced["a"].rates == [10, 5, 2] and raced["a"].rate == 5 and raced["b"].rate == 1
    own = race({"a": lambda: Lap(10, None, 4.0)}, 3)
    assert own["a"].rates == [2.5] * 3
