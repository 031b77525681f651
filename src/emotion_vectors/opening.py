"""Open a run: what its settings mean on this machine, whose folder it is, and who does its pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from emotion_vectors.corpus import shipped
from emotion_vectors.corpus.checking import (
    check_dialogues,
    check_jacobian_texts,
    check_norms,
    check_sources,
    something_to_write,
)
from emotion_vectors.corpus.dialogues import WRITE
from emotion_vectors.corpus.sources import locate_corpus
from emotion_vectors.corpus.survey import look_into
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab, equip
from emotion_vectors.lm import built
from emotion_vectors.lm.devices import choose_devices, is_offloaded
from emotion_vectors.lm.jacobian import ADVICE
from emotion_vectors.lm.model import Located, locate
from emotion_vectors.lm.quantized import method_in, precision_for
from emotion_vectors.lm.writers.base import ModelFacts, Writer
from emotion_vectors.lm.writers.choosing import choose_writer, kind_of
from emotion_vectors.planted import NAMES as PLANTED
from emotion_vectors.progress import Reporter
from emotion_vectors.scale.on_ray import OnRay, parse_place
from emotion_vectors.scale.shards import Shards
from emotion_vectors.scale.workers import InProcess, Workers
from emotion_vectors.settings import Runtime, Settings, change
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.pack import OURS, Pack
from emotion_vectors.stimuli.parsing import canonical_hash
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import check_place, file_digest, fingerprint, open_run
from emotion_vectors.store.schema import SCHEMA, JsonObject
from emotion_vectors.vectors import hub


@contextmanager
def opened(
    settings: Settings, out: Path, runtime: Runtime, command: str = "", writer: Writer | None = None
) -> Iterator[Lab]:
    """Everything that a run needs, with its folder locked. Raises `UserError` for what can't be a run here."""
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    reporter = Reporter(runtime.quiet)
    check_planted(settings)
    pack = load_pack(settings.stimuli)
    devices = ", ".join(map(str, choose_devices(runtime.device)))
    reporter.say(f"Device {devices}; stimuli '{pack.name}'.")
    for name in pack.supplied:
        reporter.say(f"The pack '{pack.name}' has no {name}; ours is used and recorded as such.")
    unlabelled = sum(emotion not in pack.valence for emotion in pack.emotions)
    if unlabelled:
        reporter.say(
            f"The pack gives no valence for {unlabelled} of {len(pack.emotions)} emotions; V8 and V11 leave them out."
        )
    check_sources(settings, pack)
    check_norms(settings, pack)
    check_dialogues(settings, pack)
    imports = look_into(settings, pack, reporter.say)
    check_jacobian_texts(settings, imports)
    pack = imports.pack
    located = locate(settings.model, runtime.cache, settings.quantize, settings.adapter)
    check_layer(settings, located)
    check_weights(settings, runtime, located)
    settings = resolve(settings, runtime, located)
    if writer is not None:
        something_to_write(settings, "your own writer")
    identity = _identity(settings, pack, located, writer)
    index, count = runtime.shard
    shards = Shards(out, index, count, reporter.say) if count > 1 else None
    if shards and index > 1:
        check_place(out)
        shards.await_beginning()
    with (
        open_run(out, identity, runtime.shard) as run,
        shards.at_work() if shards else nullcontext(),
        _hired(settings, runtime, pack, located, writer, reporter.say) as hired,
    ):
        lab = Lab(
            settings=settings, runtime=runtime, pack=pack, located=located, reporter=reporter, own_writer=writer, run=run,
            fingerprint=fingerprint(identity), command=command, imported_emotions=imports.emotions,
        )  # fmt: skip
        lab.workers = hired or InProcess(lab, shards)
        check_before_loading(lab)
        yield lab


@contextmanager
def _hired(
    settings: Settings,
    runtime: Runtime,
    pack: Pack,
    located: Located,
    writer: Writer | None,
    say: Callable[[str], None],
) -> Iterator[Workers | None]:
    """Workers on a Ray cluster where the run asks for them."""
    if runtime.on is None:
        yield None
        return
    if runtime.shard[1] > 1 or writer is not None:
        raise UserError("--on ray goes neither with --shard nor with a writer of your own; leave one of them out.")
    devices = choose_devices(runtime.device)
    kind, waiting = devices[0].type, is_offloaded(devices)
    many = len(devices) - waiting
    gpus = many if kind == "cuda" else 0
    # Ray shows a worker its own GPUs only, counted from 0.
    numbered = [f"{kind}:{number}" for number in range(many)] + ["cpu"] * waiting
    theirs = ",".join(numbered) if len(devices) > 1 else kind
    there = replace(runtime, device=theirs, quiet=True, on=None, threads=runtime.threads or torch.get_num_threads())
    make = partial(equip, settings, there, pack, located.sha256)
    workers = OnRay(make, parse_place(runtime.on), say, gpus, gpus or int(there.threads or 1))
    try:
        yield workers
    finally:
        workers.close()


def identity_of(settings: Settings, runtime: Runtime = Runtime()) -> JsonObject:
    """The identity of the run that these settings make on this machine; a folder of another one is refused by it."""
    located = locate(settings.model, runtime.cache, settings.quantize, settings.adapter)
    return _identity(resolve(settings, runtime, located), load_pack(settings.stimuli), located, None)


def _identity(settings: Settings, pack: Pack, located: Located, writer: Writer | None) -> JsonObject:
    return {
        "schema": SCHEMA, "settings": settings_identity(settings), "model": {"sha256": located.sha256},
        "stimuli": pack.sha256 | ({"prompts.speaker_dialogue": canonical_hash(pack.prompts.speaker_dialogue)} if settings.dialogues == WRITE else {}),
        "writer": {"name": writer.name if writer else settings.writer},
    }  # fmt: skip


# Settings that choose another source of the texts, or another form of the model. They came later than the others: a run that uses none of them is the
# same run as before there were any, so only those that are set enter the identity, and older folders stay valid.
SOURCES = (
    "server_model", "stories_from", "neutral_from", "skip_unknown_emotions", "vectors_from", "emotions_from", "text_column", "quantize",
)  # fmt: skip
# Settings of experiments that came later, likewise: a run that keeps their defaults is the same run as before.
LATER = ("norms", "geometry_components", "clusters", "jacobian_texts", "dialogues", "dialogue_emotions")


def settings_identity(settings: Settings) -> JsonObject:
    """The part of a run's identity that its settings make.

    Model, adapter, pack, imported texts, vectors and norms count by their content: two paths to the same files are the same run. The adapter is
    part of the model's hash.
    """
    unset = {name for name in (*SOURCES, *LATER) if getattr(settings, name) == Settings.model_fields[name].default}
    named = settings.model_dump(mode="json", exclude={"model", "adapter", "stimuli", *unset})
    texts = {
        name: locate_corpus(named[name]).sha256
        for name in ("stories_from", "neutral_from", "dialogues")
        if name in named and named[name] != WRITE
    }
    vectors = {name: file_digest(hub.find(named[name])) for name in ("vectors_from",) if name in named}
    ratings = {name: file_digest(Path(named[name])) for name in ("norms",) if name in named}
    return named | texts | vectors | ratings


def resolve(settings: Settings, runtime: Runtime, located: Located) -> Settings:
    """Settings with every `auto` replaced by what it means on this machine, because that changes the answer."""
    device = choose_devices(runtime.device)[0]
    usual = precision_for(located.folder, settings.dtype, device)
    precision = built.precision_of(settings.model, settings.dtype, usual)
    dtype = str(precision).removeprefix("torch.")
    if settings.stories_from == settings.neutral_from == shipped.NAME and settings.dialogues != WRITE:
        # Nothing is written, so the run is the same whatever writers are installed.
        return change(settings, dtype=dtype)
    if settings.model in built.NAMES and settings.writer == "auto":
        settings = change(settings, writer="transformers")  # the other writers want files
    config = {} if located.gguf is None else atomic.read_json(Path(located.folder) / "config.json")
    changed = settings.quantize is not None or settings.adapter is not None
    model = ModelFacts(located.gguf, config, device.type, changed)
    return change(settings, dtype=dtype, writer=choose_writer(settings.writer, model))


def check_planted(settings: Settings) -> None:
    """Refuse another pack with a planted model: nothing of that pack is planted in it."""
    if settings.model in PLANTED and settings.stimuli != OURS:
        raise UserError(
            f"The model '{settings.model}' is planted in our stimuli; leave out --stimuli, or use another model."
        )


def check_before_loading(lab: Lab) -> None:
    """Refuse now what would only be found after the model is loaded, and texts are written: a server or vectors that can't be used."""
    written = lab.run.done("stories") and lab.run.done("neutral") and not lab.run.lacks("dialogues")
    if lab.own_writer is None and not written and lab.settings.writer != "auto":
        kind_of(lab.settings.writer).check(lab.writer_options)
    if not lab.run.done("vectors"):
        _ = lab.theirs


def check_layer(settings: Settings, located: Located) -> None:
    """Refuse a layer that the model does not have, where its configuration is here and says so."""
    config = Path(located.folder) / "config.json"
    if settings.layer is None or not config.is_file():
        return
    found = atomic.read_object(config)
    layers = (found.get("text_config") or found).get("num_hidden_layers")
    if isinstance(layers, int) and settings.layer >= layers:
        raise UserError(f"There is no layer {settings.layer} in {settings.model}; layers go from 0 to {layers - 1}.")


def check_weights(settings: Settings, runtime: Runtime, located: Located) -> None:
    """Refuse a Jacobian lens of weights that are known to give no float32 derivatives: quantised, or kept off the device."""
    if not settings.jacobian_texts:
        return
    quantised = settings.quantize is not None or method_in(located.folder) is not None
    why = "the weights are quantised" if quantised else ""
    why = why or ("some weights are kept off the device" if is_offloaded(choose_devices(runtime.device)) else "")
    if why:
        raise UserError(f"The Jacobian lens can't be fitted to '{settings.model}': {why}; {ADVICE}.")
