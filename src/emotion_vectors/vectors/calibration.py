"""The emotion scores of the run's neutral texts: what a score of another text is compared with.

A cosine of 0.05 says nothing alone: cosines differ from emotion to emotion, from layer to layer, and with the number of tokens that
a mean or a maximum is taken over. So each score is ranked among the same score of texts that are about no emotion. Out:
`calibration.safetensors` beside the vectors, scores (f, k, r, l, n, m) of f forms (plain text, chat message), k kinds (raw,
centred cosine), r references, l layers, n emotions and m neutral texts, sorted along the last axis.

A reference is a statistic over a number of tokens: the mean or the maximum over 4, 16 or 64 tokens in a row or over the whole text, or
the response position: the last token of a text, and of a message the last token of the generation prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from emotion_vectors.errors import UserError
from emotion_vectors.store import atomic

FORMAT = "emotion-vectors-calibration/1"
FILE = "calibration.safetensors"
FORMS = ("text", "message")
KINDS = ("raw", "centred")
STATISTICS = ("response", "mean", "max")
LENGTHS = (4, 16, 64)  # tokens in a row; a short message is compared with pieces about as short
REFERENCES = ("response", *(f"{name} {size}" for name in ("mean", "max") for size in (*LENGTHS, "all")))
MOST_TEXTS = 200  # the file grows with the texts: 79 MB of an 8B model (32 layers, 171 emotions) with 200 of them
GOLDEN = 0.6180339887498949  # multiples of it modulo 1 spread evenly over [0, 1)
DEVIATION = 1.4826  # of a normal distribution: standard deviation over median absolute deviation


class Rank(NamedTuple):
    """Where scores stand among the neutral texts', both in the shape of the scores."""

    percentile: np.ndarray
    """Share of the neutral texts below, ties counting half, in percent."""
    z: np.ndarray
    """(score - median) / (1.4826 x median absolute deviation) of the neutral texts; NaN where they are all alike."""


@dataclass(frozen=True)
class Calibration:
    """Sorted scores (forms, kinds, references, layers, emotions, texts) of neutral texts, float16.

    `centre` (layers, d) is what the centred ones were centred around, apart from each text's own share in it.
    """

    scores: np.ndarray
    centre: np.ndarray

    @property
    def texts(self) -> int:
        """Number of neutral texts: with m of them no percentile between 100 - 50 / m and 100 can be told."""
        return self.scores.shape[-1]

    def rank(
        self,
        values: np.ndarray,
        statistic: str,
        tokens: np.ndarray,
        layer: int,
        emotions: Sequence[int],
        form: str = "text",
        kind: str = "centred",
    ) -> Rank:
        """Rank scores `values` (rows, emotions) that are a `statistic` over `tokens` (rows,) tokens each.

        `emotions` are the columns' numbers in the vectors. NaN stays NaN. Mean and max are compared with pieces of neutral
        texts of the nearest length (in the logarithm): 4, 16 or 64 tokens, or whole texts.
        """
        at = FORMS.index(form), KINDS.index(kind)
        columns = list(emotions)
        here = self.scores[(*at, slice(None), layer)][:, columns].astype(np.float32)
        middle, spread = (part[at] for part in self.usual(layer, columns))
        # The neutral scores are float16: a score that is theirs must tie with them.
        rounded = values.astype(np.float16).astype(np.float32)
        percentile, z = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        numbers = np.array([reference(statistic, int(count)) for count in tokens], dtype=int)
        for number in np.unique(numbers):
            rows = numbers == number
            for column, known in enumerate(here[number]):
                found = rounded[rows, column]
                below, upto = np.searchsorted(known, found, "left"), np.searchsorted(known, found, "right")
                percentile[rows, column] = np.where(np.isnan(found), np.nan, 50.0 * (below + upto) / len(known))
            z[rows] = (values[rows] - middle[number]) / spread[number]
        return Rank(percentile, z)

    def usual(self, layer: int, emotions: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Median and 1.4826 x median absolute deviation (forms, kinds, references, emotions) of the neutral texts.

        The deviation is NaN where the neutral texts are all alike.
        """
        known = self.scores[:, :, :, layer][:, :, :, list(emotions)].astype(np.float32)
        middle = np.median(known, axis=-1)
        spread = DEVIATION * np.median(np.abs(known - middle[..., None]), axis=-1)
        return middle, np.where(spread > 0, spread, np.nan)

    def header(self, fingerprint: str) -> dict[str, str | list[str]]:
        """What a file says about the tensor `calibration`; `fingerprint` is that of the vectors' run."""
        return {
            "format": FORMAT, "fingerprint": fingerprint, "forms": list(FORMS), "kinds": list(KINDS),
            "references": list(REFERENCES),
        }  # fmt: skip

    def save(self, path: Path, fingerprint: str) -> None:
        """Write the file that `load_calibration` finds beside the vectors of the run with this fingerprint."""
        tensors = {"calibration": self.scores, "centre": self.centre.astype(np.float32)}
        atomic.write_tensors(path, tensors, {"calibration": json.dumps(self.header(fingerprint))})


def reference(statistic: str, tokens: int) -> int:
    """The number in `REFERENCES` of what a statistic over this many tokens is compared with."""
    if statistic == "response":
        return 0
    # About halfway in the logarithm between 4, 16, 64 tokens and whole texts, which have 100 to 250.
    size = next((size for size, most in zip(LENGTHS, (8, 32, 96), strict=True) if tokens <= most), "all")
    return REFERENCES.index(f"{statistic} {size}")


def load_calibration(path: Path, shape: tuple[int, ...], fingerprint: str) -> Calibration | None:
    """Read the tensors `calibration` and `centre` of a file; None where there is no such file or tensor.

    `shape` (layers, emotions, d) and `fingerprint` are the vectors'. Raises `UserError` for a damaged file and for one
    that belongs to other vectors.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as file:
            if "calibration" not in file.keys():  # noqa: SIM118
                return None
            header = json.loads(file.metadata()["calibration"])
            scores, centre = file.get_tensor("calibration"), file.get_tensor("centre")
        if header["format"] != FORMAT:
            raise ValueError("another format")
        if header["fingerprint"] != fingerprint:
            raise ValueError("it was made with other vectors")
        if scores.shape[:-1] != (len(FORMS), len(KINDS), len(REFERENCES), *shape[:2]) or centre.shape != (
            shape[0],
            shape[2],
        ):
            raise ValueError("another shape")
        if not (np.isfinite(scores).all() and np.isfinite(centre).all()):
            raise ValueError("it has NaN or infinity")
    except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(
            f"{path} does not belong to its vectors ({error}); delete it and repeat the run to make it anew."
        ) from error
    return Calibration(scores, centre)


def pieces(tokens: tuple[int, int], number: int) -> list[tuple[int, int]]:
    """The token ranges of one statistic's references: pieces of 4, 16 and 64 tokens, and the whole range.

    Where a piece begins depends on the text's `number`, so that pieces of many texts are spread over beginnings and ends.
    """
    first, last = tokens
    ranges = []
    for size in LENGTHS:
        room = max(last - first - size, 0)
        start = first + int(number * GOLDEN % 1 * (room + 1))
        ranges.append((start, min(start + size, last)))
    return [*ranges, (first, last)]


def own_tokens(first: int, last: int) -> tuple[int, int]:
    """The tokens of [first, last) that count: all but the very first of the sequence.

    Models without a beginning-of-text token use the first token as one: its residual is many times as long as any other
    and says nothing about the text. A text of one token keeps it.
    """
    return (max(first, 1), last) if last > 1 else (first, last)
