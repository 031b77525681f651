"""The settings of a run: what changes the answer, and nothing else. Frozen, recorded, fingerprinted.

Batch size, device, paths and workers are runtime choices and live in `Runtime`: results don't depend on them
beyond float tolerance. Presets are functions that return `Settings`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emotion_vectors.errors import UserError, nearest
from emotion_vectors.lm.writers import WriterName
from emotion_vectors.planted import NAMES as PLANTED
from emotion_vectors.runtime import Runtime as Runtime


class Settings(BaseModel):
    """Everything that changes the answer of a run. Every field has one sentence, with unit and range."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    model: str = Field(
        default="embedded",
        min_length=1,
        description="Hugging Face id, local folder, GGUF file, `embedded`, or a control: `planted`, `planted-none`.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="Precision of the model: auto takes bfloat16 on CUDA and on CPUs with bf16 units, else float32.",
    )
    quantize: Literal["4bit", "8bit"] | None = Field(
        default=None,
        description="Quantise the model's weights when it is loaded, with bitsandbytes: `4bit` (NF4) or `8bit` (int8).",
    )
    adapter: str | None = Field(
        default=None,
        min_length=1,
        description="Adapter of the model, from fine-tuning with peft (LoRA and similar): a folder or Hugging Face id.",
    )
    stimuli: str = Field(default="ours", min_length=1, description="Stimulus pack: `ours` or the folder of another.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of every random choice of the run.")

    emotions: int = Field(
        default=171,
        ge=4,
        le=171,
        description="How many emotions: all of the pack, or a subset that covers its range; with imported stories at most those in them.",
    )
    topics: int = Field(
        default=6,
        ge=1,
        le=100,
        description="Topics per emotion, the same for all emotions; of the corpus `ours` the first ones, at most all.",
    )
    stories_per_topic: int = Field(default=1, ge=1, le=100, description="Kept stories for each emotion and topic.")
    story_tries: int = Field(
        default=20, ge=1, le=100, description="Maximum tries for a story or neutral text, each with another seed."
    )
    min_words: int = Field(
        default=60, ge=1, le=1000, description="Stories and neutral texts with fewer words than this are dropped."
    )
    story_tokens: int = Field(default=220, ge=60, le=4096, description="Maximum new tokens of a story.")
    neutral_texts: int = Field(
        default=60, ge=3, le=10_000, description="Kept neutral texts; of the corpus `ours` the first ones, at most all."
    )
    writer: WriterName = Field(
        default="auto",
        description="Writer of the stories: auto takes openvino for a GGUF model on a CPU and vllm on CUDA where installed.",
    )
    server_model: str | None = Field(
        default=None, min_length=1, description="Name of the model at the server that writes, for writer=server."
    )
    stories_from: str | None = Field(
        default=None,
        min_length=1,
        description="Stories to use instead of writing them: `ours`, a parquet or jsonl file, or a Hugging Face data set; with "
        "`none` they are written.",
    )
    neutral_from: str | None = Field(
        default=None,
        min_length=1,
        description="Neutral texts to use instead of writing them, in the same formats as stories_from.",
    )
    vectors_from: str | None = Field(
        default=None,
        min_length=1,
        description="Vectors to test instead of the run's own: a vectors file, the folder of a run, or a Hugging Face id.",
    )
    skip_unknown_emotions: bool = Field(
        default=False, description="Skip imported stories about emotions not in the pack."
    )
    emotions_from: Literal["pack", "corpus"] = Field(
        default="pack",
        description="Which imported stories to use: those about the pack's emotions, or those about all emotions of the corpus.",
    )
    text_column: str | None = Field(
        default=None,
        min_length=1,
        description="Column of the texts in an imported file, if it is not text, story, stories or content.",
    )
    temperature: float = Field(default=0.8, gt=0, le=5, description="Sampling temperature of the writer.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Nucleus sampling mass of the writer.")
    repetition_penalty: float = Field(default=1.0, ge=1, le=2, description="Repetition penalty of the writer; 1: none.")

    story_format: Literal["raw", "chat"] = Field(
        default="raw", description="Stories are read as raw text or wrapped in the chat template."
    )
    first_token: int = Field(
        default=50, ge=0, le=4096, description="Pooling starts at this token of the story itself, from 0."
    )
    min_tokens: int = Field(default=60, ge=1, le=4096, description="Stories with fewer tokens than this are dropped.")
    layer: int | None = Field(
        default=None,
        ge=0,
        description="Analysis layer (output of that block, from 0); none takes two thirds of the depth.",
    )
    neutral_variance: float = Field(default=0.5, ge=0, lt=1, description="Share of the neutral variance projected out.")
    neutral_pca: Literal["per_text", "per_token"] = Field(
        default="per_text", description="Neutral components from text means or from tokens."
    )
    vectors: Literal["projected", "raw"] = Field(default="projected", description="Vectors used by the experiments.")

    lens_k: int = Field(default=20, ge=1, le=1000, description="Top tokens that count as recognised in the logit lens.")
    lens_norm: bool = Field(default=False, description="Logit lens through the final norm; the record has both.")
    jacobian_texts: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Number of neutral texts on which the Jacobian lens is fitted, 2 or more; 0 turns the lens off.",
    )
    norms: str | None = Field(
        default=None,
        min_length=1,
        description="Human ratings in addition to those of the package: a .csv, .tsv or .jsonl file with word, valence, arousal.",
    )
    dialogues: str | None = Field(
        default=None,
        min_length=1,
        description="Dialogues of two speakers with an emotion each: a .jsonl or .parquet file with topic, turns, emotions; with `write` "
        "the model writes them; none leaves that part out.",
    )
    dialogue_emotions: int = Field(
        default=12,
        ge=4,
        le=171,
        description="How many emotions the speakers of written dialogues have: the first of the pack's subset; 16 dialogues for each.",
    )
    geometry_components: int = Field(
        default=10, ge=2, le=100, description="Principal components of the vectors that predict human ratings."
    )
    clusters: int = Field(
        default=10, ge=2, le=100, description="Clusters of the vectors (k-means); at most half the emotions."
    )

    elo_k: float = Field(default=32.0, gt=0, le=400, description="Elo update size in Elo points.")
    elo_passes: int = Field(default=10, ge=1, le=1000, description="Maximum passes over all pairs of the Elo updates.")
    steered_emotions: Literal["spread", "strongest", "all"] = Field(
        default="spread",
        description="Emotions to steer: the pack's list that covers the range, the largest |r| (as in Hong 2026), or all.",
    )
    steered_count: int = Field(default=35, ge=4, le=171, description="How many emotions to steer.")
    strength: float = Field(
        default=0.5, ge=-4, le=4, description="Steering strength in units of the mean residual norm of the layer."
    )
    random_directions: int = Field(
        default=10, ge=3, le=1000, description="Random directions of the same norm as the steering null, of each kind."
    )
    shuffled_vectors: int = Field(
        default=10, ge=3, le=1000, description="Vectors made from stories with shuffled labels, as a steering null."
    )
    control_emotions: int = Field(
        default=12, ge=4, le=171, description="How many of the steered emotions also go through the control arms."
    )
    partners: int = Field(
        default=6, ge=4, le=1000, description="Partners of each activity in the steered pairs; 63 asks every pair."
    )
    random_splits: int = Field(
        default=20, ge=1, le=1000, description="Random stratified splits, in addition to the even and the odd half."
    )
    sweep_emotions: int = Field(
        default=4, ge=0, le=171, description="How many steered emotions the strength and layer sweeps take; 0 is none."
    )
    sweep_strengths: tuple[float, ...] = Field(
        default=(-1.0, -0.5, 0.5, 1.0), max_length=50, description="Strengths of the dose-response curves."
    )
    sweep_every: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Layer sweep: every k-th layer from the analysis layer; 0 turns the sweep off.",
    )
    band_layers: int = Field(
        default=0, ge=0, le=1000, description="Layers of the band arm, up to the analysis layer; 0 leaves the arm out."
    )
    resamples: int = Field(
        default=2000,
        ge=100,
        le=1_000_000,
        description="Bootstrap resamples and permutations of each interval and null.",
    )


def demo() -> Settings:
    """All 171 emotions on the embedded model, which reads the stories of this package, in minutes on two cores."""
    # Topics of the corpus `ours`: each is 171 more stories to read and makes the vectors steadier (docs/corpus.md).
    topics = 6
    # story_tokens counts where the model writes (stories_from=none); docs/decisions.md explains it and the smaller arms of steering.
    return Settings(
        stories_from="ours", neutral_from="ours", topics=topics, story_tokens=160, partners=4, steered_count=24, random_directions=6,
        shuffled_vectors=6, control_emotions=4, sweep_emotions=2, sweep_strengths=(0.5, 1.0),
    )  # fmt: skip


def screen() -> Settings:
    """Hong's v1: 30 emotions, 10 topics, 5 stories each; for comparing models."""
    return Settings(emotions=30, topics=10, stories_per_topic=5, neutral_texts=60, steered_count=10)


def paper() -> Settings:
    """The paper's scale: 171 emotions x 100 topics x 12 stories = 205,200 stories, 200 neutral texts."""
    return Settings(
        topics=100, stories_per_topic=12, neutral_texts=200, partners=63, control_emotions=35, sweep_emotions=12,
        sweep_strengths=(-1.0, -0.75, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 0.75, 1.0), sweep_every=4, band_layers=8,
    )  # fmt: skip


def toy() -> Settings:
    """A randomly initialised tiny model, for tests: everything end to end in seconds; its numbers mean nothing."""
    return Settings(
        model="toy", dtype="float32", emotions=12, topics=2, stories_per_topic=1, story_tries=2, neutral_texts=6,
        min_words=30, story_tokens=110, writer="transformers", steered_count=6, random_directions=4, resamples=200,
        shuffled_vectors=3, control_emotions=4, partners=4, random_splits=4, sweep_emotions=2, sweep_strengths=(-0.5, 1.0), sweep_every=2, band_layers=2,
    )  # fmt: skip


def planted() -> Settings:
    """The positive control: all emotions on a small model in which the answers are known, in two to three minutes."""
    return Settings(
        model="planted", dtype="float32", writer="transformers", topics=3, story_tokens=110, min_words=40, neutral_texts=20, partners=4,
        control_emotions=6, sweep_emotions=2, sweep_strengths=(-0.5, 0.5, 1.0),
    )  # fmt: skip


PRESETS = {"demo": demo, "screen": screen, "paper": paper, "planted": planted, "toy": toy}


def preset(name: str) -> Settings:
    """The preset called `name`; an unknown name is a `UserError` with the nearest valid one."""
    if name not in PRESETS:
        raise UserError(f"There is no preset '{name}'; {nearest(name, list(PRESETS))}")
    return PRESETS[name]()


def usual_preset(model: str | None) -> str:
    """The preset for `model` where none is named."""
    return "planted" if model in PLANTED else "demo"


def change(settings: Settings, **changes: Any) -> Settings:
    """A copy with some fields changed; unknown names and bad values are a `UserError`.

    Values may be strings, as they come from `--set name=value`; they are parsed as JSON where that works.
    A planted model knows no English: changing to one also takes away stories that a preset imports.
    """
    if changes.get("model") in PLANTED:
        changes = {"stories_from": None, "neutral_from": None} | changes
    fields = type(settings).model_fields
    for name in changes:
        if name not in fields:
            raise UserError(f"There is no setting '{name}'; {nearest(name, list(fields))}")
    values = settings.model_dump() | {name: _parse(value) for name, value in changes.items()}
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UserError(
            f"The setting {name}={changes.get(name)!r} is not valid: {first['msg'].lower()}; "
            f"{name}: {fields[name].description}"
        ) from error


def _parse(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None if value.lower() == "none" else value
