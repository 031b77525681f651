"""What every token of the planted world means: its row of the embedding and of the unembedding matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planted.planted_circuit import DIM, Layout
from planted.planted_tokenizer import BEGIN, case_variants, split_pieces

WORD_NOISE = 0.2  # norm of the part of an embedding that only tells words apart
OPEN = 16.0  # nats that an open bracket gives to the answers A and B over all other tokens
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
    flags: Mapping[str, Mapping[str, float]],
    generator: np.random.Generator,
) -> np.ndarray:
    """`[vocabulary, hidden]`: const 1, word noise, planted content (in embedding basis) and flags of each token."""
    matrix = np.zeros((max(vocabulary.values()) + 1, layout.hidden))
    noise = generator.standard_normal((len(matrix), layout.noise.stop - layout.noise.start))
    matrix[:, layout.noise] = WORD_NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    matrix[vocabulary[BEGIN]] = 0
    matrix[vocabulary[BEGIN], DIM["begin"]] = 1
    matrix[:, DIM["const"]] = 1
    for piece, content in contents.items():
        matrix[vocabulary[piece], layout.emotion] += content
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
