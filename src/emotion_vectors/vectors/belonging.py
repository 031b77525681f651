"""Which model a vectors file belongs to, and which one is to be used in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from emotion_vectors.errors import UserError


class Owner(NamedTuple):
    """A model as `load_model` takes it: its name, how it is quantised, and its adapter."""

    name: str
    quantize: Any  # checked where the model is loaded
    adapter: str | None


def owner_of(
    header: Mapping[str, Any], model: str | None = None, quantize: str | None = None, adapter: str | None = None
) -> Owner:
    """The model of the vectors with this `header`; what is given goes before what the header says.

    A `model` that is given is taken as it is, without the adapter and the quantisation of the vectors' own. Raises `UserError` where
    neither names one.
    """
    name = model or header.get("model")
    if not isinstance(name, str) or not name:
        raise UserError("These vectors don't say which model they are of; give it with --model.")
    if model is not None:
        return Owner(name, quantize, adapter)
    return Owner(name, quantize or header.get("quantize"), adapter or header.get("adapter"))
