"""Do vectors agree with themselves? The direction of a label from one half of its texts against that from the other half.

`Reliability` is what a vectors file keeps of it, and `caution` the one sentence that every command and page shows where the
two halves don't agree. How it is measured: `vectors.halves` and `experiments.reliability`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

# Texts twice as many have the reliability 2 r / (1 + r) (Spearman 1910, Brown 1910), which is the share of signal in the variance of a
# direction. It is a half at r = 1/3: below, most of a direction is noise.
WANTED = 1 / 3
ROUNDING = 1e-6
OF_TOPICS, OF_TEXTS = "of the topics", "of the texts"
ALPHA = 0.05  # and the median r must be beyond what labels that mean nothing give
NOT_MEASURED = (
    "The reliability of these vectors was not measured, so it is not known whether what they read is more than noise."
)


@dataclass(frozen=True)
class Reliability:
    """Agreement of directions with themselves over halves of the texts that they were made of.

    `r` has one Pearson r for each label, in the order of the vectors' names; None where a label has no text in one of
    the halves. `median` is their median, `p` how often labels that mean nothing give one as high, `null_mean` and
    `null_high` are mean and 95th percentile of r for them. `whole` is the median corrected to all texts (Spearman-Brown).
    `groups` is the number of topics, None where the texts have none; `halves` names the halves ("of the topics").
    """

    median: float
    whole: float | None
    p: float
    null_mean: float
    null_high: float
    halves: str
    groups: int | None
    texts: int
    r: tuple[float | None, ...]

    @property
    def beyond(self) -> tuple[bool, ...]:
        """Which labels agree with themselves more than 95 % of labels that mean nothing."""
        return tuple(one is not None and one > self.null_high for one in self.r)

    @property
    def reliable(self) -> bool:
        """Whether most of the directions is signal, and p rules chance out."""
        return self.median >= WANTED and self.p <= ALPHA

    def header(self, names: Sequence[str]) -> Mapping[str, object]:
        """As plain values for the header of a vectors file; `names` (n,) are the labels, by which r is found again."""
        r = {name: None if one is None else round(one, 4) for name, one in zip(names, self.r, strict=True)}
        return asdict(self) | {"r": r}

    @classmethod
    def from_header(cls, found: object, names: Sequence[str]) -> Reliability | None:
        """Read the header's value back for the labels `names`; None where there is none.

        Raises `ValueError` for anything else than `header` gives. A label that it doesn't know has r None; median, null
        and p stay those of all the vectors that were measured.
        """
        if found is None:
            return None
        fault = ValueError("its reliability is not valid")
        if not isinstance(found, dict) or not isinstance(found.get("r"), dict):
            raise fault
        r: dict[str, float | None] = found["r"]
        fields: dict[str, Any] = found | {"r": tuple(r.get(name) for name in names)}
        try:
            made = cls(**fields)
        except TypeError as error:
            raise fault from error
        numbers = [made.median, made.p, made.null_mean, made.null_high]
        numbers += [one for one in (made.whole, *r.values()) if one is not None]
        counts = [made.texts] if made.groups is None else [made.texts, made.groups]
        if not all(type(one) in (int, float) and abs(one) <= 1 + ROUNDING for one in numbers):  # NaN is not
            raise fault
        if not all(type(one) is int and one >= 0 for one in counts) or made.halves not in (OF_TOPICS, OF_TEXTS):
            raise fault
        return made


def caution(found: Reliability | None) -> str:
    """The one sentence about vectors that don't agree with themselves; "" where they do."""
    if found is None:
        return NOT_MEASURED
    if found.median < WANTED:
        return (
            f"These vectors don't agree with themselves: directions from one half {found.halves} match those from the other half "
            f"with r = {found.median:.2f} ({WANTED:.2f} wanted), so what they read is mostly noise."
        )
    if found.p > ALPHA:
        return (
            f"These vectors may not agree with themselves: directions from one half {found.halves} match those from the other half "
            f"with r = {found.median:.2f}, but shuffled labels do so too (p = {found.p:.2g}), so what they read may be noise."
        )
    return ""
