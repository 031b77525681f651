"""What is added is the sum of the vectors; the three texts do not depend on each other."""

import numpy as np
import pytest
import torch

from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.lm.writers.base import Sampling
from emotion_vectors.vectors import writing
from emotion_vectors.vectors.writing import Text, _warnings, compare_writing
from vectors.steered import lm, vectors  # noqa: F401

PROMPT = "How was the day?"


def test_what_is_added_is_the_sum_of_the_vectors_in_residual_norms_and_a_random_one_as_long(vectors, lm, monkeypatch):
    seen = []
    real = writing.answer_steered

    def spy(lm, ids, added, *rest):
        seen.append({layer: rows.copy() for layer, rows in added.items()})
        return real(lm, ids, added, *rest)

    monkeypatch.setattr(writing, "answer_steered", spy)
    compare_writing(
        vectors, lm, PROMPT, {"calm": 0.5, "angry": -0.2}, layers=[1, 3], sampling=Sampling(max_new_tokens=2)
    )
    plain, steered, random = seen
    assert plain == {} and set(steered) == set(random) == {1, 3}
    for layer, norm in ((1, 2.0), (3, 4.0)):
        calm, angry, _ = (row / np.linalg.norm(row) for row in vectors.raw[layer].astype(np.float64))
        assert steered[layer][0] == pytest.approx((0.5 * calm - 0.2 * angry) * norm / 2, rel=1e-5)
        assert np.linalg.norm(random[layer]) == pytest.approx(np.linalg.norm(steered[layer]))
        assert abs(np.dot(random[layer][0], steered[layer][0])) < 0.8 * np.linalg.norm(steered[layer]) ** 2
    assert random[1][0] / np.linalg.norm(random[1]) == pytest.approx(random[3][0] / np.linalg.norm(random[3]))


def test_the_three_do_not_depend_on_each_other_and_unsteered_is_the_plain_model(vectors, lm):
    greedy = Sampling(temperature=0, max_new_tokens=10)
    found = compare_writing(vectors, lm, PROMPT, {"calm": 0.5}, sampling=greedy)
    other = compare_writing(vectors, lm, PROMPT, {"angry": 2.0}, sampling=greedy)
    assert found.of("unsteered") == other.of("unsteered") and found.of("steered") != other.of("steered")
    ids = chat_prompt(lm, "{m}", {"m": PROMPT}).ids
    written = lm.model.generate(
        torch.tensor([ids]), do_sample=False, max_new_tokens=10, eos_token_id=lm.tokenizer.eos_token_id
    )
    assert (
        found.of("unsteered")[0].text == lm.tokenizer.decode(written[0, len(ids) :], skip_special_tokens=True).strip()
    )
    zero = compare_writing(vectors, lm, PROMPT, {"calm": 0.0}, sampling=greedy)
    assert {text.text for text in zero.texts} == {found.of("unsteered")[0].text} and zero.warnings == ()


def test_tokens_and_system_text_change_what_is_written(vectors, lm):
    def text(**options):
        found = compare_writing(
            vectors, lm, PROMPT, {"calm": 2.0}, sampling=Sampling(temperature=0, max_new_tokens=10), **options
        )
        return [one.text for one in found.texts]

    kinds = [text(tokens=tokens) for tokens in ("all", "prompt", "response")]
    assert len({one[0] for one in kinds}) == 1 and kinds[0][1] != kinds[1][1]
    assert text(system="You repair clocks.")[0] != kinds[0][0]


def test_a_broken_text_is_warned_of_with_its_numbers():
    def text(kind, log_probability, repeated):
        return Text(kind, 0, 0, "", 5, log_probability, repeated)

    fine = [text("unsteered", -1.0, 0.1), text("steered", -2.5, 0.3), text("random", -1.5, 0.1)]
    assert _warnings(fine, 1) == []
    broken = [text("unsteered", -1.0, 0.1), text("steered", -4.2, 0.1), text("random", -1.5, 0.5)]
    first, second = _warnings(broken, 1)
    assert (
        "steered text" in first
        and "3.2 nats" in first
        and "random text" in second
        and "+40 percentage points" in second
    )
