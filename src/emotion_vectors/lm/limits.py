"""What a model can be fed: ids that its embedding has, and as many tokens as it has positions. Asked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from emotion_vectors.lm.model import LanguageModel


# How configurations call it: nearly all, GPT-2's kin, MPT, and older ones.
NAMES = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")


def context_of(lm: LanguageModel) -> int | None:
    """The most tokens that the model reads at once; None where its configuration sets no limit."""
    return context_of_config(lm.model.config)


def context_of_config(config: PretrainedConfig) -> int | None:
    """As `context_of`, from the configuration of a transformers model."""
    text = config.get_text_config()
    limits = [limit for name in NAMES if isinstance(limit := getattr(text, name, None), int) and limit > 0]
    rotation = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None)
    if limits and isinstance(rotation, dict):
        # Qwen 2.5 gives the length that it was trained at and how far its rotation is stretched from there.
        trained, factor = (rotation.get(name) for name in ("original_max_position_embeddings", "factor"))
        # A dynamic rotation follows the length of the text, and of those before it, from the plain limit on: that is where it ends here.
        stretched = "dynamic" not in str(rotation.get("rope_type"))
        if stretched and isinstance(trained, int | float) and isinstance(factor, int | float):
            return max(min(limits), int(trained * factor))
    return min(limits, default=None)


def rotation_border(lm: LanguageModel) -> int | None:
    """The length in tokens beyond which a pass rotates all of its texts otherwise (LongRoPE, as in Phi 3 128k); None where it never does.

    The longest text of a pass decides for all: texts on the two sides of it are read and written in passes of their own.
    """
    text = lm.model.config.get_text_config()
    rotation = getattr(text, "rope_parameters", None) or {}
    for one in (rotation, *(inner for inner in rotation.values() if isinstance(inner, dict))):
        if one.get("rope_type") == "longrope" and list(one.get("short_factor", ())) != list(one.get("long_factor", ())):
            border = one.get("original_max_position_embeddings") or getattr(
                text, "original_max_position_embeddings", None
            )
            return int(border) if border else None
    return None


def by_side(lm: LanguageModel, lengths: Sequence[int]) -> list[list[int]]:
    """Which texts, by their lengths in tokens, may share a pass: all in one list, or one for each side of the `rotation_border`."""
    border = rotation_border(lm)
    sides: tuple[list[int], list[int]] = ([], [])
    for row, length in enumerate(lengths):
        sides[border is not None and length > border].append(row)
    return [side for side in sides if side]


def require_known(lm: LanguageModel, ids: Sequence[int]) -> None:
    """Raise `UserError` for ids beyond the embedding: a tokenizer that was given tokens without the model being resized."""
    rows = lm.embedding_rows
    if ids and max(ids) >= rows:
        token = lm.tokenizer.convert_ids_to_tokens(max(ids))
        raise UserError(
            f"The text has the token '{token}' (id {max(ids)}), but the embedding of {lm.name} ends at {rows - 1}; use the tokenizer that the "
            "model was trained with, or resize the model's embedding to the tokenizer."
        )


def require_room(lm: LanguageModel, tokens: int, more: int = 0, what: str = "The text") -> None:
    """Raise `UserError` where `tokens`, and `more` that are to be written after them, don't fit in the model's context."""
    limit = context_of(lm)
    if limit is not None and tokens + more > limit:
        written = f" and up to {more} more are to be written" if more else ""
        raise UserError(
            f"{what} has {tokens} tokens{written}, but {lm.name} reads at most {limit}; shorten "
            f"{'it, or ask for fewer tokens' if more else 'or split it'}."
        )
