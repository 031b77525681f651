"""Some of the vectors, two files together, vectors from arrays, and how they print."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny

from emotion_vectors import EmotionVectors, LanguageModel, TextSpan
from emotion_vectors.errors import UserError
from emotion_vectors.vectors.reliability import Reliability
from vectors.test_making import sentences
from vectors.worlds import make_vectors, plain_pass


@pytest.fixture(scope="module")
def made():
    neutral = sentences(5, 15, 30)
    lm = tiny()
    one = EmotionVectors.from_texts(
        lm, {"a": sentences(4, 15, 1), "b": sentences(5, 15, 2), "c": sentences(6, 15, 3)}, neutral
    )
    other = EmotionVectors.from_texts(
        lm, {"x": sentences(4, 15, 4), "y": sentences(4, 15, 5)}, neutral, concept="trait"
    )
    return one, other


def test_they_are_a_container_of_names():
    vectors = make_vectors()
    assert len(vectors) == 3 and list(vectors) == list(vectors.emotions) == ["calm", "angry", "on edge"]
    assert "calm" in vectors and "happy" not in vectors and 3 not in vectors
    assert len(repr(vectors)) < 200 and "calm" in repr(vectors) and "3 x emotion" in repr(vectors)


def test_a_subset_reads_and_steers_as_the_whole(made, tmp_path):
    whole = made[0]
    some = whole.subset(["c", "a"])
    some.save(str(tmp_path / "some.safetensors"))
    some = EmotionVectors.load(tmp_path / "some.safetensors")
    assert list(some) == ["c", "a"] and some.header["texts"] == [6, 4]
    np.testing.assert_array_equal(some["a"], whole["a"])
    np.testing.assert_array_equal(some.calibration.scores[..., 0, :], whole.calibration.scores[..., 2, :])
    assert some.reliability.r == (whole.reliability.r[2], whole.reliability.r[0])
    for wrong, says in ((["d"], "no vector for 'd'"), ([], "as a list"), ("a", "as a list"), (["a", "a"], "each once")):
        with pytest.raises(UserError, match=says):
            whole.subset(wrong)


def test_a_sum_has_the_vectors_of_both(made, tmp_path):
    one, other = made
    both = one + other
    assert list(both) == ["a", "b", "c", "x", "y"] and both.header["texts"] == [4, 5, 6, 4, 4]
    assert both.concept == "concept and trait"
    for part in made:
        for name in part:
            np.testing.assert_array_equal(both[name], part[name])
    assert (
        both.in_sample(sentences(4, 15, 4)[0])
        and both.in_sample(sentences(4, 15, 1)[0])
        and not both.in_sample("Hello.")
    )
    # The same neutral texts: every name keeps its scores.
    np.testing.assert_array_equal(both.calibration.scores[..., 3:, :], other.calibration.scores)
    both.save(tmp_path / "both.safetensors")
    again = EmotionVectors.load(tmp_path / "both.safetensors")
    assert list(again) == list(both) and again.reliability.r == pytest.approx(
        [*one.reliability.r, *other.reliability.r], abs=1e-4
    )


def test_the_sum_is_as_reliable_as_its_worse_part(made):
    def with_(vectors, median, p):
        found = replace(vectors.reliability, median=median, p=p)
        return replace(vectors, header=vectors.header | {"reliability": found.header(vectors.emotions)})

    good, bad = with_(made[0], 0.9, 0.01), with_(made[1], 0.1, 0.5)
    assert good.caution() == "" and "r = 0.10" in (good + bad).caution() == (bad + good).caution()
    unknown = replace(made[1], header=made[1].header | {"reliability": None})
    assert (good + unknown).reliability is None and "not measured" in (good + unknown).caution()
    assert isinstance((good + bad).reliability, Reliability)


def test_sums_that_mean_nothing_are_refused(made):
    one, other = made
    for wrong, says in (
        (one.subset(["b"]), "Both have a vector 'b'"),
        (replace(other, layer=1), "analysis layers 2 and 1"),
        (replace(other, kind="raw"), "hands out projected"),
        (replace(other, header=other.header | {"model_sha256": "another"}), "two models"),
        (make_vectors(width=16), "two models"),
    ):
        with pytest.raises(UserError, match=says):
            one + wrong


def test_scores_around_another_mean_are_left_out_and_the_file_still_opens(made, tmp_path, toy_run):
    other = EmotionVectors.from_texts(
        tiny(), {"x": sentences(4, 15, 4), "y": sentences(4, 15, 5)}, sentences(5, 15, 31)
    )
    both = made[0] + other
    assert both.calibration is None and both.centre is made[0].centre
    both.save(tmp_path / "both.safetensors")
    (tmp_path / "calibration.safetensors").symlink_to(toy_run[0] / "calibration.safetensors")  # of other vectors
    assert EmotionVectors.load(tmp_path / "both.safetensors").calibration is None


def test_arrays_become_vectors_that_read_as_their_cosines(tmp_path):
    lm, drawn = tiny(), np.random.default_rng(0).normal(size=(2, 32))
    here = EmotionVectors.from_arrays({"up": drawn[0], "down": drawn[1]}, lm, layer=1, concept="direction")
    here.save(tmp_path / "here.safetensors")
    here = EmotionVectors.load(tmp_path / "here.safetensors")
    assert here.layers == (1,) and here.concept == "direction" and "not measured" in here.caution()
    text = sentences(1, 12, 3)[0]
    _, seen = plain_pass(lm, lm.tokenizer(text, add_special_tokens=False)["input_ids"])
    rows = seen[1].astype(float)
    expected = rows @ drawn.T / np.linalg.norm(rows, axis=1)[:, None] / np.linalg.norm(drawn, axis=1)
    reading = here.read(lm, text)
    np.testing.assert_allclose(reading.raw[:, :, 0], expected, atol=1e-5)
    assert reading.centred is None and reading.top(1)[0][0] == ["up", "down"][int(expected[1:].mean(axis=0).argmax())]
    everywhere = EmotionVectors.from_arrays({"up": np.tile(drawn[0], (4, 1))}, lm, residual_norm=np.ones(4))
    assert everywhere.layers == (0, 1, 2, 3) and everywhere.residual_norm.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("directions", "options", "says"),
    [
        ({}, {}, "at least one"), ({"a": np.ones(32)}, {"layer": 4}, "from 0 to 3"), ({"a": np.ones(31)}, {}, "shapes"),
        ({"a": np.zeros(32)}, {}, "is zero"), ({"a": np.full(32, np.nan)}, {}, "not finite"), ({"a,b": np.ones(32)}, {}, "can't be a name"),
        ({"a": np.ones(32)}, {"residual_norm": np.zeros(4)}, "positive"), ({"a": np.ones(32)}, {"residual_norm": np.ones(3)}, "4 positive"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_vectors_are_refused(directions, options, says):
    with pytest.raises(UserError, match=says):
        EmotionVectors.from_arrays(directions, tiny(), **options)


def test_your_own_model_reads_as_a_loaded_one_and_stays_as_it_is(made):
    lm = tiny()
    own, vectors = LanguageModel.of(lm.model, lm.tokenizer), make_vectors()
    text = sentences(1, 12, 3)[0]
    np.testing.assert_array_equal(vectors.read(own, text).raw, vectors.read(lm, text).raw)
    assert own.sha256.startswith("memory:") and not lm.model._forward_hooks
    with vectors.steer(own, {"calm": 1.0}, tokens=TextSpan(text.split()[3], 0)):
        assert own.model(**own.inputs(text)).logits.shape[0] == 1
    with pytest.raises(UserError, match=r"LanguageModel.of\(model, tokenizer\)"):
        vectors.read(lm.model, text)
    with pytest.raises(UserError, match="comes without its tokenizer"):
        EmotionVectors.from_texts(lm.model, {"a": ["one", "two"], "b": ["three", "four"]}, sentences(3, 9, 0))


def test_own_models_that_cannot_be_read_are_refused(made):
    import copy

    lm = tiny()
    model = copy.deepcopy(lm.model)
    first = LanguageModel.of(model, lm.tokenizer).sha256
    model.lm_head.weight.data[0, 0] += 1
    assert LanguageModel.of(model, lm.tokenizer).sha256 != first
    with pytest.raises(UserError, match="not a transformers model"):
        LanguageModel.of(lm.model.model.layers[0], lm.tokenizer)
    with pytest.raises(UserError, match="training mode"):
        LanguageModel.of(model.train(), lm.tokenizer)
    with pytest.raises(UserError, match="float64"):
        LanguageModel.of(model.eval().double(), lm.tokenizer)
    with pytest.raises(UserError, match="no character offsets"):
        LanguageModel.of(lm.model, object())
