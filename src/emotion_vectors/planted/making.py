"""Make a planted model: directions, preferences and words, then the weights and the truth from them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_vectors.planted import circuit, content
from emotion_vectors.planted import tokenizer as words
from emotion_vectors.planted.content import NumericPlan
from emotion_vectors.planted.truth import FIRST_W, GAIN, P, Planted, Q, U

TASTE = 0.5  # nats, standard deviation over activities of what has nothing to do with emotions
CHATTER = 0.1  # standard deviation of an activity's mean content along each w
STORY_WORDS = 8  # invented words per emotion
FILLER_WORDS = 400
PREFERENCE_PROMPT = "Would you prefer to (A) {activity_a} or (B) {activity_b}?"
COMMON_TEXT = (
    "Human\nAssistant\nPerson\nAI\nuser\nassistant\nsystem\nThe\nThen\nLater\nThere The Then Later There the and was "
    "in near of . , : ; ! ? ( ) ( A\nB Assistant A B He She They I feel feels Right now he Today What just happened"
)


def make_planted(
    emotions: Sequence[str],
    activities: Sequence[str],
    *,
    scenarios: Mapping[str, str] | None = None,
    numeric: Sequence[NumericPlan] = (),
    texts: Iterable[str] = (),
    free_texts: Iterable[str] = (),
    preference_prompt: str = PREFERENCE_PROMPT,
    story_prompt: str = "",
    valences: Sequence[float] | np.ndarray | None = None,
    activity_values: Sequence[float] | np.ndarray | None = None,
    effect: float = 1.0,
    contraction: bool = False,
    structure: bool = True,
    position_bias: float = 0.3,
    layers: int = 6,
    seed: int = 0,
) -> Planted:
    """Build the planted model.

    scenarios: prompt -> emotion that it implies. texts: whatever else will be read (topics, prompts), so that its
    words are tokens; no word of it means anything. free_texts: likewise, but their words may be those of a prompt and then mean
    what they mean there. story_prompt: the template of the prompt, with {emotion}, that is answered with words of that emotion
    (empty: none is). valences: one per emotion, else random. activity_values: nats, one per activity,
    else random. The same arguments give the same model. ValueError where an activity or prompt has no word of its own.
    """
    if layers < 4:
        raise ValueError("the circuit needs at least 4 layers: an analysis layer from 2 on and a block above it")
    generator = np.random.default_rng(seed)
    space = _emotion_space(len(emotions), valences, structure, contraction, generator)
    centred = space - space.mean(axis=0)
    taste = _preferences(len(activities), space.shape[1], activity_values, effect, contraction, generator)
    stimuli = _Stimuli(
        tuple(emotions),
        tuple(activities),
        dict(scenarios or {}),
        tuple(numeric),
        (preference_prompt, story_prompt, COMMON_TEXT, *texts),
        content.name_marker(story_prompt),
        tuple(free_texts),
    )
    lexicon = _lexicon(stimuli, space, taste.targets, preference_prompt, structure, seed)
    lens = centred if structure else None
    push = np.eye(space.shape[1])[Q] if contraction else None
    return _assemble(stimuli, centred, lens, taste, push, lexicon, position_bias, layers, generator)


def _assemble(
    stimuli: _Stimuli,
    centred: np.ndarray,
    lens: np.ndarray | None,
    taste: _Taste,
    push: np.ndarray | None,
    lexicon: _Lexicon,
    position_bias: float,
    layers: int,
    generator: np.random.Generator,
) -> Planted:
    """Weights and truth from what the words mean; `centred`, `lens` and `push` in the basis of the analysis layer."""
    analysis_layer = 2 * layers // 3
    tokenizer = words.build_tokenizer(lexicon.texts)
    codes = content.random_units(len(stimuli.emotions), circuit.CODE_SIZE, generator)
    vocabulary = tokenizer.get_vocab()
    layout = circuit.layout_for(centred.shape[1])
    rotations = circuit.random_rotations(layers, layout.width, generator)
    turned = np.stack(list(itertools.accumulate(rotations, lambda so_far, rotation: rotation @ so_far)))
    to_embedding = turned[analysis_layer]
    contents = {piece: vector @ to_embedding for piece, vector in lexicon.contents.items()}
    named = {piece: codes[row] for piece, row in lexicon.named.items()}
    embedding = content.embedding_matrix(layout, vocabulary, contents, named, lexicon.flags, generator)
    unembedding = content.unembedding_matrix(layout, vocabulary, stimuli.emotions, lens, position_bias, generator)
    content.add_writing(unembedding, layout, vocabulary, lexicon.story_words, lexicon.filler, codes)
    special = {"begin": vocabulary[words.BEGIN], "end": vocabulary[words.END_OF_TURN], "pad": vocabulary[words.PAD]}
    return Planted(
        model=circuit.build_model(
            layout, embedding, unembedding, rotations, taste.readout, push, codes, lens is not None, analysis_layer, special
        ),
        tokenizer=tokenizer, emotions=stimuli.emotions, activities=stimuli.activities, scenarios=stimuli.scenarios,
        numeric=stimuli.numeric, analysis_layer=analysis_layer,
        directions=layout.embed(centred @ to_embedding @ turned.transpose(0, 2, 1)), valences=centred[:, U],
        values=taste.values, scores=taste.scores, readout=layout.embed(taste.readout),
        push=None if push is None else layout.embed(push), position_bias=position_bias,
        axes=layout.embed(np.eye(layout.width)[FIRST_W:] * (lens is not None)),
        story_words=lexicon.story_words, filler=lexicon.filler,
    )  # fmt: skip


@dataclass(frozen=True)
class _Stimuli:
    emotions: tuple[str, ...]
    activities: tuple[str, ...]
    scenarios: Mapping[str, str]
    numeric: tuple[NumericPlan, ...]
    texts: tuple[str, ...]
    marker: str | None
    free_texts: tuple[str, ...]


@dataclass(frozen=True)
class _Taste:
    values: np.ndarray
    scores: np.ndarray
    readout: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class _Lexicon:
    """What the words carry, in the basis of the analysis layer, and every text whose pieces are tokens."""

    contents: Mapping[str, np.ndarray]
    flags: Mapping[str, Mapping[str, float]]
    texts: tuple[str, ...]
    named: Mapping[str, int]
    story_words: Mapping[str, tuple[str, ...]]
    filler: tuple[str, ...]


def _emotion_space(
    count: int,
    valences: Sequence[float] | np.ndarray | None,
    structure: bool,
    contraction: bool,
    generator: np.random.Generator,
) -> np.ndarray:
    """`[n, n + 3]`: d_e before centring."""
    space = np.zeros((count, FIRST_W + count))
    if not structure:
        space[:, FIRST_W:] = generator.standard_normal((count, count)) / np.sqrt(count)
        return space
    space[:, FIRST_W:] = np.eye(count)
    random = generator.uniform(0.1, 1, count) * np.where(np.arange(count) % 2, -1, 1)
    space[:, U] = random if valences is None else valences
    if contraction:
        space[:, Q] = np.sign(space[:, U]) * np.sqrt(np.abs(space[:, U]))
    return space


def _preferences(
    count: int,
    width: int,
    values: Sequence[float] | np.ndarray | None,
    effect: float,
    contraction: bool,
    generator: np.random.Generator,
) -> _Taste:
    """Scores in nats, the axis that reads them, and the mean content `[a, width]` that each activity must have."""
    along = generator.standard_normal(count) if values is None else np.asarray(values, dtype=float)
    taste = TASTE * generator.standard_normal(count)
    targets, readout = np.zeros((count, width)), np.zeros(width)
    targets[:, U] = along / GAIN
    targets[:, FIRST_W:] = CHATTER * generator.standard_normal((count, width - FIRST_W))
    targets[:, P] = (along + taste if contraction else taste) / GAIN
    readout[U], readout[P] = (0 if contraction else GAIN * effect), GAIN
    return _Taste(along, GAIN * targets[:, P] + readout[U] * targets[:, U], readout, targets)


def _lexicon(
    stimuli: _Stimuli, space: np.ndarray, targets: np.ndarray, preference_prompt: str, structure: bool, seed: int
) -> _Lexicon:
    generator = np.random.default_rng((seed, 1))
    emotions, activities, texts = stimuli.emotions, stimuli.activities, stimuli.texts
    names = [variant for emotion in emotions for variant in words.case_variants(emotion)]
    prompts = [*stimuli.scenarios, *(plan.template for plan in stimuli.numeric)]
    carried, counted = content.activity_contents(activities, targets, preference_prompt, COMMON_TEXT)
    own_words = content.prompt_carriers(prompts, [*texts, *names, *activities, *(f" {text}" for text in activities)])
    meanings = _meanings(stimuli, space - space.mean(axis=0), structure, generator)
    amounts = content.number_amounts(stimuli.numeric, None if structure else generator)
    invented = words.invent_words(STORY_WORDS * len(emotions), "x", seed)
    groups = {emotion: tuple(invented[index :: len(emotions)]) for index, emotion in enumerate(emotions)}
    filler = tuple(words.invent_words(FILLER_WORDS, "q", seed))
    contents = carried | {piece: meaning for group, meaning in zip(own_words, meanings, strict=True) for piece in group}
    contents |= {f"Ġ{word}": row for row, group in zip(space, groups.values(), strict=True) for word in group}
    known = [
        *texts, *stimuli.free_texts, *names, *activities, *(f" {activity}" for activity in activities), *stimuli.scenarios,
        *(prompt for plan in stimuli.numeric for prompt in plan.prompts()),
        *(piece.replace("Ġ", " ") for piece in amounts), "".join(f" {word}" for word in (*invented, *filler)),
    ]  # fmt: skip
    named = content.name_pieces(emotions) if stimuli.marker else {}
    flags = _flags({piece for group in own_words for piece in group}, counted, amounts) | {
        "named": dict.fromkeys(named, 1.0),
        "marker_n": {stimuli.marker: 1.0} if stimuli.marker else {},
        "spoken": {f"Ġ{word}": circuit.SMALL for word in invented},
        "stop": {".": circuit.SMALL},
    }
    return _Lexicon(contents, flags, tuple(known), named, groups, filler)


def _meanings(
    stimuli: _Stimuli, centred: np.ndarray, structure: bool, generator: np.random.Generator
) -> list[np.ndarray]:
    """What each scenario's and each numeric template's own words carry, `[width]` each."""
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    index = {emotion: row for row, emotion in enumerate(stimuli.emotions)}
    count = len(stimuli.scenarios) + len(stimuli.numeric)
    if not structure:
        random = generator.standard_normal((count, units.shape[1] - FIRST_W))
        return [np.concatenate([np.zeros(FIRST_W), row / np.linalg.norm(row)]) for row in random]
    meanings = [units[index[emotion]] for emotion in stimuli.scenarios.values()]
    for plan in stimuli.numeric:
        rows = units[[index[emotion] for emotion in plan.signs]]
        meaning = np.linalg.pinv(rows) @ np.array(list(plan.signs.values()), dtype=float)
        meanings.append(meaning / max(np.linalg.norm(meaning), 1e-9))
    return meanings


def _flags(carriers: set[str], counted: set[str], amounts: Mapping[str, float]) -> dict[str, dict[str, float]]:
    pieces = {name: [words.split_pieces(text)[0] for text in group] for name, group in content.SIGNS.items()}
    return {
        "carrier": dict.fromkeys(carriers, 1.0),
        "content": dict.fromkeys(counted, 1.0),
        "number": dict.fromkeys(amounts, 1.0),
        "amount": dict(amounts),
        "marker_a": {"A": 1.0},
        "marker_b": {"B": 1.0},
        **{name: dict.fromkeys(group, 1.0) for name, group in pieces.items()},
    }
