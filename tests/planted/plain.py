"""Slow, plain code that looks into a planted model: one prompt at a time, no padding, no batching, its own hooks.

It uses nothing of the package's own forward passes, so it can serve as their reference.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from emotion_vectors.planted.truth import Planted
from emotion_vectors.stimuli.pack import Pack

Change = Callable[[torch.Tensor], torch.Tensor]


def run(planted: Planted, ids: list[int], changes: dict[int, Change] | None = None, **inputs) -> tuple:
    """Logits `[t, vocabulary]` and the residual after every block `[l, t, d]` of one prompt; blocks may be changed."""
    seen, handles = {}, []
    for layer, block in enumerate(planted.model.model.layers):

        def hook(module, args, output, layer=layer):
            state = output[0] if isinstance(output, tuple) else output
            if changes and layer in changes:
                state = changes[layer](state.clone())
            seen[layer] = state[0].double().numpy().copy()
            return (state, *output[1:]) if isinstance(output, tuple) else state

        handles.append(block.register_forward_hook(hook))
    try:
        with torch.no_grad():
            logits = planted.model(input_ids=torch.tensor([ids]), use_cache=False, **inputs).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return logits.double().numpy(), np.stack([seen[layer] for layer in sorted(seen)])


def chat(planted: Planted, message: str, prefill: str = "") -> str:
    """The message in the chat template, up to where the answer begins, and `prefill`."""
    tokenizer = planted.tokenizer
    messages = [{"role": "user", "content": message}]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + prefill


def encode(planted: Planted, text: str) -> list[int]:
    """Token ids of `text`, nothing added."""
    return planted.tokenizer(text, add_special_tokens=False)["input_ids"]


def choice(planted: Planted, a: int, b: int) -> tuple[list[int], list[int], list[int]]:
    """Ids of the preference prompt, and the token positions of the two activities."""
    first, second = f" {planted.activities[a]}", f" {planted.activities[b]}"
    head, tail = chat(planted, "SPLIT", "(").split("SPLIT")
    parts = [encode(planted, part) for part in (f"{head}Would you prefer to (A)", first, " or (B)", second, f"?{tail}")]
    ids = [token for part in parts for token in part]
    assert ids == encode(planted, planted.tokenizer.decode(ids))
    starts = np.cumsum([0, *map(len, parts)])
    return ids, list(range(starts[1], starts[2])), list(range(starts[3], starts[4]))


def difference(planted: Planted, logits: np.ndarray) -> float:
    """Logit of A minus logit of B after the last token, in nats."""
    option_a, option_b = (planted.tokenizer.get_vocab()[letter] for letter in "AB")
    return float(logits[-1, option_a] - logits[-1, option_b])


def add(vector: np.ndarray, positions: list[int]) -> Change:
    """Add `vector` (d,) to the residual at some token positions."""

    def change(state: torch.Tensor) -> torch.Tensor:
        state[:, positions] += torch.from_numpy(vector).float()
        return state

    return change


def steered(planted: Planted, a: int, b: int, vector: np.ndarray, where: str, layer: int | None = None) -> float:
    """Logit A - logit B with `vector` added to the tokens of A, B or both (AB)."""
    ids, span_a, span_b = choice(planted, a, b)
    positions = {"A": span_a, "B": span_b, "AB": span_a + span_b}[where]
    layer = planted.analysis_layer if layer is None else layer
    return difference(planted, run(planted, ids, {layer: add(vector, positions)})[0])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of norm 1 along the last axis."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def write(planted: Planted, messages: list[str], seed: int = 0, tokens: int = 100) -> list[str]:
    """What the model answers to these user messages, sampled by transformers itself at temperature 0.8."""
    rows = [encode(planted, chat(planted, message)) for message in messages]
    longest, pad = max(map(len, rows)), planted.tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        written = planted.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=tokens,
            do_sample=True,
            temperature=0.8,
            top_k=0,
            top_p=0.95,
        )
    return [str(planted.tokenizer.decode(row[longest:])).strip() for row in written]


def emotion_vectors(planted: Planted, pack: Pack) -> np.ndarray:
    """`[l, n, d]` by the plain recipe: two stories an emotion, mean from token 50, minus the mean over emotions."""
    asked = [(emotion, topic) for emotion in planted.emotions for topic in pack.topics[:2]]
    stories = write(planted, [pack.prompts.story.format(emotion=e, topic=topic, n_stories=1) for e, topic in asked])
    means = []
    for emotion in planted.emotions:
        texts = [story for (about, _), story in zip(asked, stories, strict=True) if about == emotion]
        states = [run(planted, planted.tokenizer(text)["input_ids"])[1] for text in texts]
        means.append(np.mean([state[:, 51:].mean(axis=1) for state in states], axis=0))  # one BOS, then token 50
    means = np.stack(means, axis=1)
    return means - means.mean(axis=1, keepdims=True)


def response(planted: Planted, message: str) -> np.ndarray:
    """Residual (d,) at the analysis layer where the answer to `message` begins."""
    return run(planted, encode(planted, chat(planted, message)))[1][planted.analysis_layer, -1]
