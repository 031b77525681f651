"""Jobs over transcripts."""

import json

from vectors.worlds import EMOTIONS

from emotion_vectors.transcripts.job import Order


def order(*files, **changes):
    return Order(tuple(files), **{"emotions": EMOTIONS, "layer": 2, "window": 512} | changes)


def chats(path, texts):
    """Every other text as a chat."""
    rows = [
        {"text": text, "id": n}
        if n % 2
        else {"messages": [{"role": "user", "content": "Rest"}, {"role": "assistant", "content": text}]}
        for n, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
