"""Pooling against one text at a time with the model's own hidden states, no padding, no batching."""

import numpy as np
import pytest
import torch
from tiny import ARCHITECTURES, tiny

from emotion_vectors.vectors import activations


def texts(lm, count=40, seed=0):
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        length = int(generator.integers(3, 60))
        ids = generator.integers(5, len(lm.tokenizer), length).tolist()
        first = int(generator.integers(0, length - 1))
        rows.append((ids, (first, int(generator.integers(first + 1, length + 1)))))
    return rows


def slow_means(lm, text):
    """(n + 1, d): embedding and block outputs by `output_hidden_states`, except the last block, which a hook reads.

    The last entry of `hidden_states` is after the final norm, so it can't serve as the output of the last block.
    """
    ids, (first, last) = text
    kept = {}
    handle = lm.parts.blocks[-1].register_forward_hook(
        lambda m, a, output: kept.update(last=output[0] if isinstance(output, tuple) else output)
    )
    with torch.no_grad():
        states = list(lm.model(torch.tensor([ids]), output_hidden_states=True).hidden_states)
    handle.remove()
    states[-1] = kept["last"].reshape(1, len(ids), -1)
    return torch.stack([state[0, first:last].mean(0) for state in states]).numpy()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_pool_equals_one_text_at_a_time(kind):
    lm = tiny(kind)
    rows = texts(lm, 12)
    pooled = activations.pool(lm, rows, tokens_per_batch=200)
    for row, text in enumerate(rows):
        np.testing.assert_allclose(pooled.means[row], slow_means(lm, text), atol=1e-4)


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
    left = activations.pool(lm, rows, tokens_per_batch=100_000, side="left")
    for other in (together, left):
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


def test_sums_by_shard_add_up_to_the_whole():
    lm = tiny()
    rows = texts(lm, 30)
    groups = [i % 3 for i in range(30)]
    pooled = activations.pool(lm, rows)
    whole = activations.group_sums(pooled, groups, 4)
    halves = [activations.group_sums(activations.pool(lm, rows[a:b]), groups[a:b], 4) for a, b in ((0, 13), (13, 30))]
    joined = halves[0].add(halves[1])
    np.testing.assert_allclose(joined.sums, whole.sums, atol=1e-4)
    assert joined.counts.tolist() == [10, 10, 10, 0] and joined.tokens == whole.tokens
    for group in range(3):
        expected = np.mean([slow_means(lm, rows[i]) for i in range(30) if groups[i] == group], axis=0)
        np.testing.assert_allclose(whole.sums[group] / 10, expected, atol=1e-4)
    expected_norm = sum(pooled.norms[i] * pooled.tokens[i] for i in range(30)) / whole.tokens
    np.testing.assert_allclose(whole.norm_sums / whole.tokens, expected_norm, rtol=1e-6)


def test_token_rows_are_single_tokens_of_the_range():
    lm = tiny()
    rows = texts(lm, 5)
    found = activations.token_rows(lm, rows, per_text=3)
    expected = []
    for ids, (first, last) in rows:
        picked = np.unique(np.linspace(first, last - 1, min(3, last - first)).astype(int))
        expected += [slow_means(lm, (ids, (int(p), int(p) + 1))) for p in picked]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-4)


def test_a_batch_holds_at_most_its_token_budget():
    lengths = [int(x) for x in np.random.default_rng(0).integers(1, 100, 200)]
    groups = activations.batches(lengths, 300)
    assert sorted(row for group in groups for row in group) == list(range(200))
    assert all(len(group) == 1 or max(lengths[row] for row in group) * len(group) <= 300 for group in groups)
