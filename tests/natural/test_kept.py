"""What is kept, against a sort of everything."""

import json
import re

import numpy as np
import pytest

from emotion_vectors.natural import kept as module
from emotion_vectors.natural.kept import Example, Heap, Kept, Stretch, marked_cells, whole_words
from emotion_vectors.natural.words import Words
from emotion_vectors.transcripts.passages import Place
from emotion_vectors.transcripts.scores import MessageScores, Seen, Window

EMOTIONS = ("calm", "angry")


def example(strength=0.0, tokens=(" a",)):
    return Example(
        "calm",
        strength,
        "f",
        1,
        None,
        0,
        "text",
        0,
        0,
        list(tokens),
        [strength] * len(tokens),
        None,
        form="text",
        stretch=9,
    )


def stretches(count, seed=0, size=60):
    """Stretches of known cosines: every seventh text says "calm", every fifth has ties of its own largest cosine."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        cosines = draw.normal(size=(2, size, len(EMOTIONS))).round(1 if number % 5 == 0 else 6)
        tokens = [" word"] * size
        if number % 7 == 0:
            tokens[3] = " calm"
        message = MessageScores("text", 1, size, *(np.zeros((2, 2)) for _ in range(4)), 0, None)
        place = Place("f", number + 1, f"t{number}", 0, "text")
        found.append(Stretch(place, 1000 + number, message, Seen(Window(0, size, 0), cosines, tuple(tokens))))
    return found


def fill(seen, top=5, centred=True):
    found = Kept(EMOTIONS, (0, 1), 0, None, centred, Words(EMOTIONS, {}), top)
    for one in seen:
        assert found.see(one) == 59
    return found


def ids(heap):
    return [(entry[2].id, entry[2].position) for entry in heap.ordered()]


@pytest.mark.parametrize("centred", [True, False])
def test_the_strongest_are_those_of_a_sort_of_everything(centred):
    seen = stretches(200)
    found = fill(seen, centred=centred)
    for column, emotion in enumerate(EMOTIONS):
        values = [one.seen.cosines[int(centred), 1:, column] for one in seen]
        order = sorted(range(200), key=lambda row: (-values[row].max(), seen[row].key))
        places = {row: (f"t{row}", 1 + int(values[row].argmax())) for row in order}
        assert ids(found.strongest[emotion]) == [places[row] for row in order[:5]]
        plain = [row for row in order if emotion == "angry" or row % 7]
        assert ids(found.without[emotion]) == [places[row] for row in plain[:5]]
        for strength, _, one in found.strongest[emotion].ordered():
            assert one.strength == strength == pytest.approx(one.cosines[one.largest], abs=1e-5)


def test_neither_the_order_of_texts_nor_a_repeated_one_matters():
    seen = stretches(60)
    # Where a text is in the files is no part of what is compared: its place goes along with the first that is seen.
    whole = fill(seen).dump()
    assert fill(seen[::-1]).dump() == whole
    assert fill([*seen, *seen[:20]]).dump() == whole
    again = fill(seen[:31])
    after = Kept(EMOTIONS, (0, 1), 0, None, True, Words(EMOTIONS, {}), 5)
    after.restore(json.loads(json.dumps(again.dump())))
    for one in seen[31:]:
        after.see(one)
    assert after.dump() == whole


def test_random_passages_are_spread_evenly(monkeypatch):
    monkeypatch.setattr(module, "RANDOM_PASSAGES", 300)
    seen = stretches(600, size=60)
    found = fill(seen).random.ordered()
    assert len(found) == 300 and len({entry[1] for entry in found}) == 300
    positions = np.array([entry[2].position for entry in found])
    assert positions.min() >= 1 and positions.max() <= 59 and abs(positions.mean() - 30) < 3
    numbers = np.array([entry[2].item for entry in found])
    assert abs(numbers.mean() - 300) < 30 and all(not entry[2].cosines for entry in found)


def test_a_heap_keeps_the_better_of_two_of_one_stretch():
    heap = Heap(2)
    for strength, key in ((1.0, 7), (3.0, 7), (2.0, 7), (2.0, 9), (2.0, 8), (0.0, 1)):
        assert heap.takes(strength, key) or strength == 0
        heap.push(strength, key, example(strength))
    assert [(entry[0], -entry[1]) for entry in heap.ordered()] == [(3.0, 7), (2.0, 8)]


def test_passages_end_with_whole_words():
    tokens = ["", "Un", "happi", "ness", " is", " a", " state", "."] + [" x"] * 30
    start, end = whole_words(tokens, 1, len(tokens), 23)
    assert (start, "".join(tokens[start:end]).startswith("Unhappiness")) == (1, True)
    assert whole_words(tokens, 1, len(tokens), 26)[0] == 6
    assert re.match(r" x", tokens[end - 1])


def test_shades_go_from_the_usual_to_the_largest():
    one = example(0.4, (" a", " b", " c"))
    one = Example(**{**one.__dict__, "cosines": [-0.2, 0.1, 0.4], "neutral": 0.0, "largest": 2})
    np.testing.assert_allclose(marked_cells(one), [-0.5, 0.25, 1.0])
    assert not marked_cells(example(0.0)).any()
