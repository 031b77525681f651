"""Clusters and similarity structures on the page: figure, tables, sentences, and what the part must agree on."""

from __future__ import annotations

from collections import Counter

import numpy as np

from emotion_vectors.experiments.clusters.figures import layer_chart, layer_rows
from emotion_vectors.experiments.clusters.record import Clustering, Clusters, Difference, Rand, Stable
from emotion_vectors.experiments.geometry.measure import FEWEST, VECTORS, WORDS
from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close
from emotion_vectors.report.published import PAPER_LAYERS_ALIKE, PAPER_MODEL
from emotion_vectors.report.topic import Cell, Choice, Figure, Shade, Table, TableOf, Topic
from emotion_vectors.report.wording import count, fixed, interval, number, p_value, sided
from emotion_vectors.stats.clustering import adjusted_rand


def contradictions(record: Record) -> None:
    """Refuse partitions, indices and correlations that deny each other."""
    part = record.part(Clusters)
    if part is None:
        return
    n = len(part.emotions)
    require(
        len(part.published) == n, f"{len(part.published)} of {n} emotions have an entry for the published clusters."
    )
    require(part.clusterings[0].name == VECTORS, "The first clusters are not those of the emotion vectors.")
    for one in part.clusterings:
        require(len(one.labels) == n, f"The clusters of the {one.name} have {len(one.labels)} of {n} emotions.")
        require(set(one.labels) == set(range(int(part.k))), f"The {one.name} are not in {part.k} clusters.")
        if one.published is not None:
            require_close(
                one.published.value, _with_published(part, one), 1e-9, f"The adjusted Rand index of the {one.name}"
            )
    words = part.named(WORDS)
    if part.with_words is not None and words is not None:
        found = float(adjusted_rand(np.array(part.clusterings[0].labels), np.array(words.labels)))
        require_close(part.with_words.value, found, 1e-9, "The adjusted Rand index with the clusters of the words")
    if part.beyond_words is not None and words is not None:
        found = _with_published(part, part.clusterings[0]) - _with_published(part, words)
        require_close(part.beyond_words.value, found, 1e-9, "What the clusters have beyond the words")
    _check_layers(part)


def _with_published(part: Clusters, one: Clustering) -> float:
    rows = [row for row, name in enumerate(part.published) if name is not None]
    names = list(dict.fromkeys(part.published[row] for row in rows))
    theirs = np.array([names.index(part.published[row]) for row in rows])
    return float(adjusted_rand(np.array(one.labels)[rows], theirs))


def _check_layers(part: Clusters) -> None:
    layers = [row.layer for row in part.layers]
    require(
        part.layer in layers and layers == sorted(set(layers)),
        f"The layers {layers} are not in order, or lack {part.layer}.",
    )
    require(
        all(len(row) == len(layers) for row in part.table) and len(part.table) == len(layers),
        "The table of layers is not square.",
    )
    own = part.table[layers.index(part.layer)]
    for row, r in zip(part.layers, own, strict=True):
        require_close(row.analysis, r, 1e-9, f"The similarity of layer {row.layer} with layer {part.layer}")
        if row.beyond_words is not None and part.words is not None:
            require_close(
                row.beyond_words.value,
                row.analysis - part.words.r,
                1e-9,
                f"What layer {row.layer} has beyond the words",
            )


def seen(record: Record) -> str:
    """How alike the layers are, and how much of that the words reach."""
    part = record.part(Clusters)
    if part is None or len(part.layers) < 2:
        return ""
    others = [row for row in part.layers if row.layer != part.layer]
    low = min(others, key=lambda row: row.analysis)
    middle = float(np.median([row.analysis for row in others]))
    said = (
        f"The similarity structure of {number(len(part.emotions))} emotions at layer {part.layer} agrees with those of {count(len(others), 'other layer')} with a "
        f"median Spearman r of {fixed(middle)}; the lowest is {fixed(low.analysis)} at layer {low.layer} (95 % interval {interval(low.interval, 2)})."
    )
    if part.words is None:
        return said
    above = [row for row in others if row.beyond_words is not None and row.beyond_words.interval[0] > 0]
    return (
        f"{said} The words of the stories alone reach {fixed(part.words.r)} (95 % interval {interval(part.words.interval, 2)}); {number(len(above))} of {number(len(others))} "
        f"layers agree with layer {part.layer} by more than that, with the interval of the difference above 0."
    )


def chance(record: Record) -> str:
    """What shuffled emotions give."""
    part = record.part(Clusters)
    if part is None or part.words is None:
        return ""
    return (
        f"With the emotions of one structure shuffled r is {fixed(part.words.null)}; the words' r has {p_value(part.words.p)} "
        "(Mantel's test). Layers of one model share the residual "
        "stream and the stories, so a high r between them is not a finding by itself."
    )


def published_seen(record: Record) -> str:
    """The paper's comparison of layers, by another measure."""
    return (
        f"{PAPER_MODEL}: cosines between the cosine matrices of 14 layers of a central portion are high from early-middle to late layers (colour bar {PAPER_LAYERS_ALIKE}); "
        "that measure comes close to 1 more easily than a rank correlation."
    )


def agreement_table(record: Record) -> Table | None:
    """Clusters of each representation: agreement with the published ones, and stability."""
    part = record.part(Clusters)
    if part is None:
        return None
    rows = tuple(
        (
            Cell(one.name.capitalize()),
            Cell(_rand(one.published), "number"),
            *(Cell(text, "number") for text in _stable(one.stability)),
        )
        for one in part.clusterings
    )
    known = sum(name is not None for name in part.published)
    note = (
        f"k-means with {number(part.k)} clusters on unit vectors. Adjusted Rand index: 1 is the same clusters, 0 is chance level; "
        "the interval resamples emotions, p shuffles the labels. "
        f"The published ten clusters ({PAPER_MODEL}) include {number(known)} of these {count(len(part.emotions), 'emotion')}; "
        f"{number(FEWEST)} are needed. Stability: the index with the clusters of resampled emotions "
        "(5th to 95th percentile of the draws), next to that of clouds with the same covariance and no clusters; what is not above "
        "these is a continuum cut into pieces."
    )
    return Table(
        "Clusters",
        ("Of", "With the published clusters", "Stability", "Clouds without clusters"),
        rows,
        f"{note} {_beyond(part)}".strip(),
    )


def _beyond(part: Clusters) -> str:
    pieces = []
    if part.with_words is not None:
        pieces.append(
            f"The clusters of the vectors and of the words of the stories agree with {_rand(part.with_words)}."
        )
    if part.beyond_words is not None:
        pieces.append(f"With the published clusters the vectors agree {_judged(part.beyond_words)}.")
    return " ".join(pieces)


def _judged(found: Difference) -> str:
    judged = sided(
        found.interval, "more than the words", "less than the words", "no more than the words, as far as is shown"
    )
    return f"{judged} (difference {fixed(found.value)}, 95 % interval {interval(found.interval, 2)})"


def _rand(found: Rand | None) -> str:
    return (
        "not measured" if found is None else f"{fixed(found.value)} ({interval(found.interval, 2)}; {p_value(found.p)})"
    )


def _stable(found: Stable | None) -> tuple[str, str]:
    if found is None:
        return "not measured", "not measured"
    return (
        f"{fixed(found.median)} ({fixed(found.low)} to {fixed(found.high)}; {p_value(found.p)})",
        f"{fixed(found.cloud)}, 95 % below {fixed(found.cloud_high)}",
    )


def members_table(record: Record) -> Table | None:
    """Who is in which cluster, and in which published clusters these are."""
    part = record.part(Clusters)
    if part is None:
        return None
    rows = []
    for number_, label in enumerate(range(int(part.k)), 1):
        rows_of = [row for row, one in enumerate(part.clusterings[0].labels) if one == label]
        names = Counter(name for row in rows_of if (name := part.published[row]) is not None)
        theirs = ", ".join(f"{name} ({number(amount)})" for name, amount in names.most_common()) or "none"
        rows.append(
            (
                Cell(str(number_)),
                Cell(number(len(rows_of)), "number"),
                Cell(theirs),
                Cell(", ".join(part.emotions[row] for row in rows_of)),
            )
        )
    return Table("Clusters of the emotion vectors", ("Cluster", "Emotions", "Published in", "Who"), tuple(rows))


def layers_table(record: Record) -> Table | None:
    """Each layer beside the analysis layer and the words."""
    part = record.part(Clusters)
    if part is None or len(part.layers) < 2:
        return None
    rows = tuple(
        (
            Cell(str(row.layer)), Cell(f"{fixed(row.analysis)} ({interval(row.interval, 2)})", "number"), Cell(fixed(row.words), "number"),
            Cell(fixed(row.tokens), "number"),
            Cell("not measured" if row.beyond_words is None else f"{fixed(row.beyond_words.value)} ({interval(row.beyond_words.interval, 2)})", "number"),
            Cell(fixed(row.partial), "number"),
        )
        for row in part.layers
    )  # fmt: skip
    heads = (
        "Layer",
        f"With layer {part.layer}",
        "With the words",
        "With the tokens",
        "Beyond the words",
        "Given the words",
    )
    note = f"Spearman r between similarity structures. Beyond the words: r with layer {part.layer}, less that of the words with it; given the words: partial r."
    return Table("Similarity structures by layer", heads, rows, note)


def method(record: Record) -> list[Choice]:
    """The choices of the clusters."""
    part = record.part(Clusters)
    return (
        []
        if part is None
        else [Choice("Clusters", "k-means, 10", "none", f"k-means, {number(part.k)}, on unit vectors", None)]
    )


def groups(record: Record) -> dict[str, str]:
    """The number of each emotion's cluster, as in the table of members."""
    part = record.part(Clusters)
    return (
        {}
        if part is None
        else {name: str(label + 1) for name, label in zip(part.emotions, part.clusterings[0].labels, strict=True)}
    )


def groups_note(record: Record) -> str:
    """How well the clusters come back, and how far they and those of the words agree with the published ones."""
    part = record.part(Clusters)
    if part is None:
        return ""
    said = []
    for one in part.clusterings:
        stable, clouds = _stable(one.stability)
        said.append(
            f"{one.name.capitalize()}: with the published clusters {_rand(one.published)}, stability {stable}, clouds without clusters {clouds}."
        )
    return f"k-means, {number(part.k)} clusters. {' '.join(said)}"


TOPIC = Topic(
    "clusters", "Clusters and similarity structures", parts=(Clusters,),
    figures=(Figure("H", "How alike the similarity structures of the layers are", layer_chart, layer_rows, seen, chance, published_seen, "directions"),),
    tables=(
        TableOf(agreement_table, "directions", place=20), TableOf(members_table, "directions", folded=True, place=21),
        TableOf(layers_table, "directions", folded=True, place=22),
    ),
    contradictions=contradictions, method=method, shades=(Shade("Cluster", groups, groups_note),),
)  # fmt: skip
