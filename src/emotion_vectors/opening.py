"""Open a run: what its settings mean on this machine, whose folder it is, and who does its pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from emotion_vectors.corpus.imported import locate_corpus
from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab, equip
from emotion_vectors.lm.model import Located, choose_devices, choose_dtype, locate
from emotion_vectors.lm.writers import Writer, choose_writer
from emotion_vectors.progress import Reporter
from emotion_vectors.scale.on_ray import OnRay, parse_place
from emotion_vectors.scale.shards import Shards
from emotion_vectors.scale.workers import InProcess, Workers
from emotion_vectors.settings import Runtime, Settings, change
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store import atomic
from emotion_vectors.store.run_folder import check_place, file_digest, fingerprint, open_run
from emotion_vectors.store.schema import SCHEMA
from emotion_vectors.vectors import hub


@contextmanager
def opened(
    settings: Settings, out: Path, runtime: Runtime, command: str = "", writer: Writer | None = None
) -> Iterator[Lab]:
    """Everything that a run needs, with its folder locked. Raises `UserError` for what can't be a run here."""
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    reporter = Reporter(runtime.quiet)
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
    located = locate(settings.model, runtime.cache)
    settings = resolve(settings, runtime, located)
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
            fingerprint=fingerprint(identity), command=command,
        )  # fmt: skip
        lab.workers = hired or InProcess(lab, shards)
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
    kind, many = devices[0].type, len(devices)
    gpus = many if kind == "cuda" else 0
    # Ray shows a worker its own GPUs only, counted from 0.
    theirs = ",".join(f"{kind}:{number}" if gpus else kind for number in range(many)) if many > 1 else kind
    there = replace(runtime, device=theirs, quiet=True, on=None, threads=runtime.threads or torch.get_num_threads())
    make = partial(equip, settings, there, pack, located.sha256)
    workers = OnRay(make, parse_place(runtime.on), say, gpus, gpus or int(there.threads or 1))
    try:
        yield workers
    finally:
        workers.close()


def identity_of(settings: Settings, runtime: Runtime = Runtime()) -> dict[str, Any]:
    """The identity of the run that these settings make on this machine; a folder of another one is refused by it."""
    located = locate(settings.model, runtime.cache)
    return _identity(resolve(settings, runtime, located), load_pack(settings.stimuli), located, None)


def _identity(settings: Settings, pack: Pack, located: Located, writer: Writer | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA, "settings": settings_identity(settings), "model": {"sha256": located.sha256}, "stimuli": dict(pack.sha256),
        "writer": {"name": writer.name if writer else settings.writer},
    }  # fmt: skip


# Settings that choose another source of the texts. They came later than the others: a run that uses none of them is the
# same run as before there were any, so only those that are set enter the identity, and older folders stay valid.
SOURCES = ("server_model", "stories_from", "neutral_from", "skip_unknown_emotions", "vectors_from")


def settings_identity(settings: Settings) -> dict[str, Any]:
    """The part of a run's identity that its settings make.

    Model, pack, imported texts and vectors count by their content: two paths to the same files are the same run.
    """
    unset = {name for name in SOURCES if getattr(settings, name) == Settings.model_fields[name].default}
    named = settings.model_dump(mode="json", exclude={"model", "stimuli", *unset})
    texts = {name: locate_corpus(named[name]).sha256 for name in ("stories_from", "neutral_from") if name in named}
    vectors = {name: file_digest(hub.find(named[name])) for name in ("vectors_from",) if name in named}
    return named | texts | vectors


def resolve(settings: Settings, runtime: Runtime, located: Located) -> Settings:
    """Settings with every `auto` replaced by what it means on this machine, because that changes the answer."""
    device = choose_devices(runtime.device)[0]
    dtype = str(choose_dtype(settings.dtype, device)).removeprefix("torch.")
    check_sources(settings)
    kind = "" if located.gguf is None else atomic.read_json(Path(located.folder) / "config.json")["model_type"]
    return change(settings, dtype=dtype, writer=choose_writer(settings.writer, located.gguf, kind, device.type))


def check_sources(settings: Settings) -> None:
    """Refuse settings of the texts' source that contradict each other, before anything is made."""
    if settings.writer == "server" and settings.server_model is None:
        raise UserError("writer=server needs the model's name at the server: --set server_model=NAME.")
    if settings.writer != "server" and settings.server_model is not None:
        raise UserError("server_model is set but the writer is no server; add --set writer=server, or leave it out.")
    if settings.skip_unknown_emotions and settings.stories_from is None:
        raise UserError("--skip-unknown-emotions needs stories to import: --stories FILE.")
