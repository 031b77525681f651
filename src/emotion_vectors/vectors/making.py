"""Vectors of one's own concepts: labelled texts and neutral texts -> `EmotionVectors`, made as a run makes those of emotions.

A text's residual stream is averaged over its tokens; a label's direction is the mean over its texts minus the mean over
labels; the neutral texts' leading principal components are taken out. Where pooling starts is one rule for all texts of a file,
because a label whose texts are pooled from elsewhere would differ from the others by that alone: from token 50 where every text
has 100 tokens or more (the paper's rule needs text behind token 50), else from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.lm.messages import Conversation, converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.progress import Reporter
from emotion_vectors.store.run_folder import fingerprint
from emotion_vectors.vectors import activations, calibration, directions, neutral
from emotion_vectors.vectors.calibration import Calibration, own_tokens
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.halves import measure
from emotion_vectors.vectors.in_sample import text_hashes
from emotion_vectors.vectors.labelled import Labelled

FIRST_TOKEN = 50  # paper: means over the story's tokens from the 50th on
FEWEST_NEUTRAL = 3
SOURCE = "emotion-vectors vectors"


def make(
    lm: LanguageModel,
    given: Labelled,
    plain: Sequence[str],
    *,
    first_token: int | None = None,
    layer: int | None = None,
    neutral_variance: float = 0.5,
    concept: str = "concept",
    seed: int = 0,
    about: Mapping[str, Any] = {},
    reporter: Reporter | None = None,
) -> EmotionVectors:
    """The vectors of the labels of `given`, with the `plain` texts as the neutral ones.

    `first_token` None: 50 or 0, see above. `layer` None: the model's analysis layer. `about` goes into the header. Raises
    `UserError` for texts that the model can't read whole or that end before `first_token`, and for too few neutral texts.
    """
    reporter = reporter or Reporter(quiet=True)
    chosen = lm.default_layer if layer is None else layer
    check_choices(plain, lm.n_layers, chosen, first_token, neutral_variance)
    texts, unmarked = _conversations(lm, given.texts, "text"), _conversations(lm, plain, "neutral text")
    start = _start(texts, given, first_token)
    place = {name: row for row, name in enumerate(given.names)}
    groups = [place[label] for label in given.labels]
    with reporter.stage("Reading texts", sum(len(text.ids) for text in texts), "tokens") as stage:
        sums, pooled = activations.pool_groups(
            lm, [_pooled(text, start) for text in texts], groups, chosen, None, stage.advance
        )
    with reporter.stage("Reading neutral texts", sum(len(text.ids) for text in unmarked), "tokens") as stage:
        means = activations.pool(lm, [_pooled(text, start) for text in unmarked], None, stage.advance).means
    raw = directions.contrast(sums.sums / sums.counts[:, None, None]).swapaxes(0, 1)
    parts = [directions.neutral_components(rows, neutral_variance) for rows in means.swapaxes(0, 1)]
    projected = np.stack([directions.project_out(rows, part.basis) for rows, part in zip(raw, parts, strict=True)])
    here = parts[chosen + 1]
    found = measure(directions.project_out(pooled, here.basis), given.labels, given.groups, given.names, seed=seed)
    counts = Counter(given.labels)
    header = {
        **lm.facts, "model_sha256": lm.sha256, "revision": lm.revision,
        "dtype": str(lm.dtype).removeprefix("torch."), "source": SOURCE, "concept": concept,
        "texts": [counts[name] for name in given.names], "topics": len(set(given.groups)) if given.groups else None,
        "texts_sha256": fingerprint([*given[:4]]), "neutral_texts": len(plain), "neutral_sha256": fingerprint([*plain]),
        "first_token": start, "neutral_variance": neutral_variance, "neutral_components": [len(part.basis) for part in parts[1:]],
        "neutral_explained": here.explained, "reliability": None if found is None else found.header(given.names),
    } | dict(about)  # fmt: skip
    header["fingerprint"] = fingerprint({**header, "layer": chosen})
    made = EmotionVectors(
        given.names,
        raw[1:].astype(np.float32),
        projected[1:].astype(np.float32),
        raw[0].astype(np.float32),
        (sums.norm_sums / sums.tokens)[1:].astype(np.float32),
        chosen,
        header=header,
        centre=means[:, 1:].mean(axis=0),
        text_hashes=text_hashes(given.texts),
    )
    return _calibrated(lm, made, plain, means[:, 1:], reporter)


def check_choices(
    plain: Sequence[str], n_layers: int, layer: int, first_token: int | None, neutral_variance: float
) -> None:
    """Raise `UserError` for a layer that is not there, a start or a share that can't be, or too few neutral texts."""
    if not 0 <= layer < n_layers:
        raise UserError(f"There is no layer {layer}; layers go from 0 to {n_layers - 1}.")
    if first_token is not None and first_token < 0:
        raise UserError(f"Pooling can't start at token {first_token}; give 0 or more.")
    if not 0 <= neutral_variance < 1:
        raise UserError(
            f"A share of {neutral_variance} of the neutral variance can't be removed; give a share from 0 to below 1."
        )
    check_neutral(plain)


def check_neutral(plain: Sequence[str]) -> None:
    """Raise `UserError` for neutral texts that are too few or empty."""
    if isinstance(plain, str) or len(set(plain)) < FEWEST_NEUTRAL:
        raise UserError(f"Neutral texts need {FEWEST_NEUTRAL} different ones or more (40 make a good start).")
    for number, text in enumerate(plain, start=1):
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"Neutral text {number} is empty or not a text; write it or remove it.")


def _conversations(lm: LanguageModel, texts: Sequence[str], what: str) -> list[Conversation]:
    found = []
    for number, text in enumerate(texts, start=1):
        try:
            found.append(converse(lm, text))
        except UserError as error:
            raise UserError(f"{what.capitalize()} {number}: {error}") from error
    return found


def _start(texts: Sequence[Conversation], given: Labelled, first_token: int | None) -> int:
    """The token of a text, counted from 0, at which pooling starts."""
    lengths = [text.messages[0].last - text.messages[0].first for text in texts]
    shortest = int(np.argmin(lengths))
    if first_token is None:
        return FIRST_TOKEN if lengths[shortest] >= 2 * FIRST_TOKEN else 0
    if lengths[shortest] <= first_token:
        raise UserError(
            f"Text {shortest + 1}, of the label '{given.labels[shortest]}', has {lengths[shortest]} tokens, so pooling can't start at "
            f"token {first_token}; give a smaller number or a longer text."
        )
    return first_token


def _pooled(text: Conversation, start: int) -> activations.Text:
    """Ids and token range of a text; what is shorter than `start` (only neutral texts are) keeps its last token."""
    _, first, last = text.messages[0]
    # The first token of a sequence is left out as it is in readings: its residual says nothing about the text.
    begin = own_tokens(first, last)[0] if start == 0 else min(first + start, last - 1)
    return text.ids, (begin, last)


def _calibrated(
    lm: LanguageModel, made: EmotionVectors, plain: Sequence[str], means: np.ndarray, reporter: Reporter
) -> EmotionVectors:
    """The vectors with the scores of the neutral texts, with which those of other texts are compared."""
    forms = {
        number: neutral.as_read(lm, plain[number]) for number in neutral.spread(len(plain), calibration.MOST_TEXTS)
    }
    usable = [number for number, reads in forms.items() if reads]
    if not usable:
        neutral.refuse_unread(lm, plain[0])
    units = np.stack([directions.unit(made.at(layer)) for layer in range(lm.n_layers)])
    assert made.centre is not None
    centres = neutral.centred_with_others(made.centre, means, usable)
    with reporter.stage("Calibrating", sum(len(read.ids) for n in usable for read in forms[n]), "tokens") as stage:
        scores = np.stack([
            neutral.neutral_scores(lm, [forms[n][form] for n in usable], usable, units, centres, advance=stage.advance)
            for form in range(len(calibration.FORMS))
        ])  # fmt: skip
    return replace(made, calibration=Calibration(np.sort(scores, axis=-1), made.centre))
