"""What vectors read in the messages of chats, as rows for a log: the columns that `emotion-vectors read` gives them, fewer of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from emotion_vectors.errors import UserError
from emotion_vectors.lm.chat_format import Chat
from emotion_vectors.lm.messages import Conversation, converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.transcripts.items import Item
from emotion_vectors.transcripts.scores import MessageScores, score_texts, usual_window
from emotion_vectors.transcripts.table import Line, extra_of, table
from emotion_vectors.vectors.calibration import Calibration
from emotion_vectors.vectors.file import EmotionVectors

Reading = Mapping[str, str | int | float | bool | None]  # of the table, by column


def read_chats(
    vectors: EmotionVectors,
    lm: LanguageModel,
    chats: Sequence[Chat],
    emotions: Sequence[str],
    calibration: Calibration | None,
) -> Sequence[Sequence[Reading]]:
    """Of each chat a row for every message with words and every emotion, at the analysis layer.

    A row has message, role, tokens, emotion, in_sample, and response, mean and max as centred cosines (raw ones where the vectors have no
    centre) with their percentiles, None without a `calibration`. Raises `UserError` where the activations are not finite.
    """
    if not emotions:
        return [[] for _ in chats]
    texts = [converse(lm, chat, any_length=True, partial=True) for chat in chats]
    scored = score_texts(vectors, lm, texts, emotions, vectors.layer, usual_window(lm))
    if problem := next((one.problem for one in scored if one.problem), None):
        raise UserError(problem)
    lines = [
        _line(vectors, number, chats[number], texts[number], place, one.windows, message)
        for number, one in enumerate(scored)
        for place, message in enumerate(one.messages)
    ]
    columns = [vectors.index(name) for name in emotions]
    rows = table(lines, emotions, columns, vectors.layer, calibration)
    kind = "raw" if vectors.centre is None else "centred"
    scores = [f"{what}_{kind}{end}" for what in ("response", "mean", "max") for end in ("", "_percentile")]
    kept = rows.select("item", "message", "role", "tokens", "emotion", "in_sample", *scores)
    return [kept.filter(pl.col("item") == number).drop("item").to_dicts() for number in range(len(chats))]


def _line(
    vectors: EmotionVectors,
    number: int,
    chat: Chat,
    text: Conversation,
    place: int,
    windows: int,
    message: MessageScores,
) -> Line:
    item = Item("", number, None, chat, tuple(range(len(chat))), (), 0)
    said = chat[text.numbers[place]]["content"]
    in_sample = vectors.in_sample(said) if isinstance(said, str) else None
    extra = extra_of(text, place)
    return Line(
        item, text.numbers[place], message.role, windows, message, text.tokens, in_sample=in_sample, extra=extra
    )
