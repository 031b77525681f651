"""Stimuli: the emotions, topics, activities, scenarios, numeric templates and prompts of a run, and their checks."""

from __future__ import annotations

from emotion_vectors.stimuli.items import (
    CATEGORIES,
    NUMERIC_EMOTIONS,
    Activity,
    NumericTemplate,
    Prompts,
    Scenario,
    TwinnedTemplate,
)
from emotion_vectors.stimuli.pack import Pack, load_pack
from emotion_vectors.stimuli.parsing import canonical_hash
from emotion_vectors.stimuli.verify import ListCheck, equal_to_published, verify_pack

__all__ = [
    "CATEGORIES",
    "NUMERIC_EMOTIONS",
    "Activity",
    "ListCheck",
    "NumericTemplate",
    "Pack",
    "Prompts",
    "Scenario",
    "TwinnedTemplate",
    "canonical_hash",
    "equal_to_published",
    "load_pack",
    "verify_pack",
]
