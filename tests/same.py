"""Two models that ought to be the same: layers, pooled means, choices and steered text, ours of one against plain loops on the other."""

import numpy as np
import torch
from tiny import hooks

from emotion_vectors.bench import plain
from emotion_vectors.lm import choices
from emotion_vectors.lm.selfcheck import check_forward
from emotion_vectors.vectors import activations
from emotion_vectors.vectors.steering import Addition, steer

TEMPLATE, PREFILL, LAYER = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "(", 1
OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "count the words"]


def agrees(lm, whole, roles=("first", "second"), nats=1e-4):
    """Layers, pooled means, choices and steered text of `lm` are those of `whole`, a model on one device."""
    ids = torch.randint(5, len(lm.tokenizer), (2, 30), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = (one(ids, output_hidden_states=True, use_cache=False) for one in (lm.model, whole.model))
    for one, other in zip([*ours.hidden_states, ours.logits], [*theirs.hidden_states, theirs.logits], strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)
    generator = torch.Generator().manual_seed(2)
    rows = [torch.randint(5, len(lm.tokenizer), (size,), generator=generator).tolist() for size in (30, 11, 25, 18)]
    texts = [(row, (place % 3, len(row))) for place, row in enumerate(rows)]
    np.testing.assert_allclose(activations.pool(lm, texts).means[:, 1:], plain.extraction(whole, texts), atol=1e-4)
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    vectors = torch.randn(2, lm.hidden_size, generator=generator) * 2
    before = hooks(lm.model), [vars(part).get("forward") for part in lm.model.modules()]
    baseline = choices.read_baseline(lm, prepared, LAYER)
    for role in roles:
        found = choices.read_steered(lm, prepared, baseline, {LAYER: vectors}, role).differences
        for vector, table in zip(vectors, found, strict=True):
            wanted = plain.steering(whole, list(prepared.prompts.values()), prepared.tokens, LAYER, vector, role)
            np.testing.assert_allclose([table[key] for key in prepared.prompts], wanted, atol=nats)
    assert before == (hooks(lm.model), [vars(part).get("forward") for part in lm.model.modules()]), "all as it was"
    written = []
    for one in (lm, whole):
        with steer(one, [Addition(LAYER, vectors[0].numpy())]):
            written.append(one.model.generate(ids[:1], max_new_tokens=8, do_sample=False))
    assert torch.equal(*written)
    assert check_forward(lm) < 1e-3
