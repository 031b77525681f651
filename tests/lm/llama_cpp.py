"""llama.cpp's own reading of a GGUF file: tokens and logits, to hold ours against.

Through the wheel `cyllama`, which brings llama.cpp built for a CPU; nothing is compiled. The tests don't depend on it: they skip
where it is missing (`pip install cyllama==0.2.18`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FLOAT32 = 0  # of the keys and values in its cache, so that they add no error of their own
OFF = 0


class Reader:
    """A model that llama.cpp has open."""

    def __init__(self, model: Any, context: Any, batch: Any) -> None:
        self._model, self._context, self._batch = model, context, batch

    def tokens(self, text: str, add_special: bool = True) -> list[int]:
        return list(self._model.get_vocab().tokenize(text, add_special, False))

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Logits (t, vocabulary) float64 at every position of one text."""
        self._context.kv_cache_clear()
        self._batch.reset()
        for position, token in enumerate(ids):
            self._batch.add(int(token), position, [0], True)
        assert self._context.decode(self._batch) == 0
        return np.array([self._context.get_logits_ith(i) for i in range(len(ids))])

    def log_probabilities(self, ids: Sequence[int]) -> np.ndarray:
        logits = self.logits(ids)
        shifted = logits - logits.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@contextmanager
def reading(path: Path, longest: int = 1024, told: list[str] | None = None) -> Iterator[Reader]:
    """Open `path` with llama.cpp for texts of up to `longest` tokens; `told` gets what it logs. Skips the test where the package is missing."""
    binding = pytest.importorskip("cyllama.llama.llama_cpp", reason="pip install cyllama==0.2.18")
    if told is None:
        binding.disable_logging()
    else:
        binding.set_log_callback(lambda _, line: told.append(line))

    class Model(binding.LlamaModel):  # get_logits_ith of cyllama 0.2.18 asks the model for a name that it lacks
        n_vocab = property(lambda self: self.get_vocab().n_vocab)

    options = binding.LlamaModelParams()
    model = Model(str(path), options, verbose=False)
    how = binding.LlamaContextParams()
    how.n_ctx = how.n_batch = how.n_ubatch = longest
    how.type_k = how.type_v = FLOAT32
    how.flash_attn_type = OFF
    context = binding.LlamaContext(model, how, verbose=False)
    try:
        yield Reader(model, context, binding.LlamaBatch(n_tokens=longest, embd=0, n_seq_max=1))
    finally:
        context.close()
        model.close()
        binding.disable_logging()
