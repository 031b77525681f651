"""The benchmark as a whole: its record, its refusals, and what happens when a fast path is broken. No test asserts a speed."""

import json
import math
import sys

import numpy as np
import pytest

from emotion_vectors import cli
from emotion_vectors.bench import JOBS, Sizes, command, machine, run_bench, samples, shape, timing
from emotion_vectors.bench.growth import measure
from emotion_vectors.bench.outcome import FIGURES, UNITS
from emotion_vectors.bench.table import tables
from emotion_vectors.bench.timing import Lap, race
from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices
from emotion_vectors.settings import Runtime, Settings, change, toy
from emotion_vectors.vectors import activations

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))
QUIET = Runtime(quiet=True, device="cpu")


def small(wanted=",".join(JOBS), **options):
    return run_bench(toy(), QUIET, wanted, quick=True, sizes=SMALL, **options)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "deep" / "bench.json"
    returned = small(out=out)
    written = json.loads(out.read_text())
    assert written == json.loads(json.dumps(returned))
    return written


def test_the_record_has_the_promised_form(record):
    assert {"jobs", "machine", "growth", "quick"} <= set(record)
    assert tuple(record["jobs"]) == JOBS
    for name, job in record["jobs"].items():
        assert job["unit"] == UNITS[name]
        assert all(math.isfinite(job[figure]) and job[figure] > 0 for figure in FIGURES)
    assert record["machine"]["model"]["dtype"] == "float32" and record["machine"]["versions"]["torch"]
    for job in ("extraction", "steering"):
        assert record["growth"][job] is None and "--quick" in record["growth"][f"{job}_reason"]


def test_figures_follow_from_the_rounds(record):
    for job in record["jobs"].values():
        assert len(job["rates"]) == len(job["plain"]["rates"]) == SMALL.rounds >= 3
        assert job["rate"] == np.median(job["rates"]) and job["plain"]["rate"] == np.median(job["plain"]["rates"])
        assert job["ratio_to_plain"] == pytest.approx(job["rate"] / job["plain"]["rate"])
        assert job["fraction_of_limit"] == pytest.approx(job["rate"] / job["limit"]["rate"])


def test_reading_jobs_were_checked_and_writing_says_why_not(record):
    for name in JOBS[1:]:
        check = record["jobs"][name]["check"]
        assert check["compared"] >= 5 and check["largest_difference"] <= check["allowed_largest"] == 1e-4
    writing = record["jobs"]["writing"]
    assert "drawn at random" in writing["check"]["reason"]
    assert writing["engine"] == "transformers" and writing["rate"] == writing["engines"]["transformers"]["rate"]
    assert set(writing["generate_batches"]) == {"2", "4"}, "a batch needs as many requests"
    assert all(engine["rate"] or engine["rate_reason"] for engine in writing["engines"].values())


def test_a_job_that_is_not_asked_for_is_null_with_a_reason():
    record = small("preferences")
    assert record["jobs"]["preferences"]["rate"] > 0
    for name in set(JOBS) - {"preferences"}:
        assert all(record["jobs"][name][figure] is None for figure in FIGURES)
        assert all("not among" in record["jobs"][name][f"{figure}_reason"] for figure in FIGURES)
    assert len(list(tables(record))) == 1


def broken_pool(*arguments, **options):
    found = whole_pool(*arguments, **options)
    return found._replace(means=np.roll(found.means, 1, axis=1))


def broken_baseline(*arguments, **options):
    found = whole_baseline(*arguments, **options)
    return found._replace(logits=found.logits + np.array([0.001, 0]))


def broken_steered(lm, prepared, baseline, additions, touch, *rest):
    """Steers the other option."""
    return whole_steered(lm, prepared, baseline, additions, "second" if touch == "first" else "first", *rest)


def mixed_steered(*arguments):
    """Gives every vector the answers of the first."""
    found = whole_steered(*arguments)
    return found._replace(logits=np.repeat(found.logits[:1], len(found.logits), axis=0))


whole_pool, whole_baseline, whole_steered = activations.pool, choices.read_baseline, choices.read_steered
BREAKS = {
    "extraction": (activations, "pool", broken_pool), "preferences": (choices, "read_baseline", broken_baseline),
    "steering": (choices, "read_steered", broken_steered), "steering rows": (choices, "read_steered", mixed_steered),
}  # fmt: skip


@pytest.mark.parametrize("broken", BREAKS)
def test_wrong_numbers_are_refused_a_ratio(broken, monkeypatch, tmp_path, capsys):
    module, name, wrong = BREAKS[broken]
    monkeypatch.setattr(module, name, wrong)
    monkeypatch.setattr(samples, "QUICK", SMALL)
    out = tmp_path / "bench.json"
    job = broken.split()[0]
    words = [
        "bench",
        "--model",
        "toy",
        "--set",
        "dtype=float32",
        "--jobs",
        job,
        "--quick",
        "--quiet",
        "--out",
        str(out),
    ]
    monkeypatch.setattr(sys, "argv", ["emotion-vectors", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    error = capsys.readouterr().err
    assert left.value.code == 2 and f"fast path of {job}" in error and "no rate is stated" in error
    assert not out.exists()


def test_numbers_that_are_not_finite_are_refused(monkeypatch):
    monkeypatch.setattr(
        choices, "read_baseline", lambda *a: (f := whole_baseline(*a))._replace(logits=f.logits * np.nan)
    )
    with pytest.raises(UserError, match="not finite"):
        small("preferences")


def test_bad_requests_are_refused_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr(command.shape, "load", lambda *a: pytest.fail("the model was loaded"))
    with pytest.raises(UserError, match=r"'steerng'.*'steering'"):
        small("writing,steerng")
    with pytest.raises(UserError, match="no job"):
        small(" , ")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="Can't write"):
        small(out=tmp_path / "file" / "bench.json")
    with pytest.raises(UserError, match="is a folder"):
        small(out=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="no layer 4"):
        run_bench(change(toy(), layer=4), QUIET, "steering", True, sizes=SMALL)


def test_the_last_layer_can_be_steered():
    record = run_bench(change(toy(), layer=3), QUIET, "steering", True, sizes=SMALL)
    assert record["jobs"]["steering"]["sample"]["layer"] == 3


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


@pytest.mark.parametrize(("job", "unit"), [("extraction", "stories"), ("steering", "vectors")])
def test_growth_measures_a_size_in_this_process(job, unit):
    request = {"job": job, "settings": toy().model_dump(mode="json"), "device": "cpu", "tokens_per_batch": 4096, "threads": 1,
               "cache": None}  # fmt: skip
    one, two = (measure(request | {"times": times}) for times in (1, 2))
    assert one.unit == unit and two.amount == 2 * one.amount and one.seconds > 0
    assert two.peak_bytes >= two.loaded_bytes > 50e6


@pytest.mark.slow
def test_growth_starts_processes_of_its_own(monkeypatch):
    from emotion_vectors.bench import growth
    from emotion_vectors.progress import Reporter

    held = bytearray(400_000_000)  # this process's peak must not show in theirs
    held[::4096] = b"x" * len(held[::4096])
    rows = growth.growth(toy(), QUIET, "steering", Reporter(quiet=True), times=(1,))
    assert [row["times"] for row in rows] == [1] and rows[0]["amount"] == growth.VECTORS
    assert rows[0]["peak_bytes"] < growth.peak_bytes()
    with pytest.raises(UserError, match="nowhere"):
        growth.growth(change(toy(), model="./nowhere"), QUIET, "steering", Reporter(quiet=True), times=(1,))


def test_the_machine_is_described_without_paths(record):
    facts = record["machine"]
    assert facts["cores"] >= 1 and facts["memory_bytes"] > 1e8 and facts["processor"] == machine.processor()
    assert "/" not in json.dumps({key: value for key, value in facts.items() if key != "processor"})


def test_a_model_of_a_named_shape_is_made_on_the_spot(monkeypatch):
    """With the published sizes it has the published number of parameters; a narrow one goes through all jobs."""
    wide = {key: shape.SHAPE[key] for key in shape.SHAPE}
    head = wide["hidden_size"] // wide["num_attention_heads"]
    attention = wide["hidden_size"] ** 2 * 2 + 2 * wide["hidden_size"] * head * wide["num_key_value_heads"]
    block = attention + 3 * wide["hidden_size"] * wide["intermediate_size"] + 2 * wide["hidden_size"]
    total = wide["num_hidden_layers"] * block + 2 * wide["vocab_size"] * wide["hidden_size"] + wide["hidden_size"]
    assert total == 8_030_261_248
    narrow = {"vocab_size": 1500, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
              "num_key_value_heads": 2}  # fmt: skip
    monkeypatch.setattr(shape, "SHAPE", narrow)
    settings = change(toy(), model=shape.NAME, dtype="bfloat16")
    record = run_bench(settings, QUIET, "extraction,preferences,steering", True, sizes=SMALL)
    assert record["machine"]["model"]["dtype"] == "bfloat16" and record["machine"]["model"]["layers"] == 3
    for name in ("extraction", "preferences", "steering"):
        assert record["jobs"][name]["mfu"] is None and "no peak" in record["jobs"][name]["mfu_reason"]


def test_utilisation_is_operations_over_the_peak(monkeypatch):
    import torch
    from tiny import tiny

    lm = tiny()
    monkeypatch.setattr(machine, "accelerator", lambda device: {"name": "NVIDIA H200"})
    job = {"rate": 1000.0, "limit": {"operations_per_unit": 989.4e9 / 4}}
    assert machine.utilisation(lm, job)["mfu"] is None, "the peak is that of 16-bit types"
    half = type(lm)(**{**vars(lm), "dtype": torch.bfloat16})
    assert machine.utilisation(half, job)["mfu"] == pytest.approx(0.25)
