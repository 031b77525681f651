"""The model that vectors belong to: found, compared by the hash of its weights, and loaded in the precision of the vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel


def load_model_of(
    header: Mapping[str, Any],
    device: str = "auto",
    override: str | None = None,
    *,
    others: bool = False,
    remedy: str = "give the right ones",
    say: Callable[[str], None] = lambda sentence: None,
) -> LanguageModel:
    """Load the model that the vectors with this `header` were made from.

    `override`: load this in its place. `others`: an override may have other weights, which `say` is told; without one, and where
    `others` is False, other weights are a `UserError` that ends with `remedy`, before anything is loaded. Vectors that name no hash take
    the weights that are there. The dtype is the vectors'.
    """
    from emotion_vectors.lm.model import DTYPES, load_model, locate

    name, wanted, dtype = override or header.get("model"), header.get("model_sha256"), header.get("dtype")
    if not isinstance(name, str) or not name:
        raise UserError(f"These vectors don't name their model; {remedy}.")
    try:
        found = locate(name).sha256
    except UserError as error:
        raise UserError(f"The model of these vectors isn't here: {str(error).removesuffix('.')}; {remedy}.") from error
    if wanted and found != wanted:
        if override is None or not others:
            raise UserError(f"The weights of '{name}' are not those that the vectors were made from; {remedy}.")
        say("The model has other weights than the one that the vectors are of.")
    return load_model(name, device, str(dtype) if dtype in DTYPES else "auto")
