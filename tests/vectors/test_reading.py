"""Readings against one text at a time, the model's own residuals and cosines written out."""

import numpy as np
import pytest
from tiny import ARCHITECTURES, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.vectors import reading
from vectors.worlds import EMOTIONS, make_vectors, plain_pass

CHAT = [{"role": "user", "content": "Write a poem about the sea."}, {"role": "assistant", "content": "No, rest."}]
TEXTS = ["One day the sea was calm", CHAT, "Rest", CHAT[:1], "What would you rather do today, write a poem or go home?"]


def expected(vectors, residual, layer, emotion):
    """raw, centred, projection of one token, by the definitions."""
    row = vectors.projected[layer, emotion].astype(np.float64)
    row /= np.sqrt(sum(row**2))
    residual = residual.astype(np.float64)
    moved = residual - vectors.centre[layer]
    return (
        row @ residual / np.sqrt(residual @ residual),
        row @ moved / np.sqrt(moved @ moved),
        row @ residual / vectors.residual_norm[layer],
    )


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_number_is_that_of_the_definition(kind):
    lm, vectors = tiny(kind), make_vectors()
    for text in TEXTS[:2]:
        found = vectors.read(lm, text, layers=[3, 0])
        assert found.emotions == EMOTIONS and found.layers == (3, 0)
        _, states = plain_pass(lm, found.ids)
        for token in range(len(found.ids)):
            for e in range(len(EMOTIONS)):
                for column, layer in enumerate((3, 0)):
                    numbers = [getattr(found, name)[token, e, column] for name in ("raw", "centred", "projection")]
                    np.testing.assert_allclose(numbers, expected(vectors, states[layer][token], layer, e), atol=2e-5)


def test_some_emotions_and_the_analysis_layer():
    lm, vectors = tiny(), make_vectors()
    all_of_it = vectors.read(lm, TEXTS[0], layers=range(4))
    one = vectors.read(lm, TEXTS[0], emotions=["on edge"])
    assert one.raw.shape == (len(one.ids), 1, 1) and one.layers == (2,) and one.raw.dtype == np.float32
    np.testing.assert_allclose(one.raw[:, 0, 0], all_of_it.raw[:, 2, 2], atol=1e-6)
    assert vectors.read(lm, TEXTS[0], layers=1).layers == (1,)


def test_many_texts_are_read_as_each_alone_and_in_order(monkeypatch):
    lm, vectors = tiny(), make_vectors()
    monkeypatch.setattr(reading, "WINDOW", 3)
    many = list(vectors.read_many(lm, iter(TEXTS), layers=[1, 2], tokens_per_batch=60))
    for text, found in zip(TEXTS, many, strict=True):
        alone = vectors.read(lm, text, layers=[1, 2])
        assert (found.ids, found.tokens, found.messages, found.response) == (
            alone.ids,
            alone.tokens,
            alone.messages,
            alone.response,
        )
        for name in ("raw", "centred", "projection"):
            np.testing.assert_allclose(getattr(found, name), getattr(alone, name), atol=1e-5)


def test_a_picture_is_left_out_with_a_warning():
    lm, vectors = tiny(), make_vectors()
    words = {"type": "text", "text": CHAT[0]["content"]}
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    with pytest.warns(UserWarning, match=r"Only words are read; pictures, sounds and files left out: 2\."):
        seen = vectors.read(lm, [{"role": "user", "content": [picture, words, picture]}])
    np.testing.assert_array_equal(seen.raw, vectors.read(lm, CHAT[:1]).raw)


def test_the_planted_direction_is_read_where_it_is(monkeypatch):
    lm, vectors = tiny(), make_vectors()
    found = vectors.read(lm, TEXTS[0])
    _, states = plain_pass(lm, found.ids)
    aimed = vectors.projected.copy()
    aimed[2, 1] = states[2][3]
    from dataclasses import replace

    planted = replace(vectors, projected=aimed).read(lm, TEXTS[0])
    assert planted.raw[3, 1, 0] == pytest.approx(1, abs=1e-6) and planted.raw[:, 1, 0].argmax() == 3
    assert np.abs(planted.raw).max() <= 1


def test_vectors_without_a_neutral_mean_read_without_centring():
    lm = tiny()
    old = make_vectors(centre=False).read(lm, CHAT)
    assert old.centred is None
    np.testing.assert_array_equal(old.raw, make_vectors().read(lm, CHAT).raw)


def test_what_does_not_fit_is_refused_in_one_sentence():
    lm, vectors = tiny(), make_vectors()
    cases = [
        ("did you mean 'angry'", lambda: vectors.read(lm, "x", emotions=["angr"])),
        ("no layer 4", lambda: vectors.read(lm, "x", layers=[4])),
        ("no layer -1", lambda: vectors.read(lm, "x", layers=-1)),
        ("at least one", lambda: vectors.read(lm, "x", emotions=[])),
        ("of width 16", lambda: make_vectors(width=16).read(lm, "x")),
        ("with 3 layers", lambda: make_vectors(layers=3).read(lm, "x")),
        ("reads at most 1024", lambda: vectors.read(lm, "rest and " * 1000)),
    ]
    for words, attempt in cases:
        with pytest.raises(UserError, match=words) as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_the_lens_of_a_vector_and_of_a_mixture():
    lm, vectors = tiny(), make_vectors()
    head = lm.parts.head.weight.numpy().astype(np.float64)
    mixture = vectors["calm"] - 0.5 * vectors["angry"]
    for given, direction in (("calm", vectors.projected[2, 0]), (mixture, mixture)):
        values = head @ (direction / np.linalg.norm(direction))
        found = vectors.lens(given, lm, top=5)
        best = np.argsort(-values)[:5]
        assert [t.token for t in found.promoted] == [lm.tokenizer.decode([i]) for i in best]
        np.testing.assert_allclose([t.logit for t in found.promoted], values[best], rtol=1e-4)
        np.testing.assert_allclose([t.logit for t in found.suppressed], np.sort(values)[:5], rtol=1e-4)
    with pytest.raises(UserError, match="its width must be 32"):
        vectors.lens(np.ones(16), lm)


def test_the_lens_finds_the_vectors_own_model_and_checks_it():
    from dataclasses import replace

    from emotion_vectors.lm.model import load_model

    toy, vectors = load_model("toy", device="cpu"), make_vectors()
    own = replace(vectors, header={"model": "toy", "model_sha256": toy.sha256})
    assert own.lens("calm") == own.lens("calm", toy)
    with pytest.raises(UserError, match="are not those that the vectors were made from; load the right model"):
        replace(vectors, header={"model": "toy", "model_sha256": "0"}).lens("calm")
    with pytest.raises(UserError, match="don't name their model"):
        replace(vectors, header={}).lens("calm")


def test_a_reading_as_a_table_its_top_and_its_picture(tmp_path):
    lm, vectors = tiny(), make_vectors()
    chat = [
        {"role": "user", "content": "I am </script><b>calm</b> today: 1, 2."},
        {"role": "assistant", "content": "Good."},
    ]
    reading = vectors.read(lm, chat, layers=[1, 3])
    table = reading.to_polars()
    assert table.columns == ["place", "token", "emotion", "layer", "raw", "centred", "projection"]
    assert len(table) == reading.raw.size
    for row in table.sample(40, seed=1).iter_rows(named=True):
        at = row["place"], reading.emotions.index(row["emotion"]), reading.layers.index(row["layer"])
        assert row["token"] == reading.tokens[row["place"]]
        assert (row["raw"], row["centred"], row["projection"]) == (
            reading.raw[at], reading.centred[at], reading.projection[at],
        )  # fmt: skip
    own = [place for _, first, last in reading.messages for place in range(max(first, 1), last)]
    means = {name: reading.centred[own, i, 1].astype(float).mean() for i, name in enumerate(reading.emotions)}
    found = reading.top(2, layer=3)
    assert [name for name, _ in found] == sorted(means, key=means.__getitem__, reverse=True)[:2]
    assert found[0][1] == pytest.approx(means[found[0][0]], abs=1e-6)
    with pytest.raises(UserError, match="Layer 2 was not read; choose one of 1, 3"):
        reading.top(layer=2)
    chart = reading.plot(layer=3, most=2)
    (cells,) = chart.to_dict()["datasets"].values()
    assert len(cells) == 2 * len(reading.tokens) and {cell["name"] for cell in cells} == {name for name, _ in found}
    one = next(cell for cell in cells if cell["name"] == found[0][0] and cell["place"].startswith("5:"))
    assert one["cosine"] == pytest.approx(reading.centred[5, reading.emotions.index(found[0][0]), 1], abs=1e-4)
    chart.save(tmp_path / "reading.svg")
    assert "</script>" not in (tmp_path / "reading.svg").read_text()
    chart.save(tmp_path / "reading.html")
    bare = make_vectors(centre=False).read(lm, "A word.")
    assert bare.to_polars()["centred"].null_count() == bare.raw.size and bare.plot().to_dict()["title"].startswith(
        "raw"
    )
