"""Many prompts with a common beginning as one packed sequence: the beginning once, then every ending.

A tree of k prompts holds the shared prefix and k branches. Each branch attends to the prefix and to itself, with the
positions that it has in its own prompt, so every token sees exactly what it sees when its prompt is run alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Tree(NamedTuple):
    """A packed tree of t tokens and k prompts."""

    ids: np.ndarray  # (t,) token ids
    positions: np.ndarray  # (t,) position of each token in its own prompt
    branch: np.ndarray  # (t,) index of the prompt, -1 for the shared prefix
    read: np.ndarray  # (k,) index of the last token of each prompt
    starts: np.ndarray  # (k,) index of the first token of each branch
    prefix: int  # tokens of the shared prefix

    @property
    def size(self) -> int:
        """Number of packed tokens."""
        return len(self.ids)

    def allowed(self) -> np.ndarray:
        """(t, t) bool: row attends to column: causal, and to the prefix and its own branch only."""
        same = self.branch[:, None] == self.branch[None, :]
        shared = self.branch[None, :] == -1
        earlier = np.tri(self.size, dtype=bool)
        return (same | shared) & earlier

    def touched(self, spans: Sequence[tuple[int, int]]) -> np.ndarray:
        """(t,) bool: the packed tokens that prompt positions `spans[k]` (half-open) of each prompt cover.

        A span inside the shared prefix must be asked for by every prompt: the prefix is one and the same for all.
        """
        mask = np.zeros(self.size, dtype=bool)
        wanted = np.zeros(self.prefix, dtype=int)
        for start, (first, last) in zip(self.starts, spans, strict=True):
            wanted[first : min(last, self.prefix)] += 1
            if last > self.prefix:
                begin = start + max(first, self.prefix) - self.prefix
                mask[begin : start + last - self.prefix] = True
        if not np.isin(wanted, (0, len(spans))).all():
            raise ValueError("a token of the shared prefix is touched for some prompts of the tree and not for others")
        mask[: self.prefix] = wanted > 0
        return mask


def pack(prompts: Sequence[Sequence[int]]) -> Tree:
    """Pack prompts (token ids) that share a beginning; every prompt keeps at least one token of its own."""
    if not prompts or min(map(len, prompts)) == 0:
        raise ValueError("a tree needs prompts that aren't empty")
    prefix = 0
    shortest = min(map(len, prompts))
    while prefix < shortest - 1 and len({prompt[prefix] for prompt in prompts}) == 1:
        prefix += 1
    ids, positions, branch = list(prompts[0][:prefix]), list(range(prefix)), [-1] * prefix
    read, starts = [], []
    for index, prompt in enumerate(prompts):
        starts.append(len(ids))
        ids.extend(prompt[prefix:])
        positions.extend(range(prefix, len(prompt)))
        branch.extend([index] * (len(prompt) - prefix))
        read.append(len(ids) - 1)
    return Tree(np.array(ids), np.array(positions), np.array(branch), np.array(read), np.array(starts), prefix)
