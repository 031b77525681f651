"""Vectors that all do the same are called degenerate, and others are not."""

from emotion_vectors.experiments.specificity import sentences
from emotion_vectors.experiments.specificity.record import KINDS
from experiments.specificity.worlds import run, world


def test_vectors_that_all_do_the_same_are_called_degenerate_and_others_are_not():
    same, _ = run(world(common=1.0, noise=0.02))
    own = same.arm("emotion")
    assert own.r.value > 0.97 and sentences.degenerate(own) and "(degenerate)" in sentences.remarks(same)["V10"]
    assert [arm.kind for arm in same.arms] == list(KINDS) and all(arm.r.value > 0.9 for arm in same.arms)
    specific, _ = run(world(noise=0.3))
    own = specific.arm("emotion")
    assert abs(own.r.value) < 0.3 and not sentences.degenerate(own)
    assert "degenerate" not in " ".join(sentences.remarks(specific).values())
    beyond = specific.arm("random").beyond
    assert beyond.low < 0 < beyond.high
