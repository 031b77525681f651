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

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel


@dataclass(frozen=True)
class Loaded:
    """A model and the lock that whoever runs it must hold."""

    lm: LanguageModel
    lock: Lock = field(default_factory=Lock)


class Models:
    """Loads models when they are first needed and keeps them, by the hash of their weights and their dtype.

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
        self._loaded: dict[tuple[str, str | None], Loaded] = {}
        self._loading = Lock()

    def of(self, run: Run) -> Loaded:
        """The model that the run's vectors belong to; another or a missing one is a `UserError`."""
        if run.vectors is None or (self._override or run.model) is None:
            raise UserError(
                "This run has no vectors yet; choose another run, or run the same command again to continue it."
            )
        asked = {key: run.asked.get(key) for key in ("quantize", "adapter")}
        header = run.vectors.header | asked | {"model": run.model, "model_sha256": run.model_sha256}
        with self._loading:
            known = (str(run.model_sha256), header.get("dtype"))
            if run.model_sha256 is not None and known in self._loaded:
                return self._loaded[known]
            # PyTorch takes seconds to import, so the page opens without it.
            from emotion_vectors.vectors.loading import load_model_of

            remedy = "start explore with --model and the right ones"
            loaded = Loaded(
                load_model_of(header, self._device, self._override, self._quantize, self._adapter, remedy=remedy)
            )
            run.vectors.check_fits(loaded.lm)
            self._loaded[loaded.lm.sha256, header.get("dtype")] = loaded
            return loaded
