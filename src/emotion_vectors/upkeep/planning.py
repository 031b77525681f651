"""What a run would take, before it is started: items, tokens, disk, memory, and hours at rates that `bench` measured.

Items are exact. Tokens are estimates: how many texts are dropped and how long they get depends on the writer; the shares
below are those of the embedded model's demo run of November 2026. No weights are loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from transformers import LlamaForCausalLM, PreTrainedModel

from emotion_vectors.bench import shape as random_shape
from emotion_vectors.corpus.dialogues import WRITE
from emotion_vectors.corpus.speaking import TOGETHER, cells_of
from emotion_vectors.corpus.survey import look_into
from emotion_vectors.errors import UserError
from emotion_vectors.lm import built
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.devices import choose_devices, choose_dtype, is_offloaded
from emotion_vectors.lm.model import default_layer, locate
from emotion_vectors.lm.pretrained import empty_model
from emotion_vectors.lm.quantized import BYTES
from emotion_vectors.settings import Settings
from emotion_vectors.stages.steering import ROLES, plan_from
from emotion_vectors.stats.steering import ring_pairs
from emotion_vectors.stimuli.pack import Pack
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.store.stage_table import STORIES_PER_SHARD
from emotion_vectors.vectors.calibration import FORMS, KINDS, MOST_TEXTS, REFERENCES

WRITTEN = 1.25  # tokens written for each kept text, dropped ones included, in units of `story_tokens`
READ = 0.85  # tokens read of each kept text, likewise
PER_WORD = 1.26  # tokens for each word of an imported text: of the corpus `ours` with the embedded model's tokenizer
BYTES_PER_TEXT = 1500  # of a kept story in the tables and parts, with the dropped ones' share
JOBS = {
    "writing": "written_tokens",
    "extraction": "read_tokens",
    "preferences": "preference_prompts",
    "steering": "steered_prompts",
}


class Shape(NamedTuple):
    """What of a model decides the cost."""

    layers: int
    width: int
    parameters: int
    in_blocks: int  # of them, in the decoder blocks


def plan_run(settings: Settings, pack: Pack, device: str = "auto", rates: Path | None = None, cache: Path | None = None) -> JsonObject:  # fmt: skip
    """Items, tokens, bytes of disk and of memory (on the first of the devices that compute), and with `rates` (a file of `bench --out`) the seconds of each job.

    Raises `UserError` for a model that can't be found and for a file without rates.
    """
    shape = shape_of(settings.model, cache)
    items = count_items(settings, pack, shape)
    devices = choose_devices(device)
    # A CPU after GPUs computes nothing: it keeps what doesn't fit on them.
    computing = devices[:-1] if is_offloaded(devices) else devices
    itemsize = built.precision_of(settings.model, settings.dtype, choose_dtype(settings.dtype, devices[0])).itemsize
    in_block = BYTES.get(settings.quantize or "", itemsize)
    found: JsonObject = {
        "model": settings.model, "layers": shape.layers, "width": shape.width, "parameters": shape.parameters, "items": items,
        "disk_bytes": disk_bytes(items, shape),
        "devices": len(computing), "offloaded": len(devices) > len(computing),
        # The sums of all emotions and layers, once in the shard's and once in double precision.
        "memory_bytes": (shape.parameters - shape.in_blocks) * itemsize + round(shape.in_blocks // len(computing) * in_block)
        + 12 * items["emotions"] * (shape.layers + 1) * shape.width,
    }  # fmt: skip
    return found | ({"seconds": None} if rates is None else seconds_of(items, rates))


def _configured(name: str) -> Path | None:
    """The folder of a model's configuration, given as a folder or as its config.json; its weights may be elsewhere."""
    path = Path(name).expanduser()
    folder = path.parent if path.name == "config.json" else path
    return folder if (folder / "config.json").is_file() else None


def shape_of(name: str, cache: Path | None = None) -> Shape:
    """Layers, width and parameters from the model's configuration; its weights are not read."""
    model: PreTrainedModel
    if name in built.NAMES:
        model = built.build(name).model
    elif name == random_shape.NAME:
        with torch.device("meta"):
            model = LlamaForCausalLM(random_shape.config())
    elif folder := _configured(name):
        model = empty_model(str(folder), name)
    else:
        located = locate(name, cache)
        model = empty_model(located.folder, name, located.revision)
    text = model.config.get_text_config()
    in_blocks = sum(weight.numel() for weight in find_parts(model).blocks.parameters())
    return Shape(int(text.num_hidden_layers), int(text.hidden_size), int(model.num_parameters()), in_blocks)


def count_items(settings: Settings, pack: Pack, shape: Shape) -> dict[str, int]:
    """How many texts, prompts and tokens, and how many conditions are steered."""
    imports = look_into(settings, pack, lambda said: None)
    chosen = pack.subset[: settings.emotions] if imports.emotions is None else imports.emotions
    emotions, imported, neutral = len(chosen), imports.stories, imports.neutral
    steered = emotions if settings.steered_emotions == "all" else min(settings.steered_count, emotions)
    layer = default_layer(shape.layers) if settings.layer is None else settings.layer
    conditions = plan_from(settings, [str(i) for i in range(steered)], layer, shape.layers).conditions()
    activities = len(pack.activities)
    asked = int(ring_pairs(activities, settings.partners, settings.seed).sum())
    stories, words = emotions * settings.topics * settings.stories_per_topic, 0
    texts = stories  # that are written
    if imported is not None:
        stories, texts = sum(imported.texts[emotion] for emotion in chosen), 0
        words = sum(imported.words[emotion] for emotion in chosen)
    neutral_texts = settings.neutral_texts
    if neutral is None:
        texts += neutral_texts
    else:
        neutral_texts, words = neutral.texts.total(), words + neutral.words.total()
    spoken = 0  # texts of the length of a story, two in a dialogue
    if settings.dialogues == WRITE:
        spoken = TOGETHER * len(cells_of(pack, chosen, settings.dialogue_emotions, settings.seed))
    return {
        "emotions": emotions, "stories": stories, "neutral_texts": neutral_texts,
        "written_tokens": round(WRITTEN * settings.story_tokens * (texts + spoken)),
        "read_tokens": round(READ * settings.story_tokens * texts + PER_WORD * words), "preference_prompts": activities * (activities - 1),
        "steered_conditions": len(conditions), "steered_prompts": asked * sum(len(ROLES[one.touch]) for one in conditions),
    }  # fmt: skip


def disk_bytes(items: dict[str, int], shape: Shape) -> int:
    """About how large the run's folder gets, by its larger files."""
    emotions, stories, neutral = items["emotions"], items["stories"], items["neutral_texts"]
    residuals = (shape.layers + 1) * shape.width
    shards = -(-stories // STORIES_PER_SHARD)
    # Texts of one emotion lie together, so a shard of a large corpus holds few emotions.
    groups = shards + emotions if shards > 1 else emotions
    scores = len(FORMS) * len(KINDS) * len(REFERENCES) * shape.layers * emotions * min(neutral, MOST_TEXTS)
    return (
        8 * emotions * residuals + 4 * neutral * residuals  # activations: sums in double precision, neutral means
        + 8 * groups * residuals + 2 * 4 * stories * shape.width  # their parts, and single stories' vectors in both
        + 8 * emotions * residuals  # vectors, raw and projected
        + 2 * scores + 4 * scores  # calibration and its parts
        + 12 * 8 * items["steered_prompts"] + BYTES_PER_TEXT * (stories + neutral)
    )  # fmt: skip


def seconds_of(items: dict[str, int], rates: Path) -> JsonObject:
    """Seconds of each job and of all at the rates of a bench file, and on which model these were measured."""
    record = atomic.read_object(rates)
    try:
        found = {job: record["jobs"][job]["rate"] for job in JOBS}
        measured = record["machine"]["model"]["name"]
        seconds = {job: None if rate is None else items[JOBS[job]] / float(rate) for job, rate in found.items()}
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise UserError(f"{rates} has no rates; make it with emotion-vectors bench --out FILE.") from error
    known = [value for value in seconds.values() if value is not None]
    return {
        "seconds": {**seconds, "all": sum(known)}, "rates_of": measured,
        "not_measured": [job for job, value in seconds.items() if value is None],
    }  # fmt: skip
