"""Emotion vectors of open-weight language models: read them, check them, steer with them.

The public names are loaded when first used, so that `emotion-vectors --help` needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_vectors.errors import UserError
    from emotion_vectors.lm.lens import LensTokens
    from emotion_vectors.lm.messages import Conversation, MessageSpan, converse
    from emotion_vectors.lm.model import LanguageModel, load_model
    from emotion_vectors.pipeline import run_experiment
    from emotion_vectors.settings import Runtime, Settings, change, preset
    from emotion_vectors.stimuli import Pack, load_pack
    from emotion_vectors.vectors.file import EmotionVectors
    from emotion_vectors.vectors.reading import Reading
    from emotion_vectors.vectors.steering import Addition, Steering, TextSpan, steer

__version__ = "0.3.0"

_HOMES = {
    "Addition": "vectors.steering",
    "Conversation": "lm.messages",
    "EmotionVectors": "vectors.file",
    "LanguageModel": "lm.model",
    "LensTokens": "lm.lens",
    "MessageSpan": "lm.messages",
    "Pack": "stimuli",
    "Reading": "vectors.reading",
    "Runtime": "settings",
    "Settings": "settings",
    "Steering": "vectors.steering",
    "TextSpan": "vectors.steering",
    "UserError": "errors",
    "change": "settings",
    "converse": "lm.messages",
    "load_model": "lm.model",
    "load_pack": "stimuli",
    "preset": "settings",
    "run_experiment": "pipeline",
    "steer": "vectors.steering",
}

__all__ = [
    "Addition",
    "Conversation",
    "EmotionVectors",
    "LanguageModel",
    "LensTokens",
    "MessageSpan",
    "Pack",
    "Reading",
    "Runtime",
    "Settings",
    "Steering",
    "TextSpan",
    "UserError",
    "change",
    "converse",
    "load_model",
    "load_pack",
    "preset",
    "run_experiment",
    "steer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'emotion_vectors' has no attribute '{name}'")
    return getattr(import_module(f"emotion_vectors.{_HOMES[name]}"), name)
