"""The answers of the scenarios against plain transformers, one prompt at a time: positions, greedy tokens, means; and resuming."""

import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import load_file

from emotion_vectors.lm.sampling import end_tokens
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime
from emotion_vectors.stages import responses
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store.run_folder import RunFolder
from tests.tiny import tiny

PACK = load_pack()
SCENARIOS, HELDOUT = PACK.scenarios[:3], PACK.heldout_scenarios[:2]


def lab_of(lm, folder):
    pack = dataclasses.replace(PACK, scenarios=SCENARIOS, heldout_scenarios=HELDOUT)
    return SimpleNamespace(
        lm=lm, pack=pack, run=RunFolder(folder), reporter=Reporter(quiet=True), runtime=Runtime(tokens_per_batch=256)
    )


def rendered(lm, message):
    """The prompt by the tokenizer's own means, and the text up to where the message ends."""
    if lm.is_chat:
        chat = [{"role": "user", "content": message}]
        text = lm.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    else:
        text = f"Human: {message}\n\nAssistant:"
    return text, text[: text.index(message) + len(message)]


def plain(lm, message):
    """Residuals (layers + 1, d) at the message's last token and over the answer, and the answer's ids, from `generate`."""
    text, begun = rendered(lm, message)
    found = lm.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = found["input_ids"]
    if not lm.is_chat:
        front = lm.tokenizer("x")["input_ids"][: -len(lm.tokenizer("x", add_special_tokens=False)["input_ids"])]
        ids = front + ids
    last = len(ids) - sum(start >= len(begun) for start, _ in found["offset_mapping"]) - 1
    with torch.no_grad():
        whole = lm.model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False, max_new_tokens=20,
            eos_token_id=list(end_tokens(lm)), pad_token_id=lm.tokenizer.pad_token_id,
        )[0]  # fmt: skip
        answer = [token for token in whole[len(ids) :].tolist() if token not in end_tokens(lm)]
        states = []
        handles = [block.register_forward_hook(lambda _, __, out: states.append(out[0] if isinstance(out, tuple) else out)) for block in lm.parts.blocks]  # fmt: skip
        lm.model(torch.tensor([ids + answer]))
        for handle in handles:
            handle.remove()
    stacked = torch.stack([state.reshape(-1, state.shape[-1]) for state in states]).float().numpy()
    return stacked[:, last], stacked[:, len(ids) :], answer


@pytest.mark.parametrize(("kind", "chat"), [("llama", True), ("gemma3", False)])
def test_positions_tokens_and_means_are_those_of_plain_transformers(kind, chat, tmp_path):
    lm = tiny.__wrapped__(kind, chat)
    lab = lab_of(lm, tmp_path)
    responses.read_responses(lab)
    found, table = responses.kept_responses(lab), pl.read_parquet(tmp_path / responses.TEXTS)
    assert table["list"].to_list() == ["scenarios"] * 3 + ["heldout"] * 2
    for row, scenario in enumerate((*SCENARIOS, *HELDOUT)):
        user, answer, ids = plain(lm, scenario.prompt)
        np.testing.assert_allclose(found.user[row, 1:], user, atol=1e-4)
        assert found.tokens[row] == len(ids) == table["tokens"][row]
        if ids:
            np.testing.assert_allclose(found.answer[row, 1:], answer.mean(axis=1), atol=1e-4)
        assert table["user_token"][row].strip() and scenario.prompt.endswith(table["user_token"][row].strip())
    assert found.tokens.max() == 20
    facts = lab.run.done("responses")["facts"]
    assert facts["dtype"] == "float32" and len(facts["vocabulary"]) == 64


def test_half_precision_weights_are_read_in_float32_and_stay_as_they_are(tmp_path):
    lm = tiny.__wrapped__("llama")
    half = dataclasses.replace(lm, model=lm.model.to(torch.bfloat16), dtype=torch.bfloat16)
    lab = lab_of(half, tmp_path)
    responses.read_responses(lab)
    found, ids = (
        responses.kept_responses(lab),
        load_file(tmp_path / "parts" / "responses" / "000000.safetensors")["ids"],
    )
    model = copy.deepcopy(half.model).float()
    for row, scenario in enumerate(SCENARIOS):
        text, begun = rendered(half, scenario.prompt)
        prompt = half.tokenizer(text, add_special_tokens=False)["input_ids"]
        last = len(half.tokenizer(begun, add_special_tokens=False)["input_ids"]) - 1
        whole = torch.tensor([[*prompt, *ids[row, : found.tokens[row]].tolist()]])
        with torch.no_grad():
            states = torch.stack(model(whole, output_hidden_states=True).hidden_states[:-1])[:, 0].numpy()
        np.testing.assert_allclose(found.user[row, :4], states[:, last], atol=1e-4)
        np.testing.assert_allclose(found.answer[row, :4], states[:, len(prompt) :].mean(axis=1), atol=1e-4)
    assert {one.dtype for one in half.model.parameters()} == {torch.bfloat16}


def test_a_killed_stage_goes_on_at_its_next_part_to_the_same_files(tmp_path, monkeypatch):
    monkeypatch.setattr(responses, "PROMPTS_PER_PART", 2)
    lm, plain_answered, calls = tiny(), responses.answered, []

    def stops(lm, prompts, tokens_per_batch):
        calls.append(len(prompts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain_answered(lm, prompts, tokens_per_batch)

    monkeypatch.setattr(responses, "answered", stops)
    killed = lab_of(lm, tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        responses.read_responses(killed)
    assert killed.run.marker("responses") is None
    responses.read_responses(killed)
    assert calls == [2, 2, 2, 1]
    responses.read_responses(killed)  # done: nothing is answered again
    assert len(calls) == 4
    whole = lab_of(lm, tmp_path / "whole")
    responses.read_responses(whole)
    assert killed.run.done("responses")["files"] == whole.run.done("responses")["files"]


def test_an_answer_that_ends_at_once_has_no_tokens(tmp_path, monkeypatch):
    lm = tiny()
    monkeypatch.setattr("emotion_vectors.lm.decode.end_tokens", lambda lm: frozenset(range(len(lm.tokenizer))))
    lab = lab_of(lm, tmp_path)
    responses.read_responses(lab)
    found = responses.kept_responses(lab)
    assert not found.tokens.any() and not found.answer.any() and found.user.any()
    assert pl.read_parquet(tmp_path / responses.TEXTS)["answer"].to_list() == [""] * 5


def test_the_vocabulary_is_that_of_the_words_and_not_of_added_tokens():
    lm, other = tiny(), tiny.__wrapped__("llama")
    other.tokenizer.add_special_tokens({"additional_special_tokens": ["<|other|>"]})
    assert responses.vocabulary(lm) == responses.vocabulary(other)
    changed = SimpleNamespace(tokenizer=SimpleNamespace(get_added_vocab=dict, get_vocab=lambda: {"a": 0, "b": 2}))
    same = SimpleNamespace(tokenizer=SimpleNamespace(get_added_vocab=dict, get_vocab=lambda: {"b": 1, "a": 0}))
    assert responses.vocabulary(changed) != responses.vocabulary(same)


def test_packs_without_scenarios_have_nothing_to_answer(tmp_path):
    lab = lab_of(tiny(), tmp_path)
    lab.pack = dataclasses.replace(lab.pack, scenarios=(), heldout_scenarios=())
    responses.read_responses(lab)
    assert responses.kept_responses(lab).user.shape == (0, 5, 32)
