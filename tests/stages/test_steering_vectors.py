"""What a run adds for an emotion is what the library's `steer` adds, though the two are computed apart."""

from types import SimpleNamespace

import numpy as np

from emotion_vectors import settings
from emotion_vectors.stages import steering
from emotion_vectors.vectors.file import EmotionVectors


def test_a_run_steers_by_what_the_library_adds(monkeypatch):
    rows = np.random.default_rng(0).standard_normal((6, 5, 32)).astype(np.float32)
    norms = np.linspace(1, 40, 6).astype(np.float32)
    vectors = EmotionVectors(("calm", "angry", "proud", "sad", "joyful"), rows, rows, rows[0], norms, 3)
    planned = steering.plan_from(settings.toy(), vectors.emotions, 3, 6)
    conditions = planned.conditions()
    controls = {one.kind: np.zeros((planned.random + planned.shuffled + 1, 32)) for one in conditions}
    monkeypatch.setattr(steering, "control_vectors", lambda *_: controls)
    parts = steering.parts_of(conditions)
    found = steering._directions(SimpleNamespace(), planned, vectors, parts)
    seen = set()
    for part, additions in found.items():
        for place, row in enumerate(part.rows):
            condition = conditions[row]
            if condition.kind == "emotion":
                wanted = dict(vectors.additions({condition.name: condition.strength}, condition.layers))
                assert wanted.keys() == additions.keys()
                for layer, vector in wanted.items():
                    np.testing.assert_allclose(additions[layer][place], vector, rtol=1e-5, atol=1e-6)
                seen.add((len(condition.layers), condition.strength))
    assert len(seen) > 3 and {1, 2} <= {layers for layers, _ in seen}
