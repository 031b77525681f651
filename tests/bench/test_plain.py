"""The plain baselines and the production paths give the same numbers: neither is timed on something else."""

import numpy as np
import pytest
import torch
from tiny import ARCHITECTURES, tiny

from emotion_vectors.bench import plain
from emotion_vectors.lm import choices
from emotion_vectors.lm.prompts import story_prompt
from emotion_vectors.lm.writers.base import Request, Sampling, end_tokens, read_text
from emotion_vectors.lm.writers.transformers_writer import TransformersWriter
from emotion_vectors.vectors import activations

OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "hide a mistake from the people who audit you",
           "count the words", "swap riddles"]  # fmt: skip
TEMPLATE, PREFILL, LAYER = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "(", 1
STORIES = [" ".join(f"{word} walked home in the rain" for word in words.split()) for words in
           ("she", "he it they we you", "nobody everybody", "one two three four five six seven", "a b c",
            "d e f g", "h", "i j", "k l m n o", "p q r", "s t")]  # fmt: skip


@pytest.fixture(params=[(kind, True) for kind in ARCHITECTURES] + [("gpt_neox", False)], ids=str)
def lm(request):
    return tiny(*request.param)


@pytest.fixture
def prepared(lm):
    return choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)


def test_extraction_equals_the_production_path(lm):
    texts = []
    for place, story in enumerate(STORIES):
        prompt = story_prompt(lm, story, chat=False)
        texts.append((prompt.ids, (place % 3, len(prompt.ids) - place % 2)))
    assert len(texts) > plain.BATCH, "more than one batch, so that padding differs"
    found, fast = plain.extraction(lm, texts), activations.pool(lm, texts, tokens_per_batch=300).means
    assert found.shape == (len(texts), lm.n_layers, lm.hidden_size)
    np.testing.assert_allclose(found, fast[:, 1:], atol=2e-5)


def test_padding_of_the_plain_batches_is_counted():
    assert plain.padded_tokens([3, 1, 1, 1, 1, 1, 1, 1, 5, 2]) == 8 * 3 + 2 * 5


def test_preferences_equal_the_production_path(lm, prepared):
    fast = choices.read_baseline(lm, prepared).differences
    found = plain.preferences(lm, list(prepared.prompts.values()), prepared.tokens)
    np.testing.assert_allclose(found, [fast[key] for key in prepared.prompts], atol=1e-4)
    assert found.std() > 1e-3


@pytest.mark.parametrize("role", ["first", "second"])
def test_steering_equals_the_production_path(lm, prepared, role):
    vectors = torch.randn(2, lm.hidden_size, generator=torch.Generator().manual_seed(0)) * 2
    baseline = choices.read_baseline(lm, prepared, LAYER)
    fast = choices.read_steered(lm, prepared, baseline, {LAYER: vectors}, role).differences
    prompts = list(prepared.prompts.values())
    for row, vector in enumerate(vectors):
        found = plain.steering(lm, prompts, prepared.tokens, LAYER, vector, role)
        np.testing.assert_allclose(found, [fast[row][key] for key in prepared.prompts], atol=1e-4)
        assert np.abs(found - [baseline.differences[key] for key in prepared.prompts]).max() > 0.01


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox"])
def test_generate_without_chance_writes_what_the_writer_writes(kind):
    lm = tiny(kind)
    requests = [Request(str(i), tuple(story_prompt(lm, text, chat=False).ids), i) for i, text in enumerate(STORIES[:5])]
    greedy = Sampling(temperature=0, max_new_tokens=12)
    ends = end_tokens(lm)
    fast = {one.key: one for one in TransformersWriter(lm, 5).write(requests, greedy)}
    for batch in (1, 3):
        found = plain.writing(lm, requests, greedy, batch, ends)
        assert [len(tokens) for tokens in found] == [fast[one.key].tokens for one in requests]
        assert [read_text(lm, tokens) for tokens in found] == [fast[one.key].text for one in requests]


def test_tokens_after_the_end_are_not_counted():
    assert plain._until([5, 6, 2, 0, 0], {2}) == [5, 6]
    assert plain._until([5, 6], {2}) == [5, 6]
    assert plain._until([2, 5], {2}) == []
