"""Names and rules of the steering experiment that its run, its record and its report share."""

from __future__ import annotations

from typing import Literal

Touch = Literal["own", "both", "all"]
Half = Literal["even", "odd"]
TOUCHES: tuple[Touch, ...] = ("own", "both", "all")
HALVES: tuple[Half, ...] = ("even", "odd")
VALENCES = ("positive", "negative")

# Answers fell apart where half of the mass or half of the order of preference is gone, and V10 and V11 have a verdict only
# where at most a tenth of the vectors do that. Chosen before any steered model was looked at.
LEAST_MASS_KEPT = 0.5
LEAST_CONSISTENCY_KEPT = 0.5
MOST_BROKEN = 0.1
# Mean change in nats by float noise in bfloat16 is about 0.02; anything above this is another computation.
MOST_PATH_NOISE = 0.1
