"""Writers against slow references: one text at a time, no padding, no cache; transformers' own generate; analytic draws."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from quick import quick
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.base import Request, Sampling, end_tokens
from emotion_vectors.lm.writers.transformers_writer import TransformersWriter

GREEDY = Sampling(temperature=0.0, max_new_tokens=12)


SAMPLED = Sampling(temperature=1.0, top_p=0.9, max_new_tokens=12)


PENALIZED = Sampling(temperature=0.7, top_p=1.0, repetition_penalty=1.3, presence_penalty=0.5, max_new_tokens=12)


ARCHITECTURES = ("llama", "gemma2", "gemma3", "gpt_neox")


def double(kind: str):
    """The tiny model in float64, where batching can't change a draw by rounding."""
    lm = tiny(kind)
    if kind == "gemma2":  # its eager softmax runs in float32, where a float64 mask overflows
        return lm
    return dataclasses.replace(lm, model=copy.deepcopy(lm.model).double(), dtype=torch.float64)


def requests(count: int) -> list[Request]:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 30, size=count)
    ids = [tuple(int(token) for token in generator.integers(300, 1200, size=length)) for length in lengths]
    return [Request(f"r{i}", prompt, 1000 + i) for i, prompt in enumerate(ids)]


def ask(lm, batch: int, wanted: list[Request], sampling: Sampling) -> dict[str, tuple[str, int, bool]]:
    written = list(TransformersWriter(lm, batch).write(wanted, sampling))
    assert sorted(one.key for one in written) == sorted(one.key for one in wanted)
    return {one.key: (one.text, one.tokens, one.finished) for one in written}


def slow_write(lm, request: Request, sampling: Sampling) -> tuple[str, int, bool]:
    """One text, the whole sequence read anew for every token, the nucleus found by a plain loop."""
    ids, text = list(request.prompt_ids), []
    numbers = torch.rand(
        sampling.max_new_tokens, generator=torch.Generator().manual_seed(request.seed), dtype=torch.float64
    )
    for step in range(sampling.max_new_tokens):
        with torch.inference_mode():
            logits = lm.model(input_ids=torch.tensor([ids])).logits[0, -1].tolist()
        for token in set(ids):
            factor = sampling.repetition_penalty
            logits[token] = logits[token] / factor if logits[token] > 0 else logits[token] * factor
        for token in set(text):
            logits[token] -= sampling.presence_penalty
        if sampling.temperature == 0:
            token = int(np.argmax(logits))
        else:
            weights = np.exp((np.array(logits) - max(logits)) / sampling.temperature)
            weights /= weights.sum()
            order = np.argsort(-weights, kind="stable")
            nucleus, mass = [], 0.0
            for place in order:
                nucleus.append(place)
                mass += weights[place]
                if mass >= sampling.top_p:
                    break
            target, reached = float(numbers[step]) * mass, 0.0
            for place in nucleus:
                reached += weights[place]
                token = int(place)
                if reached > target:
                    break
        if token in end_tokens(lm):
            return lm.tokenizer.decode(text, skip_special_tokens=True).strip(), len(text), True
        ids.append(token)
        text.append(token)
    return lm.tokenizer.decode(text, skip_special_tokens=True).strip(), len(text), False


@pytest.mark.parametrize("kind", quick(["llama", "gemma3"], ARCHITECTURES))
@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED, PENALIZED], ids=["greedy", "sampled", "penalized"])
def test_a_batch_equals_the_slow_reference(kind: str, sampling: Sampling) -> None:
    lm = double(kind)
    wanted = requests(6)
    assert ask(lm, 6, wanted, sampling) == {one.key: slow_write(lm, one, sampling) for one in wanted}


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED, PENALIZED], ids=["greedy", "sampled", "penalized"])
def test_batch_of_1_equals_batch_of_32_in_float32(sampling: Sampling) -> None:
    wanted = requests(32)
    assert ask(tiny(), 1, wanted, sampling) == ask(tiny(), 32, wanted, sampling)


def test_greedy_equals_transformers_generate() -> None:
    lm = tiny()
    for request in requests(5):
        made = lm.model.generate(
            torch.tensor([request.prompt_ids]), attention_mask=torch.ones(1, len(request.prompt_ids), dtype=torch.long),
            do_sample=False, max_new_tokens=12, pad_token_id=0,
        )[0, len(request.prompt_ids) :]  # fmt: skip
        expected = lm.tokenizer.decode(made, skip_special_tokens=True).strip()
        assert ask(lm, 4, [request], GREEDY)[request.key][0] == expected


def test_a_row_depends_on_its_seed_and_not_on_its_neighbours() -> None:
    wanted = requests(8)
    texts = ask(tiny(), 8, wanted, SAMPLED)
    assert ask(tiny(), 8, wanted[::-1], SAMPLED) == texts
    assert ask(tiny(), 8, wanted[3:5], SAMPLED) == {one.key: texts[one.key] for one in wanted[3:5]}
    other = [dataclasses.replace(one, seed=one.seed + 1) for one in wanted]
    changed = ask(tiny(), 8, other, SAMPLED)
    assert sum(changed[key] != texts[key] for key in texts) >= 7


def test_the_end_token_ends_a_text_and_is_not_part_of_it() -> None:
    lm = double("llama")
    end = lm.tokenizer.eos_token_id
    # The end token becomes a little likelier than average, so that some rows end early and others don't.
    lm.model.lm_head.weight.data[end] = lm.model.lm_head.weight.data.mean(0)
    lm.model.lm_head.weight.data[end] += lm.model.lm_head.weight.data[400]
    sampling = Sampling(temperature=3.0, top_p=1.0, max_new_tokens=40)
    lm.model.lm_head.weight.data[end] *= 3
    wanted = requests(24)
    texts = ask(lm, 24, wanted, sampling)
    ended = [one for one in texts.values() if one[2]]
    assert 0 < len(ended) < len(texts)
    assert all(count < 40 for _, count, _ in ended)
    assert all(count == 40 for _, count, done in texts.values() if not done)
    assert not any("<|im_end|>" in text for text, _, _ in texts.values())
    # Rows that left the batch early must not have disturbed the others: some that stayed to the end, and some that left.
    some = [one for done in (True, False) for one in [one for one in wanted if texts[one.key][2] == done][:4]]
    assert {one.key: texts[one.key] for one in some} == {one.key: slow_write(lm, one, sampling) for one in some}


class Greedy(torch.nn.Module):
    """Raises out of memory for more than `most` rows; counts the sizes it was asked for."""

    def __init__(self, model: torch.nn.Module, most: int, error: Exception) -> None:
        super().__init__()
        self.inner, self.most, self.error, self.sizes = model, most, error, []
        self.config, self.generation_config = model.config, model.generation_config

    def forward(self, input_ids, attention_mask, position_ids, past_key_values, use_cache):
        self.sizes.append(len(input_ids))
        if len(input_ids) > self.most:
            raise self.error
        return self.inner(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, use_cache=use_cache,
        )  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_batch_says_so_and_changes_no_text(error: Exception) -> None:
    lm, wanted, said = tiny(), requests(20), []
    limited = Greedy(lm.model, 3, error)
    writer = TransformersWriter(dataclasses.replace(lm, model=limited), 16, said.append)
    texts = {one.key: (one.text, one.tokens, one.finished) for one in writer.write(wanted, SAMPLED)}
    assert texts == ask(lm, 16, wanted, SAMPLED)
    assert writer.batch == 2
    assert [size for size in limited.sizes if size > 3] == [16, 8, 4]
    assert len(said) == 3
    assert "continuing with 2" in said[-1]


def test_one_text_that_does_not_fit_is_a_clear_error_and_other_errors_pass_through() -> None:
    lm = tiny()
    never = Greedy(lm.model, 0, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(UserError, match="not enough memory"):
        list(TransformersWriter(dataclasses.replace(lm, model=never), 4).write(requests(2), GREEDY))
    broken = Greedy(lm.model, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(TransformersWriter(dataclasses.replace(lm, model=broken), 4).write(requests(2), GREEDY))


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="no prompt tokens"):
        list(TransformersWriter(tiny(), 2).write([Request("a", (), 1)], GREEDY))
