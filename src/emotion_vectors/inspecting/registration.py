"""Inspect's entry point: names the provider `emotion-vectors`; PyTorch is loaded when a model of it is asked for."""

from __future__ import annotations

from inspect_ai.model import ModelAPI, modelapi


@modelapi(name="emotion-vectors")
def emotion_vectors() -> type[ModelAPI]:
    """The provider of `--model emotion-vectors/MODEL`."""
    from emotion_vectors.inspecting.provider import SteeredAPI

    return SteeredAPI
