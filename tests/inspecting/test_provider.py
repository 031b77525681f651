"""Inspect's own evaluations with the toy model, steered; held against plain code that hooks, writes and reads one row at a time."""

import numpy as np
import pytest
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ContentImage, ContentText, GenerateConfig
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool
from vectors.worlds import make_vectors, plain_greedy, plain_pass

from emotion_vectors.errors import UserError
from inspecting.tasks import model, run

QUESTIONS = ["The sea was calm.", "Go home and tell them about the letter.", "Why?"]


GREEDY = {"temperature": 0.0, "max_tokens": 6}


def texts(log):
    return {(sample.id, sample.epoch): sample.output.completion for sample in log.samples}


def rendered(lm, question):
    chat = [{"role": "user", "content": question}]
    return list(lm.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False))


@pytest.mark.slow
def test_a_task_is_answered_as_plain_hooks_would_and_its_log_has_the_readings(folder, tmp_path, lm):
    vectors = make_vectors()
    log = run(folder, tmp_path, steer={"calm": 0.9, "on edge": -0.5}, emotions="calm,angry")
    assert log.status == "success", log.error
    units = vectors.projected[2] / np.linalg.norm(vectors.projected[2], axis=-1, keepdims=True)
    added = (0.9 * units[0] - 0.5 * units[2]) * vectors.residual_norm[2]
    for sample, question in zip(log.samples, QUESTIONS, strict=True):
        ids = rendered(lm, question)
        tokens, _ = plain_greedy(lm, ids, 6, [(2, added)], lambda width: range(width))
        plain, _ = plain_greedy(lm, ids, 6, [], lambda width: range(width))
        assert list(tokens)[:6] != list(plain)[:6]
        said = lm.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()
        assert sample.output.completion == said and sample.output.usage.input_tokens == len(ids)
        about = sample.output.metadata["emotion_vectors"]
        assert (
            about["steer"] == {"calm": 0.9, "on edge": -0.5}
            and about["control"] is None
            and about["neutral_texts"] == 8
        )
        rows = {(row["message"], row["emotion"]): row for row in about["readings"]}
        assert set(rows) == {(number, emotion) for number in range(2 if said else 1) for emotion in ("calm", "angry")}
        _, seen = plain_pass(lm, ids)
        here = seen[2][-1] - vectors.centre[2]
        for emotion, row in (("calm", 0), ("angry", 1)):
            wanted = float(here @ units[row] / np.linalg.norm(here))
            assert not said or rows[1, emotion]["response_centred"] == pytest.approx(wanted, abs=1e-5)
            assert 0 <= rows[0, emotion]["mean_centred_percentile"] <= 100


@pytest.mark.slow
def test_a_control_is_a_random_direction_of_the_same_length(folder, tmp_path, lm):
    [steered] = model(folder, steer="calm=0.9").api.additions
    [control] = model(folder, steer="calm=0.9", control="random:1").api.additions
    drawn = np.random.default_rng(1).standard_normal(32)
    np.testing.assert_allclose(
        control.vector, drawn / np.linalg.norm(drawn) * 0.9 * make_vectors().residual_norm[2], rtol=1e-5
    )
    assert np.linalg.norm(control.vector) == pytest.approx(np.linalg.norm(steered.vector), rel=1e-6)
    log = run(folder, tmp_path, questions=QUESTIONS[:1], steer="calm=0.9", control="random:1")
    tokens, _ = plain_greedy(lm, rendered(lm, QUESTIONS[0]), 6, [(2, control.vector)], lambda width: range(width))
    assert log.samples[0].output.completion == lm.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()


@pytest.mark.slow
def test_seeds_make_texts_whatever_shares_their_batch(folder, tmp_path):
    settings = {"temperature": 1.0, "max_tokens": 8, "seed": 3}
    first = texts(run(folder, tmp_path, epochs=2, settings=settings, steer="calm=0.2"))
    assert first == texts(run(folder, tmp_path, epochs=2, settings=settings, steer="calm=0.2", batch_size=1))
    assert all(first[f"q{n}", 1] != first[f"q{n}", 2] for n in range(3))
    assert first != texts(run(folder, tmp_path, epochs=2, settings=settings | {"seed": 4}, steer="calm=0.2"))


def test_choices_stops_and_ends(folder, tmp_path):
    whole = run(folder, tmp_path, questions=QUESTIONS[:1], settings=GREEDY | {"max_tokens": 12}).samples[0].output
    stop = whole.completion[3:5]
    log = run(
        folder,
        tmp_path,
        questions=QUESTIONS[:1],
        settings=GREEDY | {"max_tokens": 12, "stop_seqs": [stop], "num_choices": 2},
    )
    output = log.samples[0].output
    assert [choice.message.text for choice in output.choices] == [whole.completion[: whole.completion.index(stop)]] * 2
    assert output.stop_reason == "stop" and whole.stop_reason == "max_tokens"


@tool
def adder():
    async def execute(x: int, y: int):
        """Add.

        Args:
            x: one
            y: other
        """
        return x + y

    return execute


@pytest.mark.slow
def test_a_task_with_tools_ends_with_a_sentence(folder, tmp_path):
    log = run(folder, tmp_path, solver=[use_tools(adder()), generate()])
    assert log.status == "error" and "can't call tools (adder)" in log.error.message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"stear": "calm=1"}, "did you mean 'steer'"), ({"steer": "calm"}, "not have the form name=number"), ({"steer": "calm=nan"}, "not have the form name=number"),
        ({"steer": "clam=0.1"}, "did you mean 'calm'"), ({"emotions": "clam"}, "did you mean 'calm'"), ({"control": "random:1"}, "what to steer with"),
        ({"steer": "calm=1", "control": "shuffled"}, "control=random:1"), ({"tokens": "some"}, "all, prompt or response"),
        ({"steer": "calm=1", "layers": "9"}, "no layer 9"), ({"batch_size": 0}, "whole number"), ({"name": "/gone.gguf"}, "gone.gguf"),
    ],
)  # fmt: skip
def test_bad_arguments_are_told_in_a_sentence(folder, arguments, said):
    with pytest.raises(PrerequisiteError) as told:
        model(folder, **arguments)
    assert said in str(told.value.message)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([ChatMessageUser(content="Hi."), ChatMessageAssistant(content="Well")], "must end with"),
        ([ChatMessageUser(content=[ContentText(text="Look."), ContentImage(image="data:image/png;base64,AA==")])], "pictures"),
        ([ChatMessageUser(content="Why? " * 2000)], "reads at most"),
    ],
)  # fmt: skip
def test_messages_that_cannot_be_answered_are_refused(folder, messages, said):
    with pytest.raises(UserError, match=said):
        model(folder).api._call(messages, [], GenerateConfig(max_tokens=4))
