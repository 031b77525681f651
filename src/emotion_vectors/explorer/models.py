"""The models behind the runs, each loaded once and used by one visitor at a time.

Steering hangs hooks on the model object, so while one visitor's answer is written with them nobody else may run a pass:
every pass, read or written, steered or not, holds the model's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.runs import Run
from emotion_vectors.vectors.belonging import owner_of

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel


@dataclass(frozen=True)
class Loaded:
    """A model and the lock that whoever runs it must hold."""

    lm: LanguageModel
    lock: Lock = field(default_factory=Lock)


class Models:
    """Loads models when they are first needed and keeps them, by the hash of their weights.

    `override`, and how it is quantised and adapted: load this in place of what the runs name, for runs that were made where the model
    has another path.
    """

    def __init__(
        self,
        override: str | None = None,
        device: str = "auto",
        quantize: str | None = None,
        adapter: str | None = None,
    ) -> None:
        self._override, self._device, self._quantize, self._adapter = override, device, quantize, adapter
        self._loaded: dict[str, Loaded] = {}
        self._loading = Lock()

    def of(self, run: Run) -> Loaded:
        """The model that the run's vectors belong to; another or a missing one is a `UserError`."""
        name = self._override or run.model
        if run.vectors is None or name is None:
            raise UserError("This run has no vectors yet; choose another run, or give its run command again.")
        with self._loading:
            wanted = run.model_sha256
            if wanted is not None and wanted in self._loaded:
                return self._loaded[wanted]
            # PyTorch takes seconds to import, so the page opens without it.
            from emotion_vectors.lm.model import load_model, locate

            name, quantize, adapter = owner_of(run.asked, self._override, self._quantize, self._adapter)
            try:
                located = locate(name, None, quantize, adapter)
            except UserError as error:
                raise UserError(
                    f"The model of this run isn't here: {error} Or start explore with --model PATH."
                ) from error
            if wanted is not None and located.sha256 != wanted:
                raise UserError(
                    f"The weights of '{name}' are not those that this run's vectors were made from; start explore with --model "
                    "and the right ones."
                )
            loaded = Loaded(load_model(name, self._device, quantize=quantize, adapter=adapter))
            self._loaded[located.sha256] = loaded
            return loaded
