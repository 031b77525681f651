"""What every stage of a run needs at hand: settings, pack, folder, progress, and the model once it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import LanguageModel, Located, load_model
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.lm.selfcheck import check_forward
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime, Settings
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import RunFolder, file_digest
from emotion_vectors.vectors import hub
from emotion_vectors.vectors.file import EmotionVectors


@dataclass
class Lab:
    """One run's tools. `settings` are resolved: dtype and writer are never `auto` here."""

    settings: Settings
    runtime: Runtime
    pack: Pack
    located: Located
    run: RunFolder
    reporter: Reporter
    fingerprint: str
    command: str = ""

    @cached_property
    def lm(self) -> LanguageModel:
        """The language model, loaded when a stage first asks for it: a finished run never does."""
        self.reporter.say(f"Loading {self.settings.model} ...")
        lm = load_model(self.settings.model, self.runtime.device, self.settings.dtype, self.runtime.cache)
        check_forward(lm)
        if self.settings.story_format == "chat":
            story_prompt(lm, "A story.", chat=True)  # refuses a base model now rather than after hours of writing
        self.reporter.say(
            f"Model {lm.name}: {lm.n_layers} layers of width {lm.hidden_size}, {self.settings.dtype} on {lm.device}, "
            f"{'chat template' if lm.is_chat else 'plain Human/Assistant format'}."
        )
        return lm

    @cached_property
    def emotions(self) -> tuple[str, ...]:
        """The emotions of this run, in the pack's order; with vectors from elsewhere those that these have."""
        chosen = set(self.pack.subset[: self.settings.emotions])
        if self.theirs is not None:
            chosen &= set(self.theirs.emotions)
        return tuple(emotion for emotion in self.pack.emotions if emotion in chosen)

    @cached_property
    def theirs_path(self) -> Path:
        """The vectors file that `vectors_from` names."""
        return hub.find(str(self.settings.vectors_from))

    @cached_property
    def theirs_sha256(self) -> str:
        """The content of that file, which must still be the one that the run began with."""
        found = file_digest(self.theirs_path)
        self.require_unchanged("vectors_from", found, str(self.theirs_path))
        return found

    @cached_property
    def theirs(self) -> EmotionVectors | None:
        """The vectors to test instead of the run's own, or None."""
        if self.settings.vectors_from is None or not self.theirs_sha256:
            return None
        return EmotionVectors.load(self.theirs_path)

    def require_unchanged(self, setting: str, sha256: str, name: str) -> None:
        """Raise `UserError` where the file `name` that a setting names is not the one that the run began with."""
        if sha256 != atomic.read_json(self.run / "run.json")["settings"][setting]:
            raise UserError(f"{name} was changed after this run began; run again with another --out.")

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """The topics of this run: the pack's first ones, the same for every emotion; of an imported corpus its own."""
        if self.settings.stories_from is not None:
            stories = pl.read_parquet(self.run / "stories.parquet", columns=["topic"])
            return tuple(stories["topic"].unique(maintain_order=True))
        if self.settings.topics > len(self.pack.topics):
            raise UserError(
                f"The pack has {len(self.pack.topics)} topics, but topics={self.settings.topics}; ask for fewer."
            )
        return self.pack.topics[: self.settings.topics]

    @cached_property
    def layer(self) -> int:
        """The analysis layer."""
        layer = self.lm.default_layer if self.settings.layer is None else self.settings.layer
        if layer >= self.lm.n_layers:
            raise UserError(f"There is no layer {layer} in {self.lm.name}; layers go from 0 to {self.lm.n_layers - 1}.")
        return layer

    def model_facts(self) -> dict[str, Any]:
        """What the record says about the model."""
        lm = self.lm
        return {
            "name": lm.name, "source": lm.source, "architecture": type(lm.model).__name__, "sha256": lm.sha256,
            "revision": lm.revision, "layers": lm.n_layers, "hidden_size": lm.hidden_size,
            "parameters": int(lm.model.num_parameters()), "dtype": self.settings.dtype, "device": str(lm.device),
            "prompt_format": "chat" if lm.is_chat else "plain",
        }  # fmt: skip
