"""Whether the vectors agree with themselves: directions from halves of their texts, measured where the vectors are made."""

from __future__ import annotations

from emotion_vectors.doctor.check import Check, Finding, make_check
from emotion_vectors.vectors.reliability import WANTED, Reliability, caution


def check_reliability(found: Reliability | None) -> Check:
    """Median r of the halves and the least that is wanted; what was not measured is not passed either."""
    said = caution(found)
    if found is None:
        finding = Finding("not measured", WANTED, False, said)
    else:
        good = (
            f"Directions from one half {found.halves} match those from the other half with r = {found.median:.2f}, more than "
            f"shuffled labels give (p = {found.p:.2g})."
        )
        finding = Finding(found.median, WANTED, found.reliable, said or good)
    return make_check("reliability", "The vectors agree with themselves over halves of their texts", "warn", finding)
