"""What every token of the planted world means: its row of the embedding and of the unembedding matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_vectors.planted.circuit import DIM, HEAD_SIZE, SMALL, Layout
from emotion_vectors.planted.tokenizer import BEGIN, case_variants, split_pieces

NUMBER_NOISE = 1.5  # norm of a number's part in the code's dimensions, where no story is: readers gather it
WORD_NOISE = 0.2  # norm of the part of an embedding that only tells words apart
OPEN = 16.0  # nats that an open bracket gives to the answers A and B over all other tokens
# What is written next, as logits in nats. At temperature 0.8 a word of 400 fillers, a link or a stop comes 70, 20 and 20
# times in 110; words of a voiced emotion (8, their code 1 long) come three times as often as fillers and links together.
FILLER, LINK, STOP, WORD = 8.0, 10.36, 10.98, 12.0
STOP_MORE = 1.0  # of a stop after a word of an emotion, so that their sentences are as short as others
OPENING = 30.0  # after a stop or where an answer begins
NAME = 4.0  # the name of a voiced emotion, too rare to be written
SHUT = 20.0  # all of these are this much less likely after an open bracket
OPENINGS = ("The", "Then", "Later", "There")
LINKS = ("the", "and", "was", "in", "near", "of")
SIGNS = {"reader": ("\n", ":"), "open": ("(", " (")}  # tokens that gather meaning, tokens after which A or B comes
AFTER_ACTIVITY = "\nassistant\nAssistant:( (?)"  # of the chat formats: no activity may own these


@dataclass(frozen=True)
class NumericPlan:
    """A template with {X}, its values, and the sign (+1, -1, 0) with which each emotion follows the value."""

    template: str
    values: tuple[float, ...]
    signs: Mapping[str, int]

    def prompts(self) -> list[str]:
        """The filled prompts; whole numbers without a decimal point."""
        return [self.template.replace("{X}", write_number(value)) for value in self.values]


def write_number(value: float) -> str:
    """`5.0` as 5, `2.5` as 2.5."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def activity_contents(
    activities: Sequence[str], targets: np.ndarray, preference_prompt: str, empty_text: str
) -> tuple[dict[str, np.ndarray], set[str]]:
    """Content `[width]` of words such that its mean over each activity's tokens is that row of `targets`.

    Words of `empty_text` carry nothing. Returns the contents and the set of tokens that count as
    content of an activity (every token but the signs of the prompt around it). Least squares of smallest norm.
    """
    bags = [Counter(split_pieces(" " + activity)) for activity in activities]
    around = preference_prompt.replace("{activity_a}", "\n").replace("{activity_b}", "\n")
    around = around[around.index("\n") :]
    blocked = set(split_pieces(around)) | set(split_pieces(AFTER_ACTIVITY))
    counted = {piece for bag in bags for piece in bag} - blocked
    carriers = sorted(counted - set(split_pieces(empty_text)))
    share = np.zeros((len(bags), len(carriers)))
    for row, bag in enumerate(bags):
        total = sum(count for piece, count in bag.items() if piece in counted)
        share[row] = [bag[piece] / max(total, 1) for piece in carriers]
    contents = np.linalg.pinv(share) @ targets
    worst = np.abs(share @ contents - targets).max(axis=1)
    if worst.max() > 1e-6:
        raise ValueError(f"activity '{activities[int(worst.argmax())]}' needs a word that sets it apart")
    return dict(zip(carriers, contents, strict=True)), counted


def prompt_carriers(prompts: Sequence[str], other_texts: Iterable[str]) -> list[list[str]]:
    """For each prompt its own words: letters only, in no other prompt and in none of the other texts."""
    bags = [set(split_pieces(prompt.replace("{X}", " "))) for prompt in prompts]
    elsewhere = {piece for text in other_texts for piece in split_pieces(text)}
    uses = Counter(piece for bag in bags for piece in bag)
    own = [
        sorted(p for p in bag if uses[p] == 1 and p not in elsewhere and p.removeprefix("Ġ").isalpha()) for bag in bags
    ]
    for prompt, words in zip(prompts, own, strict=True):
        if not words:
            raise ValueError(f"prompt '{prompt}' needs a word that no other text has")
    return own


def name_marker(story_prompt: str) -> str | None:
    """The last word of the template before {emotion}, as a token; None for no template."""
    before, found, _ = story_prompt.partition("{emotion}")
    pieces = [piece for piece in split_pieces(before) if piece.removeprefix("Ġ").isalpha()]
    if story_prompt and not (found and pieces):
        raise ValueError("the story prompt needs a word before {emotion}")
    return pieces[-1] if story_prompt else None


def name_pieces(emotions: Sequence[str]) -> dict[str, int]:
    """The tokens that tell each emotion's name from all others, as index of the emotion."""
    bags = [{piece for form in case_variants(emotion) for piece in split_pieces(form)} for emotion in emotions]
    uses = Counter(piece for bag in bags for piece in bag)
    for emotion in emotions:
        if all(uses[piece] > 1 for piece in split_pieces(f" {emotion}")):
            raise ValueError(f"emotion '{emotion}' needs a word that no other emotion has")
    return {piece: row for row, bag in enumerate(bags) for piece in sorted(bag) if uses[piece] == 1}


def random_units(count: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """`[count, size]` random directions of norm 1."""
    drawn = generator.standard_normal((count, size))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def number_amounts(plans: Sequence[NumericPlan], shuffled: np.random.Generator | None) -> dict[str, float]:
    """Amount in [-1, 1] of each number token, rising with its rank among all planted numbers (or shuffled)."""
    values = sorted({float(value) for plan in plans for value in plan.values})
    amounts = np.linspace(-1, 1, len(values))
    if shuffled is not None:
        shuffled.shuffle(amounts)
    found = {}
    for value, amount in zip(values, amounts, strict=True):
        for space in ("", " "):
            (piece,) = split_pieces(space + write_number(value))
            found[piece] = float(amount)
    return found


def embedding_matrix(
    layout: Layout,
    vocabulary: Mapping[str, int],
    contents: Mapping[str, np.ndarray],
    named: Mapping[str, np.ndarray],
    flags: Mapping[str, Mapping[str, float]],
    generator: np.random.Generator,
) -> np.ndarray:
    """`[vocabulary, hidden]`: const 1, word noise, planted content (in embedding basis), code and flags of each token."""
    matrix = np.zeros((max(vocabulary.values()) + 1, layout.hidden))
    matrix[:, layout.noise] = WORD_NOISE * random_units(len(matrix), layout.noise.stop - layout.noise.start, generator)
    for piece in flags["number"]:
        code = NUMBER_NOISE * random_units(1, HEAD_SIZE - 1, generator)[0]
        matrix[vocabulary[piece], layout.code.start : layout.code.start + len(code)] = code
    matrix[vocabulary[BEGIN]] = 0
    matrix[vocabulary[BEGIN], DIM["begin"]] = 1
    matrix[:, DIM["const"]] = 1
    for piece, content in contents.items():
        matrix[vocabulary[piece], layout.emotion] += content
    for piece, code in named.items():
        matrix[vocabulary[piece], layout.code] = code
    for name, amounts in flags.items():
        for piece, amount in amounts.items():
            matrix[vocabulary[piece], DIM[name]] = amount
    return matrix.astype(np.float32)


def unembedding_matrix(
    layout: Layout,
    vocabulary: Mapping[str, int],
    emotions: Sequence[str],
    directions: np.ndarray | None,
    position_bias: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """`[vocabulary, hidden]`: small noise; emotion words along their direction; A and B read their channels.

    `directions` `[emotions, width]` at the analysis layer, or None for words that no direction points to.
    """
    rows = max(vocabulary.values()) + 1
    matrix = np.zeros((rows, layout.hidden))
    matrix[:, layout.emotion] = 0.02 * generator.standard_normal((rows, layout.width))
    matrix[:, layout.noise] = 0.02 * generator.standard_normal((rows, layout.noise.stop - layout.noise.start))
    if directions is not None:
        for emotion, direction in zip(emotions, directions, strict=True):
            for piece in {split_pieces(variant)[0] for variant in case_variants(emotion)}:
                matrix[vocabulary[piece], layout.emotion] += direction / np.linalg.norm(direction)
    for letter, sign in (("A", 1), ("B", -1)):
        row = np.zeros(layout.hidden)
        row[[DIM["open"], DIM["const"], DIM[f"out_{letter.lower()}"]]] = OPEN, sign * position_bias / 2, 1.0
        matrix[vocabulary[letter]] = row
    return matrix.astype(np.float32)


def add_writing(
    unembedding: np.ndarray,
    layout: Layout,
    vocabulary: Mapping[str, int],
    story_words: Mapping[str, Sequence[str]],
    filler: Sequence[str],
    codes: np.ndarray,
) -> None:
    """What is written, into `unembedding` in place: fillers, links and stops always, words of an emotion by its code."""
    always = [(filler, FILLER), (LINKS, LINK)]
    logits = {f"Ġ{word}": logit for group, logit in always for word in group} | {".": STOP}
    for piece, logit in logits.items():
        unembedding[vocabulary[piece], DIM["const"]] = logit
        unembedding[vocabulary[piece], DIM["open"]] = -SHUT
    unembedding[vocabulary["."], DIM["spoken"]] = STOP_MORE / SMALL
    for word in OPENINGS:
        unembedding[vocabulary[f"Ġ{word}"], [DIM["start"], DIM["reader"]]] = OPENING
    for (emotion, group), code in zip(story_words.items(), codes, strict=True):
        for word in group:
            unembedding[vocabulary[f"Ġ{word}"], layout.code] = WORD * code
            unembedding[vocabulary[f"Ġ{word}"], DIM["open"]] = -SHUT
        for piece in {split_pieces(variant)[0] for variant in case_variants(emotion)}:
            unembedding[vocabulary[piece], layout.code] += NAME * code
