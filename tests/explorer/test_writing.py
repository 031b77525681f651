"""Answers of the steer tab: against plain transformers, seeded, and of one visitor without the vectors of another."""

from itertools import pairwise
from threading import Thread

import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors import EmotionVectors, UserError
from emotion_vectors.explorer.models import Loaded, Models
from emotion_vectors.explorer.runs import open_run
from emotion_vectors.explorer.tabs import steer as tab
from emotion_vectors.explorer.writing import Sampling, write
from emotion_vectors.vectors.steering import Addition

MESSAGES = [{"role": "user", "content": "How does a rainbow form?"}]
HOW = Sampling(seed=5, max_tokens=24, temperature=0.9)


def text(loaded, additions=(), how=HOW, tokens="all"):
    written = list(write(loaded, MESSAGES, additions, tokens, how))
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(written))
    return written[-1]


@pytest.fixture
def loaded():
    return Loaded(tiny("llama"))


def push(seed, size=6.0, layer=1):
    return [Addition(layer, (np.random.default_rng(seed).standard_normal(32) * size).astype(np.float32))]


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_the_unsteered_answer_is_that_of_plain_generate(loaded, temperature):
    lm, how = loaded.lm, HOW._replace(temperature=temperature)
    rendered = lm.tokenizer.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)
    ids = torch.tensor([lm.tokenizer(rendered, add_special_tokens=False)["input_ids"]])
    drawn = {"do_sample": True, "temperature": 0.9, "top_p": 0.95, "top_k": 0} if temperature else {"do_sample": False}
    torch.manual_seed(5)
    out = lm.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, pad_token_id=lm.pad_id, **drawn
    )
    assert text(loaded, how=how) == lm.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def test_vectors_change_the_answer_and_are_gone_afterwards(loaded):
    plain = text(loaded)
    assert text(loaded, push(1)) != plain == text(loaded)
    assert text(loaded, how=HOW._replace(seed=6)) != plain


def test_visitors_at_once_get_what_each_gets_alone(loaded):
    """Four visitors start together: two unsteered, two with different vectors."""
    wanted = [(), push(1), (), push(2)]
    alone = [text(loaded, additions) for additions in wanted]
    assert len(set(alone)) == 3
    for _ in range(3):
        found = [""] * len(wanted)

        def visit(i, found=found):
            found[i] = text(loaded, wanted[i])

        threads = [Thread(target=visit, args=(i,)) for i in range(len(wanted))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == alone


def test_stopping_ends_the_pass_and_frees_the_model(loaded):
    answer = write(loaded, MESSAGES, push(1), "all", HOW._replace(max_tokens=1500))
    next(answer)
    next(answer)
    answer.close()
    assert not loaded.lock.locked() and text(loaded, how=HOW) == text(loaded, how=HOW)


def test_a_mistake_is_told_and_frees_the_model(loaded):
    with pytest.raises(UserError, match="no layer 9"):
        text(loaded, push(1, layer=9))
    assert not loaded.lock.locked()


def test_the_arms_add_what_the_library_adds_and_a_random_direction_as_long(toy_run):
    vectors = EmotionVectors.load(toy_run)
    names, layer = list(vectors.emotions[:2]), 1
    plain, steered, random = tab._additions(open_run("toy", toy_run), names, [0.5, -0.2], layer, seed=3)
    norm = vectors.residual_norm[layer]
    directions = [vectors.at(layer)[i] / np.linalg.norm(vectors.at(layer)[i]) for i in (0, 1)]
    assert plain == [] and steered[0].layer == random[0].layer == layer
    assert steered[0].vector == pytest.approx(norm * (0.5 * directions[0] - 0.2 * directions[1]), rel=1e-4, abs=1e-5)
    assert np.linalg.norm(random[0].vector) == pytest.approx(np.linalg.norm(steered[0].vector), rel=1e-5)
    assert tab._additions(open_run("toy", toy_run), names, [0.5, -0.2], layer, seed=4)[2][0].vector != pytest.approx(
        random[0].vector
    )


def test_the_wrong_or_a_missing_model_is_refused_with_what_to_do(toy_run, tmp_path):
    run = open_run("toy", toy_run)
    assert Models().of(run).lm.name == "toy"
    with pytest.raises(UserError, match=r"isn't here.*--model"):
        Models(override=str(tmp_path / "nowhere")).of(run)
    run.record["model"]["sha256"] = "other"
    with pytest.raises(UserError, match="not those that this run's vectors were made from"):
        Models().of(run)
    with pytest.raises(UserError, match="no vectors yet"):
        Models().of(open_run("x", tmp_path))
