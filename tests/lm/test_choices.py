"""Choices from packed trees, plain and steered from a layer on, against one prompt at a time with a plain hook."""

import numpy as np
import pytest
import torch
from tiny import ARCHITECTURES, tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices

OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "hide a mistake from the people who audit you",
           "count the words", "help a gang", "swap riddles"]  # fmt: skip
TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("
STEERED = np.array([True, False, True, False, True, False])
LAYER = 1


def steered_differences(*arguments, **options):
    """logit(A) - logit(B), (m, n, n), of the steered choices."""
    logits = choices.read_steered(*arguments, **options)
    return logits[..., 0] - logits[..., 1]


def slow_difference(lm, prompt, tokens, additions=None, positions=()):
    """logit(A) - logit(B) of one prompt, with vectors added by a hook of this test's own."""
    handles = []
    for layer, vector in (additions or {}).items():

        def hook(module, args, output, vector=vector):
            residual = (output[0] if isinstance(output, tuple) else output).clone()
            for position in positions:
                residual[0, position] += vector
            return (residual, *output[1:]) if isinstance(output, tuple) else residual

        handles.append(lm.parts.blocks[layer].register_forward_hook(hook))
    with torch.no_grad():
        logits = lm.model(torch.tensor([prompt.ids])).logits[0, -1].double()
    for handle in handles:
        handle.remove()
    return float(logits[tokens[0]] - logits[tokens[1]])


@pytest.fixture(params=[(kind, True) for kind in ARCHITECTURES] + [("gpt_neox", False)], ids=str)
def asked(request):
    lm = tiny(*request.param)
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    return lm, prepared, choices.read_baseline(lm, prepared, LAYER)


def test_baseline_equals_one_prompt_at_a_time(asked):
    lm, prepared, baseline = asked
    for (i, j), prompt in prepared.prompts.items():
        assert baseline.differences[i, j] == pytest.approx(slow_difference(lm, prompt, prepared.tokens), abs=1e-4)
        with torch.no_grad():
            own = lm.model(torch.tensor([prompt.ids])).logits[0, -1, list(prepared.tokens)]
        np.testing.assert_allclose(baseline.logits[i, j], own, atol=1e-4)
    assert np.isnan(np.diag(baseline.differences)).all()


def test_mass_is_the_probability_of_both_answers(asked):
    lm, prepared, baseline = asked
    with torch.no_grad():
        logits = lm.model(torch.tensor([prepared.prompts[2, 4].ids])).logits[0, -1].double()
    expected = torch.softmax(logits, -1)[list(prepared.tokens)].sum()
    assert baseline.mass[2, 4] == pytest.approx(float(expected), rel=1e-4)


def spans(prompt, steered, i, j, where):
    if where == "all":
        return range(len(prompt.ids))
    names = [name for name, option in (("activity_a", i), ("activity_b", j)) if where == "both" or steered[option]]
    return [position for name in names for position in range(*prompt.spans[name])]


@pytest.mark.parametrize("where", ["steered", "both", "all"])
def test_steering_equals_a_plain_hook_on_the_full_pass(asked, where):
    lm, prepared, baseline = asked
    vectors = torch.randn(3, lm.hidden_size, generator=torch.Generator().manual_seed(0)) * 2
    found = steered_differences(
        lm, prepared, baseline.residuals, {LAYER: vectors}, STEERED, where, tokens_per_batch=200
    )
    moved = 0.0
    for (i, j), prompt in prepared.prompts.items():
        if STEERED[i] == STEERED[j]:
            assert np.isnan(found[:, i, j]).all()
            continue
        for row, vector in enumerate(vectors):
            expected = slow_difference(
                lm, prompt, prepared.tokens, {LAYER: vector}, spans(prompt, STEERED, i, j, where)
            )
            assert found[row, i, j] == pytest.approx(expected, abs=1e-4)
            moved = max(moved, abs(expected - baseline.differences[i, j]))
    assert moved > 0.01, "the vectors must matter for this test to mean anything"


def test_a_band_of_layers_equals_hooks_on_each(asked):
    lm, prepared, baseline = asked
    generator = torch.Generator().manual_seed(3)
    additions = {layer: torch.randn(2, lm.hidden_size, generator=generator) for layer in (1, 2, 3)}
    found = steered_differences(lm, prepared, baseline.residuals, additions, STEERED)
    prompt = prepared.prompts[0, 3]
    one = {layer: vectors[1] for layer, vectors in additions.items()}
    expected = slow_difference(lm, prompt, prepared.tokens, one, range(*prompt.spans["activity_a"]))
    assert found[1, 0, 3] == pytest.approx(expected, abs=1e-4)


def test_strength_zero_reproduces_the_baseline(asked):
    lm, prepared, baseline = asked
    zero = torch.zeros(1, lm.hidden_size)
    found = steered_differences(lm, prepared, baseline.residuals, {LAYER: zero}, STEERED)[0]
    mixed = STEERED[:, None] != STEERED[None]
    assert np.abs(found - baseline.differences)[mixed].max() < 1e-4


def test_many_vectors_in_one_batch_equal_one_at_a_time(asked):
    lm, prepared, baseline = asked
    vectors = torch.randn(5, lm.hidden_size, generator=torch.Generator().manual_seed(4))
    together = steered_differences(
        lm, prepared, baseline.residuals, {LAYER: vectors}, STEERED, tokens_per_batch=100_000
    )
    alone = steered_differences(lm, prepared, baseline.residuals, {LAYER: vectors}, STEERED, tokens_per_batch=1)
    assert np.nanmax(np.abs(together - alone)) < 1e-4
    assert np.nanmax(np.abs(together[0] - together[1])) > 1e-3, "each row must get its own vector"


def test_nothing_stays_hooked_or_replaced(asked):
    lm, prepared, baseline = asked
    before = slow_difference(lm, prepared.prompts[0, 1], prepared.tokens)
    bad = torch.randn(1, lm.hidden_size + 1)
    with pytest.raises(RuntimeError):
        steered_differences(lm, prepared, baseline.residuals, {LAYER: bad}, STEERED)
    assert slow_difference(lm, prepared.prompts[0, 1], prepared.tokens) == before
    assert all("forward" not in block.__dict__ and not block._forward_hooks for block in lm.parts.blocks)


def test_every_span_decodes_to_its_activity(asked):
    lm, prepared, _ = asked
    for (i, j), prompt in prepared.prompts.items():
        for name, option in (("activity_a", i), ("activity_b", j)):
            first, last = prompt.spans[name]
            assert lm.tokenizer.decode(prompt.ids[first:last]).strip() == OPTIONS[option]


def test_a_prompt_longer_than_the_attention_window_is_refused():
    lm = tiny("mistral")
    with pytest.raises(UserError, match="window"):
        choices.prepare(lm, "word " * 600 + TEMPLATE, PREFILL, OPTIONS[:2])
