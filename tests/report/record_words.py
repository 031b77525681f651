"""The synthetic record's words written while steered: `feels` and `leaks`, consistent with themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from .words import SCENARIO_EMOTIONS

NEGATIVE = {"desperate", "angry", "guilty", "sad", "afraid", "nervous"}
SENTENCES = (("He feels", "paper"), ("I feel", "paper"), ("She feels", "ours"))


def feels(rng: np.random.Generator, effect: float = 1.2) -> dict[str, Any]:
    """Changes of 12 words under 12 vectors; the own word gains `effect` nats over the others."""
    emotions = list(SCENARIO_EMOTIONS)
    rows = []
    for sentence, source in SENTENCES:
        table = rng.normal(-1, 0.8, (12, 12)) + effect * np.eye(12)
        tokens = [1] * 10 + [2, 3]
        rows.append(
            {
                "sentence": sentence, "source": source, "tokens": tokens, "base": rng.uniform(-14, -4, 12).tolist(),
                "change": table.tolist(), "own_up": int((np.diag(table) > 0).sum()),
                "random_change": -0.4 if source == "paper" else None, **contrast(table, source == "paper"),
                "per_token": {key: value for key, value in contrast(table / tokens, False).items() if key in PER_TOKEN},
            }
        )  # fmt: skip
    return {
        "layer": 20, "strength": 0.5, "residual_norm": 9.5, "random_sets": 10, "emotions": emotions,
        "valence": ["negative" if e in NEGATIVE else "positive" for e in emotions], "sentences": rows,
    }  # fmt: skip


PER_TOKEN = ("contrast", "interval", "diagonal", "off_diagonal")


def contrast(table: np.ndarray, random: bool) -> dict[str, Any]:
    """What a record says about the diagonal of `table`."""
    n = len(table)
    own = float(np.diag(table).mean())
    rest = float((table.sum() - np.trace(table)) / (n * (n - 1)))
    half = 0.6 * float(table.std())
    p = 0.004 if own - rest > half else 0.3
    return {
        "contrast": own - rest, "interval": [own - rest - half, own - rest + half], "diagonal": own, "off_diagonal": rest,
        "own_first": 5, "of": n, "dealt": {"mean": 0.01, "p": p}, "within_valence": {"mean": 0.2, "p": 0.06},
        "random": {"mean": -0.02, "sd": 0.2, "p": p} if random else None, "beyond_chance": own - rest - half > 0 and p <= 0.05,
    }  # fmt: skip


def leaks(rng: np.random.Generator) -> dict[str, Any]:
    """Shares of special and topic words at two strengths, without a leak."""
    parts = []
    for strength in (0.5, 0.1):
        table = rng.uniform(0, 0.05, (12, 12))
        special, topics = float(np.diag(table).mean()), 0.008
        parts.append(
            {
                "strength": strength, "random_directions": 6, "answers": 57, "table": table.tolist(),
                "own": contrast(table, False) | {"words": [{"emotion": "sad", "word": "<b>rain</b>", "count": 3}]},
                "levels": {"special": level(special, 0.02), "topics": level(topics, 0.0)},
                "repeated": {"emotion": 0.2, "random": 0.18, "none": 0.1},
            }
        )  # fmt: skip
    return {
        "question": "What just happened?", "layer": 20, "emotions": list(SCENARIO_EMOTIONS), "samples": 3, "most_tokens": 30,
        "temperature": 0.8, "top_p": 0.95, "topics": 4, "special_words": [90] * 12, "topic_words": 20, "ceiling": 0.26,
        "strengths": parts,
    }  # fmt: skip


def level(steered: float, unsteered: float) -> dict[str, Any]:
    """Shares steered, unsteered and under random directions."""
    gap = steered - unsteered
    return {
        "steered": steered, "unsteered": unsteered, "random": 0.01, "difference": gap, "interval": [gap - 0.01, gap + 0.01],
        "p_random": 0.4,
    }  # fmt: skip
