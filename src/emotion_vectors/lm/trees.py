"""Many prompts with a common beginning as one packed sequence: the beginning once, then every ending.

A tree of k prompts holds the shared prefix and k branches. Each branch attends to the prefix and to itself, with the
positions that it has in its own prompt, so every token sees exactly what it sees when its prompt is run alone.

A tree is run as it is, or in two pieces: the prefix, and then the branches distributed over rows of a batch that all start from
the prefix's keys and values. Branches in other rows cost no attention, so many branches go in rows of a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np


class Piece(NamedTuple):
    """Some tokens of a tree as r rows of w columns, which attend to the first `seen` packed tokens and to their own row.

    Rows are filled up with a repeated token that nobody attends to and nothing is read from.
    """

    tokens: np.ndarray  # (r, w) index of the packed token
    real: np.ndarray  # (r, w) bool: not filling
    allowed: np.ndarray  # (r, w, seen + w) bool: column attends to a seen token or a column of its row
    read: (
        np.ndarray
    )  # (k,) row * w + column of the last token of each prompt; empty where no branch is among the tokens


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

    def pieces(self, begin: int, branches_per_row: int) -> list[Piece]:
        """The tokens from `begin` on (at most the prefix's length), in the order in which they must be run.

        One piece of one row for `branches_per_row` branches or fewer. For more, the rest of the prefix if there is any,
        then the branches in rows of about equal length.
        """
        rest = np.arange(begin, self.size)
        if len(self.read) <= branches_per_row:
            whole = self._piece([rest], begin)
            return [whole._replace(read=self.read - begin)]
        lengths = self.read + 1 - self.starts
        rows: list[list[int]] = [[] for _ in range(-(-len(lengths) // branches_per_row))]
        filled = [0] * len(rows)
        for branch in np.argsort(-lengths, kind="stable"):
            row = int(np.argmin(filled))
            rows[row].append(int(branch))
            filled[row] += int(lengths[branch])
        dealt = [np.concatenate([np.arange(self.starts[b], self.read[b] + 1) for b in sorted(row)]) for row in rows]
        branches = self._piece(dealt, self.prefix)
        places = np.flatnonzero(branches.real)
        found = np.zeros(self.size, dtype=int)
        found[branches.tokens.ravel()[places]] = places
        branches = branches._replace(read=found[self.read])
        if begin == self.prefix:
            return [branches]
        return [self._piece([np.arange(begin, self.prefix)], begin), branches]

    def rows(self, most: int, border: int | None = None) -> list[Piece]:
        """Every prompt in a row of its own from its first token on, at most `most` in a piece; pieces don't depend on each other.

        The prefix is then in every row. For models whose layers don't obey an attention mask: fillings stand behind a prompt's
        end, where nothing that is read can see them. No piece has prompts on both sides of `border` (`limits.rotation_border`).
        """
        whole = [
            np.concatenate([np.arange(self.prefix), np.arange(start, last + 1)])
            for start, last in zip(self.starts, self.read, strict=True)
        ]
        # In the order of the prompts, which is that of the answers.
        sides = [list(some) for _, some in groupby(whole, key=lambda row: border is not None and len(row) > border)]
        pieces = []
        for some in (side[first : first + most] for side in sides for first in range(0, len(side), most)):
            piece = self._piece(some, 0)
            width = piece.tokens.shape[1]
            pieces.append(piece._replace(read=np.array([row * width + len(one) - 1 for row, one in enumerate(some)])))
        return pieces

    def _piece(self, rows: Sequence[np.ndarray], seen: int) -> Piece:
        width = max(map(len, rows))
        tokens = np.stack([np.concatenate([row, np.repeat(row[-1:], width - len(row))]) for row in rows])
        real = np.arange(width) < np.array([[len(row)] for row in rows])
        branch = self.branch[tokens]
        own = ((branch[:, :, None] == branch[:, None, :]) | (branch[:, None, :] == -1)) & np.tri(width, dtype=bool)
        own &= real[:, None, :] | np.eye(width, dtype=bool)
        return Piece(
            tokens, real, np.concatenate([np.ones((len(rows), width, seen), bool), own], axis=2), np.zeros(0, int)
        )

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


def pack(prompts: Sequence[Sequence[int]], share: bool = True) -> Tree:
    """Pack prompts (token ids) that share a beginning; every prompt keeps at least one token of its own.

    share: False packs each prompt as a branch from its first token on, for models that may read the same beginning in two ways.
    """
    if not prompts or min(map(len, prompts)) == 0:
        raise ValueError("a tree needs prompts that aren't empty")
    prefix = 0
    shortest = min(map(len, prompts))
    while share and prefix < shortest - 1 and len({prompt[prefix] for prompt in prompts}) == 1:
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
