"""Stories and neutral texts -> pooled activations -> `vectors.safetensors`. Resumable shard by shard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from emotion_vectors.errors import UserError
from emotion_vectors.lab import Equipment, Lab
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.lm.templates import opening
from emotion_vectors.scale.workers import Job
from emotion_vectors.stages.adopted import adopt
from emotion_vectors.stages.reliability import measure_reliability
from emotion_vectors.store import atomic, parts
from emotion_vectors.store.stage_table import STORIES_PER_SHARD
from emotion_vectors.vectors import activations, directions, in_sample, passes
from emotion_vectors.vectors.file import EmotionVectors

FILES = ("activations.safetensors", "story_index.parquet")
VECTORS = "story_vectors"
SIZE = STORIES_PER_SHARD


def pool_stories(lab: Lab) -> None:
    """Read every kept story once, all layers; keep sums per emotion and the analysis layer's vector of each story."""
    if lab.run.done("activations"):
        return
    path = lab.run / "stories.parquet"
    # Without the texts: these are read shard by shard, so that memory does not grow with the number of stories.
    stories = pl.read_parquet(path, columns=["emotion", "topic", "slot", "tokens", "kept"]).with_row_index("place")
    stories = stories.filter("kept").drop("kept")
    shards = [_Shard(path, stories[i : i + SIZE], i) for i in range(0, len(stories), SIZE)]
    mine = [shard for number, shard in enumerate(shards) if lab.workers.takes(number)]
    missing = [shard for shard in mine if not parts.is_sound(_part(lab, shard.start), lab.reporter.say)]
    total = sum(_tokens(shard.stories) for shard in mine) + _neutral_tokens(lab)
    ready = sum(_tokens(shard.stories) for shard in mine) - sum(_tokens(shard.stories) for shard in missing)
    with lab.reporter.stage("Reading stories", total, "tokens", ready) as stage:
        for job, tensors in lab.workers.each(read_shard, _prepared_ahead(lab, missing), stage.advance, len(missing)):
            part = _part(lab, job.payload.start)
            atomic.write_tensors(part, tensors)
            parts.seal(part)
        if not lab.workers.leads:
            lab.finished("activations")
            return
        there = [_part(lab, shard.start) for shard in shards]
        lab.workers.wait(lambda: all(part.is_file() for part in there), "the other shards to read their stories")
        sums, used = _stories(lab, shards)
        neutral = _neutral(lab, stage.advance)
        absent = [emotion for emotion, count in zip(lab.emotions, sums.counts, strict=True) if count == 0]
        if absent:
            raise UserError(
                f"No story was kept for {len(absent)} emotions ({', '.join(absent[:3])}); raise story_tries or use a better writer."
            )
        tensors = {
            "sums": sums.sums, "counts": sums.counts, "norm_sums": sums.norm_sums, "tokens": np.array([sums.tokens]),
            "neutral": neutral,
        }  # fmt: skip
        atomic.write_tensors(lab.run / FILES[0], tensors)
        index = stories[used["row"].to_list()].select("emotion", "topic", "slot").with_columns(used["shard"])
        atomic.write_parquet(lab.run / FILES[1], index)
        files = [_vector_file(shard) for shard in used["shard"].unique(maintain_order=True)]
        lab.run.finish(
            "activations", [*FILES, *files], stage.seconds, stage.units, "tokens", layer=lab.layer, layers=lab.lm.n_layers,
            too_short=len(stories) - len(used),
        )  # fmt: skip


class _Shard(NamedTuple):
    """Some of the kept stories, from number `start` on, still without their texts; `place` is a story's row in the file."""

    path: Path
    stories: pl.DataFrame
    start: int

    def texts(self) -> list[str]:
        """The texts of these stories, read from the file now."""
        first, last = self.stories["place"][0], self.stories["place"][-1]
        rows = pl.scan_parquet(self.path).select("text", "kept").slice(first, last - first + 1).collect()
        return rows.filter("kept")["text"].to_list()


def _stories(lab: Lab, shards: Sequence[_Shard]) -> tuple[activations.GroupSums, pl.DataFrame]:
    """Sums over all stories, and which of them were read, with the shard that holds each one's vector.

    The vectors of single stories stay in their shards, so memory does not grow with the number of stories.
    """
    total, used = None, []
    for shard in shards:
        tensors = load_file(_part(lab, shard.start))
        if total is None:
            total = activations.no_sums(len(lab.emotions), *tensors["sums"].shape[1:])
        total = total.add(activations.GroupSums(
            tensors["groups"], tensors["sums"], tensors["counts"], tensors["norm_sums"], int(tensors["tokens"][0])
        ))  # fmt: skip
        if len(tensors["used"]):
            atomic.write_tensors(lab.run / _vector_file(shard.start), {"vectors": tensors["vectors"]})
        used.append(pl.DataFrame({"row": tensors["used"], "shard": np.full(len(tensors["used"]), shard.start)}))
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


class Prepared(NamedTuple):
    """A shard's stories that are long enough: tokens and range, index of the emotion, number among the kept stories."""

    start: int
    texts: list[passes.Text]
    groups: list[int]
    used: list[int]


def _prepared_ahead(lab: Lab, shards: Sequence[_Shard]) -> Iterator[Job]:
    """Shards with their tokens; the next one is tokenised in a thread while this one is read."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(_prepare, lab, shards[0]) if shards else None
        for number, shard in enumerate(shards):
            assert coming is not None
            prepared = coming.result()
            coming = thread.submit(_prepare, lab, shards[number + 1]) if number + 1 < len(shards) else None
            yield Job(prepared, _tokens(shard.stories))


def _prepare(lab: Lab, shard: _Shard) -> Prepared:
    index = {emotion: row for row, emotion in enumerate(lab.emotions)}
    found = Prepared(shard.start, [], [], [])
    for row, (emotion, text) in enumerate(zip(shard.stories["emotion"], shard.texts(), strict=True)):
        prompt = story_prompt(lab.lm, text, lab.settings.story_format == "chat")
        first, last = prompt.spans["story"]
        if last - first < max(lab.settings.min_tokens, lab.settings.first_token + 1):
            continue
        found.texts.append((prompt.ids, (first + lab.settings.first_token, last)))
        found.groups.append(index[emotion])
        found.used.append(shard.start + row)
    return found


def read_shard(kit: Equipment, prepared: Prepared, advance: Callable[[float], None]) -> Iterator[dict[str, np.ndarray]]:
    """Sums per emotion of one shard, and the analysis layer's vector of each story: a pure function of its stories."""
    sums, vectors = activations.pool_groups(kit.lm, prepared.texts, prepared.groups, kit.layer, kit.room, advance)
    yield {
        "sums": sums.sums, "counts": sums.counts, "groups": sums.groups, "norm_sums": sums.norm_sums,
        "tokens": np.array([sums.tokens]), "vectors": vectors, "used": np.array(prepared.used, dtype=np.int64),
    }  # fmt: skip


def _neutral(lab: Lab, advance: Callable[[float], None]) -> np.ndarray:
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
        return activations.token_rows(lab.lm, texts, tokens_per_batch=lab.room, advance=advance)
    return activations.pool(lab.lm, texts, lab.room, advance).means


def _tokens(stories: pl.DataFrame) -> float:
    return float(stories["tokens"].sum())


def _neutral_tokens(lab: Lab) -> float:
    return _tokens(pl.read_parquet(lab.run / "neutral.parquet").filter("kept"))


def make_vectors(lab: Lab) -> EmotionVectors:
    """One direction per emotion and layer from the pooled activations, raw and with the neutral components removed."""
    path = lab.run / "vectors.safetensors"
    if lab.finished("vectors"):
        return EmotionVectors.load(path, calibrated=False)  # the calibration may be damaged, and is checked later
    facts = lab.run.done("activations")
    if facts is None:
        raise RuntimeError("vectors need the activations stage")
    tensors, layer = load_file(lab.run / FILES[0]), int(facts["facts"]["layer"])
    means = tensors["sums"] / tensors["counts"][:, None, None]
    raw = directions.contrast(means).swapaxes(0, 1)
    neutral = tensors["neutral"].swapaxes(0, 1)
    components = [directions.neutral_components(rows, lab.settings.neutral_variance) for rows in neutral]
    projected = np.stack([directions.project_out(v, part.basis) for v, part in zip(raw, components, strict=True)])
    here = components[layer + 1]
    header = {
        **lab.asked, "model_sha256": lab.located.sha256, "revision": lab.located.revision,
        "dtype": lab.settings.dtype, "pack": lab.pack.name, "pack_sha256": lab.pack.sha256,
        "fingerprint": lab.fingerprint, "stories": tensors["counts"].tolist(),
        "neutral_components": [len(part.basis) for part in components[1:]], "neutral_explained": here.explained,
        "writer": lab.settings.writer, "story_format": lab.settings.story_format,
        **({"opening": begun} if (begun := opening(lab.lm)) else {}),
    }  # fmt: skip
    norms = tensors["norm_sums"] / tensors["tokens"][0]
    vectors = EmotionVectors(
        lab.emotions,
        raw[1:],
        projected[1:],
        raw[0],
        norms[1:],
        layer,
        lab.settings.vectors,
        header,
        centre=neutral[1:].mean(axis=1),
    )
    if lab.theirs is None:
        found = measure_reliability(lab, story_vector_shards(lab), int(tensors["counts"].sum()))
        header["reliability"] = None if found is None else found.header(lab.emotions)
        vectors = replace(vectors, text_hashes=in_sample.of_run(lab.run.path))
    else:
        vectors = adopt(lab, vectors, lab.theirs)
    vectors.save(path)
    lab.run.finish("vectors", [path.name], 0.0, len(lab.emotions), "vectors")
    return EmotionVectors.load(path, calibrated=False)
