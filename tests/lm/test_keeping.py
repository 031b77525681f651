"""What is kept on disk is the same and leaves no file."""

from pathlib import Path

import numpy as np
import torch
from tiny import tiny

from emotion_vectors.lm import choices, keeping
from lm.choosing import OPTIONS

TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("


LAYER = 1


def test_what_is_kept_on_disk_is_the_same_and_leaves_no_file(tmp_path):
    lm, said = tiny(), []
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    size = choices.kept_bytes(lm, prepared, LAYER)
    assert keeping.keep_for(size, tmp_path / "parts", said.append, free=2 * size) is keeping.in_memory and not said
    keep = keeping.keep_for(size, tmp_path / "parts", said.append, free=2 * size - 2)
    assert len(said) == 1 and "on disk" in said[0]
    plain, mapped = (choices.read_baseline(lm, prepared, LAYER, keep=how) for how in (keeping.in_memory, keep))
    assert not list((tmp_path / "parts").iterdir())
    tensors = [t for kept in mapped.kept for t in (kept.residual, kept.answers, *(t for kv in kept.prefix for t in kv))]
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert held <= size <= 2 * held, "the estimate decides where it is kept"
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(tmp_path) in maps.read_text(), "the tensors must lie in files"
    vectors = {LAYER: torch.randn(2, lm.hidden_size, generator=torch.Generator().manual_seed(6))}
    for touch in ("first", "all"):
        one, other = (choices.read_steered(lm, prepared, baseline, vectors, touch) for baseline in (plain, mapped))
        np.testing.assert_array_equal(one.logits, other.logits)
    assert keeping.free_bytes() > 1 << 20
