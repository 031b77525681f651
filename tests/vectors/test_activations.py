"""Pooling against one text at a time with the model's own hidden states, no padding, no batching."""

import numpy as np
import pytest
import torch
from quick import quick
from tiny import ARCHITECTURES, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import forward, packed
from emotion_vectors.vectors import activations, passes
from vectors.rows import slow_means, texts

LAYOUTS = ("packed", "right", "left", None)


@pytest.fixture(autouse=True)
def _untried():
    """Every test tries anew whether a model can read packed texts: another test may have broken one on purpose."""
    packed._chosen.clear()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", quick(["llama", "gemma3"], ARCHITECTURES))
def test_pool_equals_one_text_at_a_time(kind, layout):
    lm = tiny(kind)
    rows = texts(lm, 12)
    if layout == "packed" and kind == "gemma2":
        with pytest.raises(ValueError, match="can't read these texts packed"):
            activations.pool(lm, rows, layout=layout)
        return
    pooled = activations.pool(lm, rows, tokens_per_batch=200, layout=layout)
    for row, text in enumerate(rows):
        np.testing.assert_allclose(pooled.means[row], slow_means(lm, text), atol=1e-4)


@pytest.mark.parametrize("kind", ["mistral", "gemma2", "gemma3"])
def test_texts_longer_than_a_sliding_window(kind):
    lm = tiny.__wrapped__(kind)
    lm.model.config.sliding_window = 8
    rows = texts(lm, 12)
    before = [slow_means(tiny(kind), text) for text in rows]
    expected = [slow_means(lm, text) for text in rows]
    assert max(np.abs(a - b).max() for a, b in zip(before, expected, strict=True)) > 0.01, "the window must matter"
    for layout in ("right", "left", None):
        pooled = activations.pool(lm, rows, tokens_per_batch=200, layout=layout)
        np.testing.assert_allclose(pooled.means, expected, atol=1e-4)


def test_layer_l_is_the_output_of_block_l():
    lm = tiny()
    rows = texts(lm, 4)
    pooled = activations.pool(lm, rows)
    for row, (ids, (first, last)) in enumerate(rows):
        with torch.no_grad():
            states = lm.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
        for layer in range(lm.n_layers - 1):
            np.testing.assert_allclose(
                pooled.means[row, layer + 1], states[layer + 1][0, first:last].mean(0), atol=1e-5
            )


def test_batches_and_padding_side_change_nothing():
    lm = tiny()
    rows = texts(lm, 40)
    alone = activations.pool(lm, rows, tokens_per_batch=1)
    together = activations.pool(lm, rows, tokens_per_batch=100_000)
    padded = [activations.pool(lm, rows, tokens_per_batch=100_000, layout=side) for side in ("right", "left")]
    for other in (together, *padded):
        np.testing.assert_allclose(other.means, alone.means, atol=1e-4)
        np.testing.assert_allclose(other.norms, alone.norms, rtol=1e-4)


def test_norms_are_mean_residual_norms_of_the_range():
    lm = tiny()
    ids, (first, last) = texts(lm, 1)[0]
    with torch.no_grad():
        states = lm.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    found = activations.pool(lm, [(ids, (first, last))]).norms[0]
    for layer in range(lm.n_layers):
        assert found[layer] == pytest.approx(float(states[layer][0, first:last].norm(dim=-1).mean()), rel=1e-4)


@pytest.mark.slow
def test_sums_by_shard_add_up_to_the_whole():
    lm, layer = tiny(), 1
    rows = texts(lm, 30)
    groups = [3 - i % 3 for i in range(30)]  # group 0 has no text, and the first shard none of group 2
    groups[:13] = [3 if group == 2 else group for group in groups[:13]]
    total = activations.no_sums(4, lm.n_layers + 1, lm.hidden_size)
    kept = []
    for a, b in ((0, 13), (13, 30)):
        part, vectors = activations.pool_groups(lm, rows[a:b], groups[a:b], layer, tokens_per_batch=300)
        assert 2 not in part.groups or a
        total = total.add(part)
        kept.append(vectors)
    slow = np.stack([slow_means(lm, row) for row in rows])
    np.testing.assert_allclose(np.concatenate(kept), slow[:, layer + 1], atol=1e-4)
    assert total.counts.tolist() == np.bincount(groups, minlength=4).tolist() and total.counts[0] == 0
    for group in (1, 2, 3):
        expected = slow[np.array(groups) == group].mean(axis=0)
        np.testing.assert_allclose(total.sums[group] / total.counts[group], expected, atol=1e-4)
    assert total.tokens == sum(last - first for _, (first, last) in rows)
    norms = [
        np.linalg.norm(np.stack([slow_means(lm, (ids, (at, at + 1))) for at in range(first, last)]), axis=-1).sum(0)
        for ids, (first, last) in rows
    ]
    np.testing.assert_allclose(total.norm_sums, np.sum(norms, axis=0), rtol=1e-4)


def test_no_texts_give_empty_sums():
    lm = tiny()
    part, vectors = activations.pool_groups(lm, [], [], 1)
    assert part.sums.shape == (0, lm.n_layers + 1, lm.hidden_size) and vectors.shape == (0, lm.hidden_size)
    assert part.tokens == 0 and not part.norm_sums.any()


@pytest.mark.parametrize("layout", ["packed", "right"])
def test_running_out_of_memory_halves_the_batch_and_changes_nothing(monkeypatch, layout):
    lm, most, sizes, said = tiny(), 250, [], []
    rows = texts(lm, 40)
    expected, expected_rows = activations.pool(lm, rows), activations.token_rows(lm, rows)
    whole = passes.read

    def scarce(lm, laid, take):
        sizes.append(laid.size)

        def limited(layer, residual):
            take(layer, residual)
            if laid.size > most and layer == 1:  # in the midst of a pass, when some layers were taken already
                raise torch.OutOfMemoryError("CUDA out of memory.")

        whole(lm, laid, limited)

    monkeypatch.setattr(passes, "read", scarce)
    room = passes.room_of(lm, 1000, said.append)
    found = activations.pool(lm, rows, room, layout=layout)
    np.testing.assert_allclose(found.means, expected.means, atol=1e-4)
    np.testing.assert_allclose(found.norms, expected.norms, rtol=1e-4)
    assert len(said) == 2 and room.size <= 250 and "continuing with" in said[0]
    failed = [size for size in sizes if size > most]
    assert len(failed) == 2, "it must run out once for each size"
    # The room is kept for the next call, which runs out no more.
    groups = [i % 3 for i in range(40)]
    part, _ = activations.pool_groups(lm, rows, groups, 1, room)
    for group in range(3):
        np.testing.assert_allclose(part.sums[group], expected.means[np.array(groups) == group].sum(0), atol=1e-3)
    np.testing.assert_allclose(activations.token_rows(lm, rows, tokens_per_batch=room), expected_rows, atol=1e-4)
    assert len(said) == 2


def test_a_text_that_does_not_fit_is_a_sentence(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(forward, "watch_embedding", full)
    lm = tiny()
    with pytest.raises(UserError, match="not enough memory"):
        activations.pool(lm, texts(lm, 4), layout="right")


def test_token_rows_are_single_tokens_of_the_range():
    lm = tiny()
    rows = texts(lm, 5)
    found = activations.token_rows(lm, rows, per_text=3)
    expected = []
    for ids, (first, last) in rows:
        picked = np.unique(np.linspace(first, last - 1, min(3, last - first)).astype(int))
        expected += [slow_means(lm, (ids, (int(p), int(p) + 1))) for p in picked]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-4)
