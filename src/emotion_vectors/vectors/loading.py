"""The model that vectors belong to: found, compared by the hash of its weights, and loaded in the precision of the vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from emotion_vectors.lm.model import LanguageModel


class Owner(NamedTuple):
    """A model as `load_model` takes it: its name, how it is quantised, and its adapter."""

    name: str
    quantize: Any  # checked where the model is loaded
    adapter: str | None


def owner_of(
    header: Mapping[str, Any], model: str | None = None, quantize: str | None = None, adapter: str | None = None
) -> Owner | None:
    """The model of the vectors with this `header`; what is given goes before what the header says. None where neither names one.

    A `model` that is given is taken as it is, without the adapter and the quantisation of the vectors' own.
    """
    name = model or header.get("model")
    if not isinstance(name, str) or not name:
        return None
    if model is not None:
        return Owner(name, quantize, adapter)
    return Owner(name, quantize or header.get("quantize"), adapter or header.get("adapter"))


def load_model_of(
    header: Mapping[str, Any],
    device: str = "auto",
    override: str | None = None,
    quantize: str | None = None,
    adapter: str | None = None,
    *,
    others: bool = False,
    remedy: str = "give the right ones",
    say: Callable[[str], None] = lambda sentence: None,
) -> LanguageModel:
    """Load the model that the vectors with this `header` were made from.

    `override`, `quantize`, `adapter`: load this in its place. `others`: what is loaded in its place may have other weights, which `say`
    is told; otherwise other weights are a `UserError` that ends with `remedy`, before anything is loaded. Vectors that name no hash take
    the weights that are there. The dtype is the vectors'.
    """
    from emotion_vectors.lm.model import DTYPES, load_model, locate

    wanted, dtype = header.get("model_sha256"), header.get("dtype")
    owner = owner_of(header, override, quantize, adapter)
    if owner is None:
        raise UserError(f"These vectors don't name their model; {remedy}.")
    try:
        found = locate(owner.name, None, owner.quantize, owner.adapter).sha256
    except UserError as error:
        raise UserError(f"The model of these vectors isn't here: {str(error).removesuffix('.')}; {remedy}.") from error
    if wanted and found != wanted:
        if not others or override is quantize is adapter is None:
            raise UserError(f"The weights of '{owner.name}' are not those that the vectors were made from; {remedy}.")
        say("The model's weights are not those that the vectors were made from.")
    precision = str(dtype) if dtype in DTYPES else "auto"
    return load_model(owner.name, device, precision, quantize=owner.quantize, adapter=owner.adapter)


def check_fits(model: LanguageModel | PreTrainedModel, own: tuple[int, int], header: Mapping[str, Any]) -> None:
    """Refuse a model with another number of layers or width than the vectors' `own`."""
    from emotion_vectors.lm.model import LanguageModel

    config = (model.model if isinstance(model, LanguageModel) else model).config.get_text_config()
    theirs = (config.num_hidden_layers, config.hidden_size)
    if own != theirs:
        raise UserError(
            f"The vectors come from a model with {own[0]} layers of width {own[1]}, this one has {theirs[0]} of width {theirs[1]}; "
            f"load {header.get('model', 'the model that they were made with')}."
        )
