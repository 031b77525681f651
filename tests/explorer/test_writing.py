"""Answers of the steer tab: against plain transformers, seeded, and of one visitor without the vectors of another."""

from itertools import pairwise
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from tiny import tiny
from vectors.worlds import make_vectors

from emotion_vectors import EmotionVectors, UserError
from emotion_vectors.explorer.models import Loaded
from emotion_vectors.explorer.runs import Run, open_run
from emotion_vectors.explorer.tabs import steer as tab
from emotion_vectors.explorer.writing import Sampling, write
from emotion_vectors.lm.sampling import Sampling as Drawing
from emotion_vectors.vectors.steering import Addition, TextSpan, steer
from emotion_vectors.vectors.writing import compare_writing

MESSAGES = [{"role": "user", "content": "How does a rainbow form?"}]


HOW = Sampling(seed=5, max_tokens=24, temperature=0.9)


def text(loaded, additions=(), how=HOW, tokens="all"):
    return texts(loaded, [additions], how, tokens)[0]


def texts(loaded, arms, how=HOW, tokens="all", chats=None):
    """The answers of one batch, which only ever grow."""
    written = list(write(loaded, chats or [MESSAGES] * len(arms), arms, tokens, how))
    assert all(b.startswith(a) for one, more in pairwise(written) for a, b in zip(one, more, strict=True))
    return written[-1]


@pytest.fixture
def loaded():
    return Loaded(tiny("llama"))


def push(seed, size=6.0, layer=1):
    return [Addition(layer, (np.random.default_rng(seed).standard_normal(32) * size).astype(np.float32))]


def test_the_unsteered_answer_is_that_of_plain_generate(loaded):
    lm, how = loaded.lm, HOW._replace(temperature=0.0)
    rendered = lm.tokenizer.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)
    ids = torch.tensor([lm.tokenizer(rendered, add_special_tokens=False)["input_ids"]])
    out = lm.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, pad_token_id=lm.pad_id, do_sample=False
    )
    assert text(loaded, how=how) == lm.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip()


@pytest.mark.parametrize("tokens", ["all", "prompt", "response"])
@pytest.mark.parametrize("temperature", [0.0, 0.9])
@pytest.mark.slow
def test_the_three_arms_are_those_of_the_command_steer_alone_and_in_a_batch(loaded, temperature, tokens):
    vectors, prompt = make_vectors(), MESSAGES[0]["content"]
    run = Run("some", Path("some.safetensors"), vectors=vectors)
    drawing = Drawing(temperature, max_new_tokens=24)
    for samples in (1, 3):
        found = compare_writing(
            vectors,
            loaded.lm,
            prompt,
            {"calm": 0.4, "angry": -0.2},
            layers=[1],
            tokens=tokens,
            sampling=drawing,
            samples=samples,
            seed=5,
        )
        for sample in range(samples):
            arms = tab._additions(run, ["calm", "angry", "calm"], [0.3, -0.2, 0.1], 1, 5)
            how = Sampling(seed=5 + sample, max_tokens=24, temperature=temperature)
            wanted = [found.of(kind)[sample].text for kind in ("unsteered", "steered", "random")]
            assert list(texts(loaded, arms, how, tokens)) == wanted
            assert [text(loaded, additions, how, tokens) for additions in arms] == wanted
    assert len({one.text for one in found.texts}) == (3 if temperature == 0 else 9)


def test_words_of_the_prompt_are_steered_as_in_the_library(loaded):
    """Against `generate` inside the library's own context."""
    lm, words = loaded.lm, TextSpan("a rainbow")
    inputs = lm.inputs(MESSAGES)
    with steer(lm, push(4), words):
        out = lm.generate(**inputs, max_new_tokens=24, pad_token_id=lm.pad_id, do_sample=False)
    written = text(loaded, push(4), HOW._replace(temperature=0.0), words)
    assert written == lm.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()
    assert written not in (
        text(loaded, (), HOW._replace(temperature=0.0)),
        text(loaded, push(4), HOW._replace(temperature=0.0)),
    )


def test_an_answer_that_does_not_fit_the_context_is_refused(loaded):
    with pytest.raises(UserError, match="up to 1020 more are to be written, but tiny-llama reads at most 1024"):
        text(loaded, how=HOW._replace(max_tokens=1020))


def test_chats_of_several_turns_are_answered_together_as_each_alone(loaded):
    """Three histories of different lengths in one batch: each answer is that of a batch of its own."""
    turns = [
        [*MESSAGES, {"role": "assistant", "content": said}, {"role": "user", "content": "And then?"}]
        for said in ("It bends.", "Light goes through drops of rain and comes back.", "Water.")
    ]
    arms, how = [[], push(1), push(2)], HOW._replace(temperature=0.0)
    alone = [texts(loaded, [arm], how, chats=[chat])[0] for arm, chat in zip(arms, turns, strict=True)]
    assert list(texts(loaded, arms, how, chats=turns)) == alone and len(set(alone)) == 3
    assert alone[0] != text(loaded, how=how)


def test_vectors_change_the_answer_and_are_gone_afterwards(loaded):
    plain = text(loaded)
    assert text(loaded, push(1)) != plain == text(loaded)
    assert text(loaded, how=HOW._replace(seed=6)) != plain


@pytest.mark.slow
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
    answer = write(loaded, [MESSAGES], [push(1)], "all", HOW._replace(max_tokens=900))
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


def test_what_is_read_while_it_is_written_is_the_answer_so_far_by_the_plain_model(loaded):
    """Readings are those of the model without hooks, and reading changes no answer."""
    from emotion_vectors.explorer.writing import READ_EVERY

    vectors, arms, seen = make_vectors(), [[], push(1), push(2)], []

    def chats(texts):
        return [[*MESSAGES, {"role": "assistant", "content": one}] for one in texts if one.strip()]

    def read(texts):
        seen.append((texts, [vectors.read(loaded.lm, chat, ["calm"]) for chat in chats(texts)]))

    *_, last = write(loaded, [MESSAGES] * 3, arms, "all", HOW, None, read)
    assert last == texts(loaded, arms)
    assert 1 <= len(seen) <= HOW.max_tokens // READ_EVERY
    for texts_then, readings in seen:
        assert all(
            whole.startswith(part.rstrip("\N{REPLACEMENT CHARACTER}"))
            for whole, part in zip(last, texts_then, strict=True)
        )
        for chat, reading in zip(chats(texts_then), readings, strict=True):
            assert reading.raw == pytest.approx(vectors.read(loaded.lm, chat, ["calm"]).raw, abs=1e-6)


def test_colours_go_as_far_as_the_answer_was_read(loaded):
    from emotion_vectors.explorer.views.steer import coloured

    reading = make_vectors().read(loaded.lm, [*MESSAGES, {"role": "assistant", "content": "Light bends."}])
    html, most = coloured(reading, "calm", reading.layers[0], "Light bends. <b>Often", brief=True)
    assert html.endswith("</span> &lt;b&gt;Often") and most > 0 and 'data-tip="calm ' in html
    assert coloured(reading, "calm", reading.layers[0], "Another answer") == ("", most)
