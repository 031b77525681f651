"""Stories and neutral texts -> pooled activations -> `vectors.safetensors`. Resumable shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from emotion_vectors.errors import UserError
from emotion_vectors.lab import Lab
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.store import atomic
from emotion_vectors.vectors import activations, directions
from emotion_vectors.vectors.file import EmotionVectors

FILES = ("activations.safetensors", "story_index.parquet")
VECTORS = "story_vectors"


def pool_stories(lab: Lab) -> None:
    """Read every kept story once, all layers; keep sums per emotion and the analysis layer's vector of each story."""
    if lab.run.done("activations"):
        return
    stories = pl.read_parquet(lab.run / "stories.parquet").filter("kept")
    starts = range(0, len(stories), activations.STORIES_PER_SHARD)
    ready = [stories[i : i + activations.STORIES_PER_SHARD] for i in starts if _part(lab, i).exists()]
    total = _tokens(stories) + _neutral_tokens(lab)
    with lab.reporter.stage("Reading stories", total, "tokens", sum(map(_tokens, ready))) as stage:
        sums, used = _stories(lab, stories, stage.advance)
        neutral = _neutral(lab, stage.advance)
        missing = [emotion for emotion, count in zip(lab.emotions, sums.counts, strict=True) if count == 0]
        if missing:
            raise UserError(
                f"No story was kept for {len(missing)} emotions ({', '.join(missing[:3])}); raise story_tries or use a better writer."
            )
        tensors = {
            "sums": sums.sums, "counts": sums.counts, "norm_sums": sums.norm_sums, "tokens": np.array([sums.tokens]),
            "neutral": neutral,
        }  # fmt: skip
        atomic.write_tensors(lab.run / FILES[0], tensors)
        index = stories[used["row"].to_list()].select("emotion", "topic", "slot").with_columns(used["shard"])
        atomic.write_parquet(lab.run / FILES[1], index)
        shards = [_vector_file(shard) for shard in used["shard"].unique(maintain_order=True)]
        lab.run.finish(
            "activations", [*FILES, *shards], stage.seconds, stage.units, "tokens", layer=lab.layer, layers=lab.lm.n_layers,
            too_short=len(stories) - len(used),
        )  # fmt: skip


def _stories(lab: Lab, stories: pl.DataFrame, advance: Any) -> tuple[activations.GroupSums, pl.DataFrame]:
    """Sums over all stories, and which rows of `stories` were read, with the shard that holds each one's vector.

    The vectors of single stories stay in their shards, so memory does not grow with the number of stories.
    """
    total, used = None, []
    for start in range(0, len(stories), activations.STORIES_PER_SHARD):
        shard = stories[start : start + activations.STORIES_PER_SHARD]
        part = _part(lab, start)
        if not part.exists():
            atomic.write_tensors(part, _shard(lab, shard, start, advance))
        tensors = load_file(part)
        sums = np.zeros((len(lab.emotions), *tensors["sums"].shape[1:]))
        counts = np.zeros(len(lab.emotions), dtype=np.int64)
        sums[tensors["groups"]], counts[tensors["groups"]] = tensors["sums"], tensors["counts"]
        piece = activations.GroupSums(sums, counts, tensors["norm_sums"], int(tensors["tokens"][0]))
        total = piece if total is None else total.add(piece)
        if len(tensors["used"]):
            atomic.write_tensors(lab.run / _vector_file(start), {"vectors": tensors["vectors"]})
        used.append(pl.DataFrame({"row": tensors["used"], "shard": np.full(len(tensors["used"]), start)}))
    if total is None:
        raise UserError("No story was kept, so there is nothing to read; raise story_tries or use a better writer.")
    return total, pl.concat(used)


def _vector_file(shard: int) -> str:
    return f"{VECTORS}/{shard:08d}.safetensors"


def story_vector_shards(lab: Lab) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Shard by shard: the stories (emotion, topic, slot) and their activations (s, d) at the analysis layer."""
    index = pl.read_parquet(lab.run / FILES[1])
    for (shard,), rows in index.group_by(["shard"], maintain_order=True):
        yield rows, load_file(lab.run / _vector_file(int(str(shard))))["vectors"]


def _part(lab: Lab, start: int) -> Path:
    return lab.run.parts("activations") / f"{start:08d}.safetensors"


def _shard(lab: Lab, shard: pl.DataFrame, start: int, advance: Any) -> dict[str, np.ndarray]:
    """Sums per emotion of one shard, and the analysis layer's vector of each story: a pure function of its stories."""
    index = {emotion: row for row, emotion in enumerate(lab.emotions)}
    texts, groups, used = [], [], []
    for row, (emotion, text) in enumerate(zip(shard["emotion"], shard["text"], strict=True)):
        prompt = story_prompt(lab.lm, text, lab.settings.story_format == "chat")
        first, last = prompt.spans["story"]
        if last - first < max(lab.settings.min_tokens, lab.settings.first_token + 1):
            continue
        texts.append((prompt.ids, (first + lab.settings.first_token, last)))
        groups.append(index[emotion])
        used.append(start + row)
    pooled = activations.pool(lab.lm, texts, lab.runtime.tokens_per_batch, advance)
    sums = activations.group_sums(pooled, groups, len(lab.emotions))
    present = np.flatnonzero(sums.counts)
    return {
        "sums": sums.sums[present], "counts": sums.counts[present], "groups": present, "norm_sums": sums.norm_sums,
        "tokens": np.array([sums.tokens]), "vectors": pooled.means[:, lab.layer + 1], "used": np.array(used, dtype=np.int64),
    }  # fmt: skip


def _neutral(lab: Lab, advance: Any) -> np.ndarray:
    """Neutral activations (rows, n + 1, d): a mean per text, or single tokens."""
    texts = []
    for text in pl.read_parquet(lab.run / "neutral.parquet").filter("kept")["text"]:
        prompt = story_prompt(lab.lm, text, lab.settings.story_format == "chat")
        first, last = prompt.spans["story"]
        texts.append((prompt.ids, (min(first + lab.settings.first_token, last - 1), last)))
    if len(texts) < 3:
        raise UserError(
            f"Only {len(texts)} neutral texts were kept; 3 or more are needed for their principal components."
        )
    if lab.settings.neutral_pca == "per_token":
        return activations.token_rows(lab.lm, texts, tokens_per_batch=lab.runtime.tokens_per_batch, advance=advance)
    return activations.pool(lab.lm, texts, lab.runtime.tokens_per_batch, advance).means


def _tokens(stories: pl.DataFrame) -> float:
    return float(stories["tokens"].sum())


def _neutral_tokens(lab: Lab) -> float:
    return _tokens(pl.read_parquet(lab.run / "neutral.parquet").filter("kept"))


def make_vectors(lab: Lab) -> EmotionVectors:
    """One direction per emotion and layer from the pooled activations, raw and with the neutral components removed."""
    path = lab.run / "vectors.safetensors"
    if lab.run.done("vectors"):
        return EmotionVectors.load(path)
    facts = lab.run.done("activations")
    if facts is None:
        raise RuntimeError("vectors need the activations stage")
    tensors, layer = load_file(lab.run / FILES[0]), int(facts["facts"]["layer"])
    means = tensors["sums"] / tensors["counts"][:, None, None]
    raw = directions.contrast(means).swapaxes(0, 1)
    neutral = tensors["neutral"].swapaxes(0, 1)
    parts = [directions.neutral_components(rows, lab.settings.neutral_variance) for rows in neutral]
    projected = np.stack([directions.project_out(v, part.basis) for v, part in zip(raw, parts, strict=True)])
    here = parts[layer + 1]
    header = {
        "model": lab.settings.model, "model_sha256": lab.located.sha256, "revision": lab.located.revision,
        "dtype": lab.settings.dtype, "pack": lab.pack.name, "pack_sha256": lab.pack.sha256,
        "fingerprint": lab.fingerprint, "stories": tensors["counts"].tolist(),
        "neutral_components": [len(part.basis) for part in parts[1:]], "neutral_explained": here.explained,
        "writer": lab.settings.writer, "story_format": lab.settings.story_format,
    }  # fmt: skip
    norms = tensors["norm_sums"] / tensors["tokens"][0]
    vectors = EmotionVectors(
        lab.emotions, raw[1:], projected[1:], raw[0], norms[1:], layer, lab.settings.vectors, header
    )
    vectors.save(path)
    lab.run.finish("vectors", [path.name], 0.0, len(lab.emotions), "vectors")
    return EmotionVectors.load(path)
