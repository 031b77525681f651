"""Dialogues with planted speakers."""

import numpy as np

from emotion_vectors.experiments.speakers import measure

EMOTIONS = [f"emotion {i}" for i in range(8)]


N, WIDTH, TOPICS_OF = len(EMOTIONS), 48, [f"topic {i}" for i in range(8)]


PRESENT, OTHER, WHOLE = np.random.default_rng(0).standard_normal((3, N, WIDTH))


def dialogues(owned=1.0, whole=0.0, seed=1, rounds=(1, 3, 6)):
    """Rows (t, 2, d), emotions (t, 2) and topics: each owner's emotion along its own directions, or both in all tokens (`whole`)."""
    drawn = np.random.default_rng(seed)
    rows, felt, topics = [], [], []
    for topic in range(len(TOPICS_OF)):
        about = 4 * drawn.standard_normal((2, WIDTH))
        for step in rounds:
            for first in range(N):
                pair = (first, (first + step + topic) % N)
                signal = [owned * (PRESENT[pair[who]] + OTHER[pair[1 - who]]) + whole * (WHOLE[pair[0]] + WHOLE[pair[1]]) for who in (0, 1)]  # fmt: skip
                rows.append(np.stack(signal) + about + 2 * drawn.standard_normal((2, WIDTH)))
                felt.append(pair)
                topics.append(TOPICS_OF[topic])
    return np.array(rows), np.array(felt), topics


def run(story=PRESENT, words=None, **world):
    rows, felt, topics = dialogues(**world)
    none = np.random.default_rng(5).standard_normal(rows.shape)
    asked = measure.Asked("some.jsonl", "0" * 64, topics, EMOTIONS, felt, {"names the emotion": 3})
    framings = [measure.Read(("Human", "Assistant"), True, rows), measure.Read(("Person 1", "Person 2"), False, rows)]
    return measure.run(asked, framings, story, none if words is None else words, story, 4, 99, 0)
