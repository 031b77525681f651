"""Openvino beside transformers on the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from emotion_vectors.lm.writers import openvino_writer
from emotion_vectors.lm.writers.base import Options, Request, Sampling
from emotion_vectors.lm.writers.choosing import make_writer

needs_openvino = pytest.mark.skipif(not openvino_writer.is_installed(), reason="needs openvino-genai")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory) -> Path:
    """A cache of the three tests below: the weights are made into openvino's form by the first of them."""
    return tmp_path_factory.mktemp("openvino")


@needs_openvino
@pytest.mark.slow
def test_openvino_agrees_with_transformers_on_the_same_weights(from_gguf, made_once: Path) -> None:
    """The likeliest continuations: openvino's tokens must be the ones that transformers finds likeliest, nearly always."""
    lm = from_gguf
    sampling = Sampling(temperature=0.0, max_new_tokens=32)
    topics = ("a lost key", "a red kite", "the last train", "an old clock", "a wet dog", "a school play")
    prompts = [
        tuple(lm.tokenizer.apply_chat_template([{"role": "user", "content": f"Write a story about {topic}."}],
              add_generation_prompt=True, return_dict=False))
        for topic in topics
    ]  # fmt: skip
    writer = make_writer(lm, "auto", Options(8, cache=made_once))
    assert writer.name.startswith("openvino-genai")
    wanted = [Request(str(i), prompt, i) for i, prompt in enumerate(prompts)]
    texts = {one.key: one for one in writer.write(wanted, sampling)}
    agree = total = 0
    for request in wanted:
        ids = lm.tokenizer(texts[request.key].text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = lm.model(torch.tensor([[*request.prompt_ids, *ids]])).logits[0, len(request.prompt_ids) - 1 : -1]
        agree += int((logits.argmax(-1) == torch.tensor(ids)).sum())
        total += len(ids)
    assert total > 100
    assert agree / total > 0.9


@needs_openvino
@pytest.mark.slow
def test_openvino_seeds_end_tokens_and_limits(from_gguf, made_once: Path) -> None:
    lm = from_gguf
    prompt = tuple(lm.tokenizer.apply_chat_template([{"role": "user", "content": "Say a short greeting."}],
                   add_generation_prompt=True, return_dict=False))  # fmt: skip
    writer = make_writer(lm, "openvino", Options(4, cache=made_once))
    sampling = Sampling(temperature=1.0, top_p=0.95, max_new_tokens=24)
    wanted = [Request(str(i), prompt, i) for i in range(10)]
    same = [Request(f"again{i}", prompt, 3) for i in range(2)]
    first = {one.key: one for one in writer.write([*wanted, *same], sampling)}
    again = [first.pop(one.key) for one in same]
    assert set(first) == {one.key for one in wanted}
    assert len({one.text for one in first.values()}) >= 5
    assert all(one.tokens <= 24 and "<|im" not in one.text for one in first.values())
    assert all(one.finished or one.tokens == 24 for one in first.values())
    assert again[0].text == again[1].text == first["3"].text


def story_requests(lm: Any, told: str, topics: Sequence[str]) -> list[Request]:
    return [
        Request(str(i), tuple(lm.tokenizer.apply_chat_template([{"role": "user", "content": f"{told}\n\n{topic}"}],
                add_generation_prompt=True, return_dict=False)), i)
        for i, topic in enumerate(topics)
    ]  # fmt: skip


@needs_openvino
@pytest.mark.slow
def test_openvino_writes_the_same_after_another_chunk_as_when_resumed(
    from_gguf, made_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier chunk has the same prompts, as a later round has: what was read before must leave no trace."""
    told = "Write a story of a few words on the topic below, with no title and no comment at all. End it very soon."
    topics = [f"A{' very' * 30} old {what}." for what in ("key", "kite", "dog", "hat", "cup")] * 2
    wanted = story_requests(from_gguf, told, topics)
    shared = openvino_writer.common_prefix(wanted)
    assert len(shared) >= openvino_writer.KEYS_PER_BLOCK
    started = []
    start = openvino_writer.start_pipeline
    monkeypatch.setattr(openvino_writer, "start_pipeline", lambda *given: started.append(given) or start(*given))
    sampling = Sampling(temperature=1.0, max_new_tokens=16)
    texts = []
    for chunks in ((wanted[:5], wanted[5:]), (wanted[5:],)):
        writer = openvino_writer.OpenVINOWriter(from_gguf, 8, cache=made_once)
        for chunk in chunks:
            texts.append({one.key: one for one in writer.write(chunk, sampling)})
    assert texts[1] == texts[2] and len(texts[1]) == 5
    assert len(started) == 3


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [([(1,) * 31], 0), ([(1,) * 40], 32), ([(1,) * 80, (1,) * 70, (1,) * 63 + (2,)], 32), ([(1,) * 64, (1,) * 64], 64),
     ([(2,) + (1,) * 80, (1,) * 80], 0), ([(1,) * 64 + (5,), (1,) * 64 + (3,), (1,) * 40 + (9,) * 60], 32)],
)  # fmt: skip
def test_the_common_beginning_of_prompts_in_whole_blocks(prompts, shared) -> None:
    found = openvino_writer.common_prefix([Request(str(i), ids, i) for i, ids in enumerate(prompts)])
    assert found == prompts[0][:shared] and len(found) == shared
