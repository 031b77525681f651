"""The short prompts: no verdict on them turns on the precision of the run, in one process or in several."""

import copy
import dataclasses
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from emotion_vectors.experiments.lens import measure as lens
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.progress import Reporter
from emotion_vectors.scale.forks import share
from emotion_vectors.scale.workers import Job
from emotion_vectors.settings import Runtime
from emotion_vectors.stages import readings, validation
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import RunFolder
from emotion_vectors.vectors import activations, passes
from emotion_vectors.vectors.file import EmotionVectors
from tests.tiny import tiny

PACK = load_pack()
EMOTIONS = tuple(PACK.emotions)
ALL = ("V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def half():
    """A tiny random model in bfloat16."""
    lm = tiny.__wrapped__("llama")
    return dataclasses.replace(lm, model=lm.model.to(torch.bfloat16), dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def full(half):
    """The very weights of `half`, all in float32."""
    model = copy.deepcopy(half.model).float()
    parts = half.parts._replace(body=model.model, blocks=model.model.layers, norm=model.model.norm, head=model.lm_head)
    return dataclasses.replace(half, model=model, parts=parts, dtype=torch.float32)


def kit_of(lm):
    return SimpleNamespace(lm=lm, room=passes.room_for(lm), runtime=Runtime(), reporter=Reporter(quiet=True))


def groups(lm):
    """The prompts of every group, as the stage renders them."""

    def at_response(texts):
        ids = [chat_prompt(lm, "{message}", {"message": text}).ids for text in texts]
        return [(row, (len(row) - 1, len(row))) for row in ids]

    batteries = (PACK.scenarios, PACK.heldout_scenarios, PACK.retrieval_scenarios)
    found = {
        name: at_response([scenario.prompt for scenario in battery])
        for name, battery in zip(("scenarios", "heldout", "retrieval"), batteries, strict=True)
    }
    found["numeric"] = at_response([t.fill(value) for t in PACK.numeric_templates for value in t.values])
    twinned = [message for t in PACK.more_numeric_templates for messages in t.prompts() for message in messages]
    return found | {"twinned": at_response(twinned)}


def as_readings(tensors):
    """`Readings` of groups of activations."""
    numeric = np.split(tensors["numeric"], np.cumsum([len(t.values) for t in PACK.numeric_templates])[:-1])
    sizes = [3 * len(t.base.values) for t in PACK.more_numeric_templates]
    parts = np.split(tensors["twinned"], np.cumsum(sizes)[:-1])
    twinned = [part.reshape(3, -1, *part.shape[1:]) for part in parts]
    return readings.Readings(
        tensors["scenarios"], numeric, np.zeros(0), tensors["heldout"], tensors["retrieval"], twinned, None
    )


def judged(found, seed):
    """Counts, values of Hong's statistic, and both verdicts of V3 to V6 for one set of vectors."""
    rows = np.random.default_rng(seed).standard_normal((4, len(EMOTIONS), 32))
    vectors = EmotionVectors(EMOTIONS, rows, rows, rows[0], np.ones(4), 2)
    lab = SimpleNamespace(pack=PACK, settings=SimpleNamespace(resamples=50, seed=0, layer=None))
    criteria = [
        *validation.scenario_tests(lab, vectors, found)[1],
        *validation.numeric_tests(lab, vectors, found)[1],
    ]
    assert tuple(one.id for one in criteria) == ALL
    return [(one.id, one.value, one.seed and one.seed.value, one.verdict, one.seed_verdict) for one in criteria]


@pytest.mark.slow
def test_no_verdict_and_no_count_differs_between_bfloat16_and_float32(half, full):
    """The same vectors and weights, as a run in each precision reads them."""
    prompts = groups(half)
    in_half, in_full = (
        as_readings({name: next(readings.pool_group(kit_of(lm), (name, some), lambda _: None))[name] for name, some in prompts.items()})
        for lm in (half, full)
    )  # fmt: skip
    rounded = as_readings({name: activations.pool(half, some).means for name, some in prompts.items()})
    turned = 0
    for seed in range(4):
        wanted = judged(in_full, seed)
        assert judged(in_half, seed) == wanted
        turned += judged(rounded, seed) != wanted
    # Read in bfloat16 the counts are others: these cases are near enough to a border.
    assert turned > 0


class OneTokenEach:
    """A tokenizer to which every emotion is one token, as to a large model's; everything else is one that none promotes."""

    def __call__(self, text, add_special_tokens):
        return {"input_ids": [10 + EMOTIONS.index(text)] if text in EMOTIONS else [1, 2]}

    def decode(self, ids):
        return " ".join(map(str, ids))


def through_the_lens(lm, seed, through_norm):
    """Counts and both verdicts of V1 and V2 of vectors that promote their own words a little, so that many are near the border."""
    lm = dataclasses.replace(lm, tokenizer=OneTokenEach())
    own = lm.parts.head.weight[10 : 10 + len(EMOTIONS)].double().numpy()
    rows = np.random.default_rng(seed).standard_normal((2, len(EMOTIONS), 32))
    pairs = lens.Pairs(PACK.opposite_pairs, PACK.more_opposite_pairs)
    part, criteria = lens.run(lm, EMOTIONS, rows[0] + 2 * own, rows[1], pairs, PACK.valence, 20, through_norm, 50, 0)
    assert [one.id for one in criteria] == ["V1", "V2"] and 10 < criteria[0].value < 150
    counts = [
        part.count,
        part.other.count,
        [one.best_rank for one in part.emotions],
        [one.dot < 0 for one in (*part.pairs, *part.opposites.pairs)],
    ]
    return counts, [(one.value, one.seed and one.seed.value, one.verdict, one.seed_verdict) for one in criteria]


def rounded(lm, directions, through_norm):
    """The lens as it would be in the precision of the run: vectors, norm and unembedding."""
    with torch.inference_mode():
        rows = torch.from_numpy(directions).to(lm.dtype)
        return ((lm.parts.norm(rows) if through_norm else rows) @ lm.parts.head.weight.T).float()


@pytest.mark.parametrize("through_norm", [False, True])
def test_no_verdict_and_no_count_of_the_lens_differs_between_bfloat16_and_float32(
    half, full, through_norm, monkeypatch
):
    turned = 0
    for seed in range(3):
        wanted = through_the_lens(full, seed, through_norm)
        assert through_the_lens(half, seed, through_norm) == wanted
        with monkeypatch.context() as patch:
            patch.setattr(lens, "project", rounded)
            assert through_the_lens(full, seed, through_norm) == wanted  # in float32 it is the same lens
            turned += through_the_lens(half, seed, through_norm) != wanted
    # In bfloat16 other words are among the first and other pairs point apart: these cases are near enough to a border.
    assert turned > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks are for Linux")
def test_forks_read_what_one_process_reads_and_leave_the_weights_as_they_are(half, full):
    prompts = {name: some[:7] for name, some in groups(half).items()}
    before = {name: (one.data_ptr(), one.clone()) for name, one in half.model.named_parameters()}
    found = dict(
        (name, rows)
        for _, group in share(readings.pool_group, kit_of(half), [Job(item) for item in prompts.items()], 2, lambda _: None)
        for name, rows in group.items()
    )  # fmt: skip
    assert found.keys() == prompts.keys()
    for name, some in prompts.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], activations.pool(full, some).means, atol=1e-5)
    for name, one in half.model.named_parameters():
        assert one.data_ptr() == before[name][0] and torch.equal(one, before[name][1])


def test_a_model_in_float32_is_read_as_before(full):
    """Bit for bit: the same batches, and nothing around them."""
    prompts = groups(full)["scenarios"]
    kit = kit_of(full)
    found = next(readings.pool_group(kit, ("scenarios", prompts), lambda _: None))["scenarios"]
    assert np.array_equal(found, activations.pool(full, prompts, kit.room).means)


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_one_pass_gives_activities_their_means_and_the_means_of_their_tokens_cosines(kind):
    lm = tiny(kind)
    prompts = [chat_prompt(lm, PACK.prompts.feeling, {"activity": one.text}) for one in PACK.activities[:5]]
    texts = [(prompt.ids, prompt.spans["activity"]) for prompt in prompts]
    found = next(readings.pool_group(kit_of(lm), (readings.ACTIVITIES, texts), lambda _: None))
    direction = np.random.default_rng(0).standard_normal(32)
    direction /= np.linalg.norm(direction)
    rows = zip(found[readings.ACTIVITIES], found[readings.COSINES], texts, strict=True)
    for mean, row, (ids, (first, last)) in rows:
        assert last - first > 1
        with torch.no_grad():
            states = lm.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        # The last hidden state is after the final norm.
        for layer, state in enumerate(states[:-1]):
            tokens = state[0, first:last].double().numpy()
            np.testing.assert_allclose(mean[layer], tokens.mean(axis=0), atol=1e-5)
            cosines = [token @ direction / np.linalg.norm(token) for token in tokens]
            assert row[layer] @ direction == pytest.approx(np.mean(cosines), abs=1e-5)


def lab_of(lm, folder, said):
    pack = dataclasses.replace(
        PACK, scenarios=PACK.scenarios[:2], heldout_scenarios=PACK.heldout_scenarios[:2], retrieval_scenarios=PACK.retrieval_scenarios[:2],
        numeric_templates=PACK.numeric_templates[:1], more_numeric_templates=PACK.more_numeric_templates[:1], activities=PACK.activities[:3],
    )  # fmt: skip
    run, reporter = RunFolder(folder), Reporter(quiet=True)
    reporter.say = said.append
    return SimpleNamespace(
        lm=lm, pack=pack, run=run, finished=run.done, reporter=reporter, room=passes.room_for(lm), runtime=Runtime(),
        processes=lambda jobs: 1, settings=SimpleNamespace(dtype=str(lm.dtype).removeprefix("torch.")),
    )  # fmt: skip


def test_the_stage_says_in_which_precision_it_read(half, full, tmp_path):
    said = []
    for lm, name, wanted in ((half, "half", "float32"), (full, "full", "float32")):
        lab = lab_of(lm, tmp_path / name, said)
        found = readings.read_prompts(lab)
        assert lab.run.done("readings")["facts"] == {"dtype": wanted} and not said
        assert found.activity_cosines.shape == found.activities.shape == (3, 5, 32)
        assert (np.linalg.norm(found.activity_cosines, axis=-1) < 1 + 1e-6).all()
    quantised = dataclasses.replace(half, model=copy.deepcopy(half.model))
    parts = full.parts._replace(
        body=quantised.model.model, blocks=quantised.model.model.layers, head=quantised.model.lm_head
    )
    quantised = dataclasses.replace(quantised, parts=parts)
    quantised.model.model.layers[0].mlp.register_buffer("qweight", torch.zeros(2, dtype=torch.int32))
    lab = lab_of(quantised, tmp_path / "quantised", said)
    readings.read_prompts(lab)
    assert lab.run.done("readings")["facts"] == {"dtype": "bfloat16"}
    assert said == ["The short prompts are read in bfloat16 and not in float32: the weights are quantised."]


def test_a_folder_of_an_earlier_version_is_read_as_it_is(full, tmp_path):
    """Its stage is done: nothing is read again, and there are no cosines."""
    lab = lab_of(full, tmp_path, [])
    readings.read_prompts(lab)
    tensors = load_file(tmp_path / readings.FILE)
    del tensors[readings.COSINES]
    atomic.write_tensors(tmp_path / readings.FILE, tensors)
    lab.run.finish("readings", [readings.FILE], 1.0, 1, "tokens")
    lab.lm = None  # any pass would fail
    found = readings.read_prompts(lab)
    assert found.activity_cosines is None and np.array_equal(found.activities, tensors["activities"])
