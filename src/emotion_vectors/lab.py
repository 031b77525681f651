"""What every stage of a run needs at hand: settings, pack, folder, progress, the model once it is wanted, and who does the pieces."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import torch

from emotion_vectors.errors import UserError
from emotion_vectors.lm.memory import Room
from emotion_vectors.lm.model import LanguageModel, Located, load_model
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.lm.quantized import describe
from emotion_vectors.lm.templates import opening
from emotion_vectors.lm.writers.base import Engine, Options, Writer
from emotion_vectors.lm.writers.choosing import make_writer
from emotion_vectors.progress import Reporter
from emotion_vectors.scale.forks import processes_for
from emotion_vectors.scale.workers import InProcess, Workers
from emotion_vectors.settings import Runtime, Settings
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store import atomic
from emotion_vectors.store.cache import cache_folder
from emotion_vectors.store.run_folder import RunFolder, file_digest
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors import hub, passes
from emotion_vectors.vectors.file import EmotionVectors


@dataclass(kw_only=True)
class Equipment:
    """What a piece of work needs: the model and how it is used, without a run folder. Ray actors have one each.

    `settings` are resolved: dtype and writer are never `auto` here.
    """

    settings: Settings
    runtime: Runtime
    pack: Pack
    reporter: Reporter
    own_writer: Writer | None = None  # in place of the one that the settings name
    scratch: dict[str, Any] = field(default_factory=dict)  # what a piece of work leaves for the next one

    @cached_property
    def lm(self) -> LanguageModel:
        """The language model, loaded when a stage first asks for it: a finished run never does."""
        self.reporter.say(f"Loading {self.settings.model} ...")
        settings = self.settings
        lm = load_model(
            settings.model, self.runtime.device, settings.dtype, self.runtime.cache, settings.quantize, settings.adapter
        )
        if self.settings.story_format == "chat":
            story_prompt(lm, "A story.", chat=True)  # refuses a base model now rather than after hours of writing
        self.reporter.say(
            f"Model {lm.name}: {lm.n_layers} layers of width {lm.hidden_size}, {self.settings.dtype} on {lm.places}, "
            f"{'chat template' if lm.is_chat else 'plain Human/Assistant format'}"
            f"{f', answers begin with {begun!r}' if (begun := opening(lm)) else ''}."
        )
        return lm

    @cached_property
    def layer(self) -> int:
        """The analysis layer."""
        layer = self.lm.default_layer if self.settings.layer is None else self.settings.layer
        if layer >= self.lm.n_layers:
            raise UserError(f"There is no layer {layer} in {self.lm.name}; layers go from 0 to {self.lm.n_layers - 1}.")
        return layer

    @cached_property
    def writer(self) -> Writer:
        """The writer, started when the first text is asked for."""
        return self.own_writer or make_writer(self.lm, self.settings.writer, self.writer_options)

    @property
    def writer_options(self) -> Options:
        """What the run says to the writer that its settings name."""
        runtime = self.runtime
        return Options(
            runtime.stories_per_batch, self.reporter.say, runtime.cache, self.settings.server_model, runtime.server_url, runtime.server_concurrency
        )  # fmt: skip

    @cached_property
    def room(self) -> Room:
        """How many tokens are read at once; it shrinks once where memory runs out, for all that is read later."""
        return passes.room_for(self.lm, self.runtime.tokens_per_batch, self.reporter.say)

    def processes(self, jobs: int) -> int:
        """How many forks of this process share `jobs` pieces of the model's work; 1: none."""
        return processes_for(jobs, self.lm.device.type, torch.get_num_threads())

    @property
    def spill(self) -> Path:
        """Folder for what does not fit in memory."""
        return cache_folder(self.runtime.cache)

    def stop_writing(self) -> None:
        """Close a writer that was started here: an engine that keeps GPU memory must not keep it from later stages."""
        started = self.__dict__.pop("writer", None)
        if isinstance(started, Engine) and self.own_writer is None:
            started.close()


def equip(settings: Settings, runtime: Runtime, pack: Pack, sha256: str) -> Equipment:
    """The equipment of a worker elsewhere, its model loaded; `sha256` says which model it has to be."""
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    kit = Equipment(settings=settings, runtime=runtime, pack=pack, reporter=Reporter(quiet=True))
    if kit.lm.sha256 != sha256:
        raise UserError(f"{settings.model} is another model on one of the machines; put the same files there.")
    return kit


@dataclass(kw_only=True)
class Lab(Equipment):
    """One run's tools: the equipment and the run folder."""

    located: Located
    run: RunFolder
    fingerprint: str
    command: str = ""
    imported_emotions: tuple[str, ...] | None = None  # those that imported stories are about and this run takes
    workers: Workers = field(init=False)

    def __post_init__(self) -> None:
        self.workers = InProcess(self)

    @property
    def spill(self) -> Path:
        """Folder for what does not fit in memory."""
        return self.run / "parts"

    def finished(self, stage: str) -> JsonObject | None:
        """The record of a finished stage, None where it is this process's to do; other shards wait for the leading one."""
        if not self.workers.leads:
            self.workers.wait(lambda: self.run.done(stage) is not None, f"the stage {stage}")
        return self.run.done(stage)

    @cached_property
    def emotions(self) -> tuple[str, ...]:
        """The emotions of this run, in the pack's order; with vectors from elsewhere those that these have."""
        subset = self.pack.subset[: self.settings.emotions]
        chosen = set(subset if self.imported_emotions is None else self.imported_emotions)
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
        return self.pack.topics[: self.settings.topics]

    @property
    def asked(self) -> JsonObject:
        """What loads the run's model again, for the header of its vectors; what was not asked for is left out."""
        found = {name: getattr(self.settings, name) for name in ("model", "quantize", "adapter")}
        return {name: value for name, value in found.items() if value is not None}

    def model_facts(self) -> JsonObject:
        """What the record says about the model."""
        lm = self.lm
        return {
            "name": lm.name, "source": lm.source, "architecture": type(lm.model).__name__, "sha256": lm.sha256,
            "revision": lm.revision, "layers": lm.n_layers, "hidden_size": lm.hidden_size,
            "parameters": int(lm.model.num_parameters()), "dtype": self.settings.dtype, "device": lm.places,
            "prompt_format": "chat" if lm.is_chat else "plain", **({"opening": begun} if (begun := opening(lm)) else {}),
            **({"base_sha256": base} if (base := self.located.base_sha256) else {}),
            **({"quantization": how} if (how := describe(lm.model)) else {}),
            **({"adapter": lm.adapter.name, "adapter_sha256": lm.adapter.sha256} if lm.adapter else {}),
        }  # fmt: skip
