"""Emotion vectors of open-weight language models: read them, check them, steer with them.

The public names are loaded when first used, so that `emotion-vectors --help` needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_vectors.errors import UserError
    from emotion_vectors.lm.model import LanguageModel, load_model
    from emotion_vectors.pipeline import run_experiment
    from emotion_vectors.settings import Runtime, Settings, change, preset
    from emotion_vectors.stimuli import Pack, load_pack
    from emotion_vectors.vectors.file import EmotionVectors

__version__ = "0.2.0"

_HOMES = {
    "EmotionVectors": "vectors.file", "LanguageModel": "lm.model", "Pack": "stimuli", "Runtime": "settings", "Settings": "settings",
    "UserError": "errors", "change": "settings", "load_model": "lm.model", "load_pack": "stimuli", "preset": "settings",
    "run_experiment": "pipeline",
}  # fmt: skip

__all__ = [
    "EmotionVectors",
    "LanguageModel",
    "Pack",
    "Runtime",
    "Settings",
    "UserError",
    "change",
    "load_model",
    "load_pack",
    "preset",
    "run_experiment",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'emotion_vectors' has no attribute '{name}'")
    return getattr(import_module(f"emotion_vectors.{_HOMES[name]}"), name)
