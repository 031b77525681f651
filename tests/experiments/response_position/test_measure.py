"""The response position on planted activations: what is shared by positions is found, and its absence is not."""

import hashlib
import json
import re
import shutil

import numpy as np
import pytest

from emotion_vectors.experiments.response_position import measure
from emotion_vectors.experiments.response_position.record import ResponsePosition
from emotion_vectors.experiments.response_position.report import TOPIC, agreement_table, seen
from emotion_vectors.pipeline import run_experiment
from emotion_vectors.record import ContradictoryRecord, parse
from emotion_vectors.report.topic import parts_of
from emotion_vectors.settings import Runtime, toy
from emotion_vectors.store.atomic import read_json, write_json
from emotion_vectors.store.run_folder import RunFolder, fingerprint
from emotion_vectors.store.stage_table import ASKED_BY, NEEDS
from emotion_vectors.topics import TOPICS
from emotion_vectors.upkeep.status import run_status

EMOTIONS = ("afraid", "angry", "sad", "calm", "happy", "loving", "proud", "bored")
PROMPTS, WIDTH, LAYERS, LAYER = 24, 64, (0, 1, 2), 1
VECTORS = np.random.default_rng(0).standard_normal((len(LAYERS), len(EMOTIONS), WIDTH))


def asked(shared, effect=3.0, position=0.0, silent=()):
    """Activations in which the prompts' emotions are at all positions (`shared`) or drawn again at each one.

    `position`: size of what all emotions' directions have in common at every prompt, which is there in either case.
    """
    generator = np.random.default_rng(1)
    units = VECTORS / np.linalg.norm(VECTORS, axis=-1, keepdims=True)
    felt, bias = generator.standard_normal((PROMPTS, len(EMOTIONS))), generator.standard_normal(len(EMOTIONS))
    at = {}
    for name in measure.POSITIONS:
        own = felt if shared else generator.standard_normal(felt.shape)
        noise = generator.standard_normal((PROMPTS, len(LAYERS), WIDTH))
        at[name] = np.einsum("pe,led->pld", effect * own + position * bias, units) + noise
    tokens = np.full(PROMPTS, 20)
    tokens[list(silent)] = 0
    names = [f"scenario {i}" for i in range(PROMPTS)]
    return measure.Asked(names, ["sad"] * PROMPTS, at, tokens, 8)


def run(prompts):
    return measure.run(EMOTIONS, VECTORS, LAYERS, LAYER, prompts, 300, 0)


def test_what_positions_share_is_found_beyond_shuffled_prompts_and_random_directions():
    part = run(asked(shared=True))
    for one in part.sets:
        for pair in one.pairs:
            for found in (pair.pooled, pair.within):
                assert found.r > 0.6 and found.interval[0] > 0.3 and found.p == pytest.approx(1 / 301)
            assert abs(pair.within.shuffled) < 0.1
    for pair in part.sets[0].pairs:
        assert pair.within.random.mean < 0.5 and pair.within.r > pair.within.random.high
    assert [(one.prompts, one.probes, one.of_prompts, one.of_probes) for one in part.sets] == [
        ("both lists", "all", 24, 8), ("both lists", "published", 24, 6), ("first list", "published", 8, 6),
    ]  # fmt: skip


def test_each_emotion_has_the_r_of_its_own_cosines():
    prompts = asked(shared=True)
    part, units = run(prompts), VECTORS[LAYER] / np.linalg.norm(VECTORS[LAYER], axis=-1, keepdims=True)
    user, response = (
        (rows := prompts.at[name][:, LAYER]) @ units.T / np.linalg.norm(rows, axis=-1, keepdims=True)
        for name in ("user", "response")
    )
    for place, emotion in enumerate(EMOTIONS):
        assert part.by_emotion[emotion] == pytest.approx(np.corrcoef(user[:, place], response[:, place])[0, 1])
    apart = run(asked(shared=False))
    assert np.mean(list(apart.by_emotion.values())) < 0.2 < 0.5 < min(part.by_emotion.values())


def test_without_it_only_the_shared_means_of_the_probes_are_left():
    part = run(asked(shared=False, position=4.0))
    for pair in part.sets[0].pairs:
        assert pair.pooled.r > 0.6 and pair.pooled.shuffled > 0.6  # as high with the prompts shuffled
        assert abs(pair.within.r) < 0.2 and pair.within.interval[0] < 0 < pair.within.interval[1]
        assert pair.within.p > 0.05 and pair.pooled.p > 0.05


def test_the_numbers_are_plain_correlations_of_plain_cosines():
    prompts = asked(shared=True, silent=(0, 5))
    part = run(prompts)
    assert part.silent == 2 and part.first_list == 6 and len(part.prompts) == PROMPTS - 2
    rows = [row for row in range(PROMPTS) if row not in (0, 5)]
    for place, layer in enumerate(LAYERS):
        cosines = {
            name: np.array([[table[row, place] @ v / np.linalg.norm(table[row, place]) / np.linalg.norm(v) for v in VECTORS[place]] for row in rows])
            for name, table in prompts.at.items()
        }  # fmt: skip
        for pair, (a, b) in enumerate((("user", "response"), ("user", "answer"), ("response", "answer"))):
            x, y = cosines[a], cosines[b]
            assert part.by_layer[place].layer == layer
            assert part.by_layer[place].pooled[pair] == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
            x, y = x - x.mean(axis=0), y - y.mean(axis=0)
            assert part.by_layer[place].within[pair] == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
        if layer == LAYER:
            assert np.array([row.user for row in part.prompts]) == pytest.approx(cosines["user"][:, :6])


def test_too_few_answers_are_not_measured_and_other_emotions_have_no_published_set():
    assert run(asked(shared=True, silent=range(PROMPTS - 3))) is None
    names = ("proud", "bored", "tired", "curious", "afraid", "eager", "shy", "smug")
    part = measure.run(names, VECTORS, LAYERS, LAYER, asked(shared=True), 50, 0)
    assert [one.probes for one in part.sets] == ["all"] and part.shown == ["afraid"]


def reported(part, toy_run):
    record = json.loads(json.dumps(toy_run[1]))
    record["experiments"]["response_position"] = part
    return parse(record, parts_of(TOPICS))


def test_the_page_says_what_the_record_holds_and_refuses_what_it_denies(toy_run):
    part = run(asked(shared=True)).dump()
    record = reported(part, toy_run)
    TOPIC.contradictions(record)
    found = record.part(ResponsePosition).sets[0].pairs[0]
    assert f"r = {found.pooled.r:.2f} (95" in seen(record) and "and more than random directions give" in seen(record)
    assert len(agreement_table(record).rows) == 9
    none = reported(run(asked(shared=False)).dump(), toy_run)
    assert seen(none).count("no agreement beyond shuffled scenarios is shown (p = ") == 3
    wide = json.loads(json.dumps(part))
    wide["sets"][0]["pairs"][0]["within"] |= {"interval": [-0.01, 1.0], "p": 0.005}
    assert "is shown (the interval does not lie above 0, p = 0.005)" in seen(reported(wide, toy_run))
    wrong = json.loads(json.dumps(part))
    wrong["sets"][1]["pairs"][0]["within"]["r"] += 0.01
    with pytest.raises(ContradictoryRecord, match="within the probes"):
        TOPIC.contradictions(reported(wrong, toy_run))
    wrong = json.loads(json.dumps(part))
    wrong["by_layer"][1]["pooled"][2] -= 0.01
    with pytest.raises(ContradictoryRecord, match="by layer"):
        TOPIC.contradictions(reported(wrong, toy_run))
    wrong = json.loads(json.dumps(part))
    wrong["by_emotion"]["sad"] -= 0.01
    with pytest.raises(ContradictoryRecord, match="r of 'sad' over the scenarios"):
        TOPIC.contradictions(reported(wrong, toy_run))


def test_a_run_has_it_on_its_page(toy_run):
    folder, record = toy_run
    part = record["experiments"]["response_position"]
    assert part["tokens"] == 20 and len(part["prompts"]) + part["silent"] == 48
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Figure P" in page and "paper" in page and (folder / "figures" / "figure-p.svg").is_file()
    assert record["timings"]["responses"]["unit"] == "tokens"


def test_a_run_that_an_earlier_version_finished_stays_finished_and_says_that_it_was_not_measured(toy_run, tmp_path):
    folder = shutil.copytree(toy_run[0], tmp_path / "old")
    run = RunFolder(folder)
    for name in ("stages/responses.json", "responses.safetensors", "responses.parquet", "stages/report.json"):
        (folder / name).unlink()
    record = read_json(folder / "results.json")
    del record["experiments"]["response_position"], record["timings"]["responses"]
    write_json(folder / "results.json", record)
    # As the earlier version made it: of the stages that it had.
    marker = read_json(folder / "stages" / "analysis.json")
    before = [run.marker(name)["files"] for name in NEEDS["analysis"] if name != "responses" and name not in ASKED_BY]
    made = marker["files"] | {"results.json": hashlib.sha256((folder / "results.json").read_bytes()).hexdigest()}
    write_json(folder / "stages" / "analysis.json", marker | {"inputs": fingerprint(before), "files": made})
    assert "responses" not in run_status(folder)["stages"]
    quiet = Runtime(device="cpu", quiet=True, threads=1)
    assert run_experiment(toy(), folder, quiet) == record and not (folder / "responses.parquet").exists()
    assert run_status(folder)["finished"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"Not measured \(older run\)", page) and "Figure P" not in page
    # A stage that this run has is made again where its file is gone.
    again = shutil.copytree(toy_run[0], tmp_path / "again")
    (again / "responses.safetensors").unlink()
    assert RunFolder(again).lacks("responses") and not run_status(again)["finished"]


def test_a_field_of_another_length_is_refused(toy_run):
    part = run(asked(shared=True))
    short = part.model_copy(update={"prompts": [part.prompts[0].model_copy(update={"user": [0.1]}), *part.prompts[1:]]})
    with pytest.raises(ContradictoryRecord, match="lacks probes"):
        TOPIC.contradictions(reported(short.dump(), toy_run))
