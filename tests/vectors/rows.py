"""Texts to be read."""

import numpy as np


def texts(lm, count=40, seed=0):
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        length = int(generator.integers(3, 60))
        ids = generator.integers(5, len(lm.tokenizer), length).tolist()
        first = int(generator.integers(0, length - 1))
        rows.append((ids, (first, int(generator.integers(first + 1, length + 1)))))
    return rows
