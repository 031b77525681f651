"""How strongly can a direction be added before the text falls apart?

In: emotions with strengths, whose sum gives the direction, and a prompt. Answers are written at growing lengths of the sum, unsteered,
along the sum and along a random direction that is as long, all in one batch. Out: the largest length at which the answers are
whole, for the emotions and for the random direction. A length is whole if it and all smaller ones keep the answers' mean log probability
under the unsteered model within `MOST_LOST` nats a token of the unsteered answers', and repeat at most `MOST_REPEATED` more of
their token triples. Source: both limits are ours. What it can't tell: another prompt may have other limits, and whole is not sensible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.lm.answers import mean_log_probabilities
from emotion_vectors.lm.decode import Row, Touched, decode
from emotion_vectors.lm.finite import require_addable
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.steering import Addition
from emotion_vectors.vectors.writing import check, prompt_ids, random_like, said

LENGTHS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
MOST_LOST, MOST_REPEATED = 1.0, 0.25


class Probe(NamedTuple):
    """The answers of one length, in mean residual norms, beside the unsteered ones of the same seeds.

    `lost`: nats per token that they are less likely under the unsteered model, None where nothing was written; `repeated`: the share of
    their token triples that were there before, less that of the unsteered answers. Both are means over the samples.
    """

    length: float
    lost: float | None
    repeated: float

    @property
    def whole(self) -> bool:
        """Whether these answers are still language."""
        return self.lost is not None and self.lost <= MOST_LOST and self.repeated <= MOST_REPEATED


@dataclass(frozen=True)
class Strength:
    """What was tried along the emotions and along the random direction, by growing length."""

    steered: tuple[Probe, ...]
    random: tuple[Probe, ...]

    @property
    def found(self) -> float:
        """The largest whole length along the emotions; 0 where the smallest one breaks the text."""
        return largest(self.steered)

    @property
    def by_chance(self) -> float:
        """The same along the random direction."""
        return largest(self.random)


def largest(probes: Sequence[Probe]) -> float:
    """The largest length that is whole with all smaller ones; 0 if there is none."""
    found = 0.0
    for probe in sorted(probes):
        if not probe.whole:
            break
        found = probe.length
    return found


def repeats(tokens: Sequence[int]) -> float:
    """The share of token triples that stood in the text before: 0 where all differ, near 1 in a loop."""
    triples = list(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return 1 - len(set(triples)) / len(triples) if triples else 0.0


def find_strength(
    vectors: EmotionVectors,
    lm: LanguageModel,
    prompt: str,
    emotions: Mapping[str, float],
    *,
    layer: int | None = None,
    tokens: Touched = "all",
    system: str = "",
    lengths: Sequence[float] = LENGTHS,
    sampling: Sampling = Sampling(max_new_tokens=40),
    samples: int = 2,
    seed: int = 0,
) -> Strength:
    """Try `lengths` of the emotions' sum, in mean residual norms of `layer` (None: the analysis layer); see `Strength`.

    Only the ratios of the strengths count, with their signs. Raises `UserError` as `compare_writing` does, and for
    emotions that add up to nothing or lengths that are not positive.
    """
    found = find_strengths(
        vectors, lm, prompt, [emotions], layer=layer, tokens=tokens, system=system, lengths=lengths, sampling=sampling, samples=samples,
        seed=seed,
    )  # fmt: skip
    return next(found)


def find_strengths(
    vectors: EmotionVectors,
    lm: LanguageModel,
    prompt: str,
    sums: Sequence[Mapping[str, float]],
    *,
    layer: int | None = None,
    tokens: Touched = "all",
    system: str = "",
    lengths: Sequence[float] = LENGTHS,
    sampling: Sampling = Sampling(max_new_tokens=40),
    samples: int = 2,
    seed: int = 0,
) -> Iterator[Strength]:
    """`find_strength` of several sums, one after the other.

    The unsteered answers and those along the random direction are the same for all, so they are written once, with the first.
    """
    chosen = vectors.layer if layer is None else layer
    ways = [_way(vectors, prompt, emotions, chosen) for emotions in sums]
    vectors.check_fits(lm)
    if not lengths or min(lengths) <= 0 or samples < 1:
        raise UserError("Give at least one length above 0 and one sample; for example lengths=(0.05, 0.1, 0.2).")
    by_chance = random_like([Addition(chosen, ways[0])], seed)[0].vector
    order = sorted(set(lengths))
    norm = float(vectors.residual_norm[chosen])
    added = [[(way * (length * norm)).astype(np.float32) for length in order] for way in (*ways, by_chance)]
    for vector in (vector for one in added for vector in one):
        require_addable(vector, lm.dtype)
    ids = prompt_ids(lm, said(prompt, system), sampling.max_new_tokens)

    def answered(some: Sequence[np.ndarray | None]) -> Answered:
        rows = [
            Row(ids, seed + sample, {} if vector is None else {chosen: vector}, tokens)
            for vector in some
            for sample in range(samples)
        ]
        written = [one.tokens for one in decode(lm, rows, sampling)]
        likely = np.array([_nan(one) for one in mean_log_probabilities(lm, ids, written)])
        return Answered(likely.reshape(-1, samples), np.array([repeats(one) for one in written]).reshape(-1, samples))

    return _found(order, added, answered)


class Answered(NamedTuple):
    """Mean log probabilities (NaN: no tokens) and repeats of answers, both (directions and lengths, samples)."""

    likely: np.ndarray
    again: np.ndarray


def _found(
    order: Sequence[float],
    added: Sequence[Sequence[np.ndarray]],
    answered: Callable[[Sequence[np.ndarray | None]], Answered],
) -> Iterator[Strength]:
    """The strengths of all of `added` but the last, which is the random direction's."""
    *own, by_chance = added
    size = len(order)
    first = answered([None, *own[0], *by_chance])
    base = Answered(first.likely[0], first.again[0])
    random = _probes(order, base, Answered(first.likely[1 + size :], first.again[1 + size :]))
    yield Strength(_probes(order, base, Answered(first.likely[1 : 1 + size], first.again[1 : 1 + size])), random)
    for one in own[1:]:
        yield Strength(_probes(order, base, answered(one)), random)


def _probes(order: Sequence[float], base: Answered, found: Answered) -> tuple[Probe, ...]:
    lost, more = (base.likely - found.likely).mean(axis=1), (found.again - base.again).mean(axis=1)
    return tuple(
        Probe(length, None if np.isnan(lost[i]) else float(lost[i]), float(more[i])) for i, length in enumerate(order)
    )


def _way(vectors: EmotionVectors, prompt: str, emotions: Mapping[str, float], layer: int) -> np.ndarray:
    """The unit direction (d,) of the emotions' sum at `layer`."""
    check(vectors, prompt, emotions, [layer])
    total = np.sum([one.vector.astype(np.float64) for one in vectors.additions(emotions, [layer])], axis=0)
    size = float(np.linalg.norm(total))
    if not size > 0:
        raise UserError("These emotions add up to zero; give at least one a strength other than 0.")
    return total / size


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value
