"""Published reference values of the paper, of Hong (2026) and of its corrected version: facts, no text.

Scalars are constants below, each with its source. Curves and points are in `data/published.json`; they were read from
the paper's figures (error about 0.003 in cosine) or taken from its Table 9.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PAPER_TITLE = "Emotion Concepts and their Function in a Large Language Model"
PAPER_AUTHORS = "Sofroniew and Kauvar and Saunders and Chen and others"
PAPER = f"Sofroniew, Kauvar, Saunders, Chen et al., {PAPER_TITLE}"
PAPER_ADDRESS = "https://transformer-circuits.pub/2026/emotions/index.html"
PAPER_ARXIV = "arXiv:2604.07729"
PAPER_MODEL = "Claude Sonnet 4.5"
SEED = "Junyuan Hong, Reproduction Report (Part 1): Identifying and Validating Emotion Vectors, April 2026"
SEED_MODEL = "Llama 3.1 8B Instruct"


@dataclass(frozen=True)
class Reported:
    """One published value: `value` of `of` (None where it is not a count), with a note where the number needs one."""

    value: float
    of: int | None = None
    note: str = ""
    counts: str = ""  # what it counts, where that is another thing than our value


class Reference(NamedTuple):
    """What the three sources report for one criterion; None where a source reports nothing."""

    paper: Reported | None
    seed: Reported
    corrected: Reported


# Sources: Hong's Table 3; its corrected version; the paper's figures and Table 9 as recomputed from the data.
CRITERIA: dict[str, Reference] = {
    "V1": Reference(None, Reported(57, 171), Reported(34, 171)),
    "V2": Reference(None, Reported(5, 5), Reported(5, 5)),
    "V3": Reference(Reported(6, 12, "read from its Figure 2"), Reported(9, 12), Reported(6, 12)),
    "V4": Reference(Reported(1.83, None, "read from its Figure 2"), Reported(1.33), Reported(1.58)),
    "V5": Reference(Reported(11, 12, "named directions visible in its Figure 3"), Reported(19, 24), Reported(19, 24)),
    "V6": Reference(None, Reported(20, 24), Reported(20, 24)),
    "V7": Reference(Reported(1403, None, "means of its Table 9"), Reported(689), Reported(261)),
    "V8": Reference(None, Reported(3, 3, "3 of 3 at each end"), Reported(3, 3, "3 of 3 at each end")),
    "V9": Reference(Reported(114, 171, "read from its Figure 4"), Reported(139, 171), Reported(53, 171)),
    "V10": Reference(Reported(0.85), Reported(-0.962, None, "hook on both activities"), Reported(0.956)),
    "V11": Reference(Reported(28, 36, "read from its Figure 4", "by sign of r"), Reported(3, 35), Reported(34, 36)),
}

# Figure 2 of the paper, after each probe's mean over the scenarios is subtracted (our computation).
PAPER_SCENARIOS_CENTRED = Reported(10, 12)
PAPER_CORRELATION = {"blissful": 0.71, "hostile": -0.74}
# Table 9 without the 16 Misaligned and Unsafe activities (our computation).
PAPER_CORRELATION_WITHOUT_EXTREMES = {"blissful": 0.49, "hostile": -0.51}
PAPER_STEERING = {"blissful": 212.0, "hostile": -303.0}
SEED_CORRELATION = {"content": 0.70, "hostile": -0.71}
SEED_STEERING = {"content": -4.6, "hostile": 0.7}
CORRECTED_STEERING = {"positive": 0.2, "negative": -0.5}
# Hong, corrected version: r on the even and on the odd half with the hook on both activities.
SEED_HALVES = (-0.961, 0.955)
PAPER_RANGE_OF_R = (-0.74, 0.71)
# r of six probes over eight prompts at the user's full stop, the Assistant's colon and over the next 20 tokens.
PAPER_POSITIONS = {("user", "response"): 0.11, ("response", "answer"): 0.87, ("user", "answer"): 0.59}
# Reproductions with Llama 3.3 70B (traitinterp, twice, and emotion-concepts-reproduction).
OTHERS_POSITIONS = {("user", "response"): (0.63, 0.72, 0.77), ("response", "answer"): (0.76,)}

# Mean Elo of each category: the paper's Table 9 (mean 1500) and Hong's Table 2 (mean 1000).
PAPER_CATEGORIES = {
    "Helpful": 2002,
    "Engaging": 1980,
    "Self-curiosity": 1920,
    "Social": 1795,
    "Neutral": 1583,
    "Aversive": 1177,
    "Misaligned": 944,
    "Unsafe": 599,
}
SEED_CATEGORIES = {
    "Self-curiosity": 1310,
    "Helpful": 1292,
    "Social": 1211,
    "Engaging": 1151,
    "Neutral": 983,
    "Unsafe": 726,
    "Aversive": 707,
    "Misaligned": 621,
}
# Figures 7, 8 and 57: the axis labels say 27 and 14 %, the caption 26 and 15 %; in sample, over the 45 words of Russell and Mehrabian 1977.
PAPER_GEOMETRY: dict[str, Any] = {
    "share of the first": "26 to 27 %",
    "share of the second": "14 to 15 %",
    "pleasure": 0.81,
    "arousal": 0.66,
}
# RSA over 14 layers: its measure is the cosine of the cosine matrices, from the colour bar.
PAPER_LAYERS_ALIKE = "0.8 to 1.0"


@dataclass(frozen=True)
class Curves:
    """One numeric template of the paper: `cosine[emotion][i]` belongs to `values[i]`."""

    name: str
    x_label: str
    values: tuple[float, ...]
    cosine: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Activity:
    """One row of the paper's Table 9 without its text: Elo (mean 1500) and two mean probe cosines."""

    category: str
    elo: float
    blissful: float
    hostile: float


@dataclass(frozen=True)
class Published:
    """The paper's curves and points.

    Shapes: `scenario_cosines` [probe][scenario] in the order of `scenario_emotions`; `sorted_r` (171,) ascending;
    `steering_points` pairs (r, change of the steered half in Elo points).
    """

    scenario_emotions: tuple[str, ...]
    scenario_cosines: tuple[tuple[float, ...], ...]
    numeric: tuple[Curves, ...]
    sorted_r: tuple[float, ...]
    steering_points: tuple[tuple[float, float], ...]
    steering_labels: dict[str, tuple[float, float]]
    activities: tuple[Activity, ...]


@cache
def published() -> Published:
    """The paper's curves and points, from `data/published.json`."""
    data: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "published.json").read_text(encoding="utf-8"))
    return Published(
        scenario_emotions=tuple(data["scenarios"]["emotions"]),
        scenario_cosines=tuple(tuple(row) for row in data["scenarios"]["cosine"]),
        numeric=tuple(_curves(template) for template in data["numeric"]["templates"]),
        sorted_r=tuple(data["correlations"]["sorted"]),
        steering_points=tuple((r, change) for r, change in data["steering"]["points"]),
        steering_labels={name: (r, change) for name, (r, change) in data["steering"]["labels"].items()},
        activities=tuple(Activity(*row) for row in data["activities"]["rows"]),
    )


@cache
def clusters() -> dict[str, tuple[str, ...]]:
    """The ten clusters of the paper's Table 12: name and emotions."""
    data: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "clusters.json").read_text(encoding="utf-8"))
    return {name: tuple(emotions) for name, emotions in data["clusters"].items()}


def _curves(template: dict[str, Any]) -> Curves:
    cosine = {emotion: tuple(values) for emotion, values in template["cosine"].items()}
    return Curves(template["name"], template["x_label"], tuple(template["values"]), cosine)
