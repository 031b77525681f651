"""The planted tokenizer loses nothing, and the planted writer writes what a corpus needs."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_vectors.lm.writers.base import Request, Sampling
from planted.plain import SAMPLING, chat, encode, run, write
from planted.planted_tokenizer import case_variants
from planted.planted_writer import PlantedWriter


def test_tokenizer_keeps_text_offsets_and_words(planted):
    for text in ("It's  a\n\nlong-gone (day), 12.5 km; \tnaïve ☂?", *planted.activities, *planted.scenarios):
        encoded = planted.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        assert planted.tokenizer.decode(encoded["input_ids"]) == text
        spelled = {(start, end): text[start:end] for start, end in encoded["offset_mapping"]}
        if text.isascii():
            assert "".join(spelled.values()) == text
    for emotion in planted.emotions:
        if emotion.isalpha():
            assert all(len(encode(planted, variant)) == 1 for variant in case_variants(emotion))
    assert [len(encode(planted, sign)) for sign in "A B ( ) : 0 ?".split()] == [1] * 7
    assert planted.tokenizer("A")["input_ids"][0] == planted.tokenizer.bos_token_id


def test_stories_differ_and_never_name_the_emotion(planted, pack):
    topic = pack.topics[0]
    stories = [pack.prompts.story.format(emotion="happy", topic=topic, n_stories=1)] * 20
    texts = write(planted, pack, stories)
    assert texts == write(planted, pack, stories) and texts != write(planted, pack, stories, seed=1)
    triples = [{tuple(text.split()[i : i + 3]) for i in range(len(text.split()) - 2)} for text in texts]
    shared = max(len(a & b) / len(a | b) for i, a in enumerate(triples) for b in triples[:i])
    assert shared < 0.1
    names = {name for emotion in pack.emotions for name in (emotion, *pack.synonyms[emotion])}
    for text in texts:
        assert 75 <= len(text.split()) <= 110
        assert not names & set(text.lower().replace(".", "").split())
        # Every word is one token.
        assert len(encode(planted, text)) == len(text.split()) + text.count(".")


def test_neutral_texts_carry_no_emotion_and_other_prompts_are_refused(planted, pack):
    question = pack.neutral_questions[0] if pack.neutral_questions else pack.topics[0]
    message = pack.prompts.neutral.format(question=question, topic=question, n_stories=1)
    (text,) = write(planted, pack, [message])
    invented = {word for group in planted.story_words.values() for word in group}
    assert not invented & set(text.replace(".", "").split())
    state = run(planted, planted.tokenizer(text)["input_ids"])[1]
    assert np.abs(state[planted.analysis_layer] @ planted.directions[planted.analysis_layer].T).max() < 1e-3
    with pytest.raises(ValueError, match="neither"):
        write(planted, pack, ["Tell me a joke."])


def test_written_texts_end_at_the_token_limit(planted, pack):
    writer = PlantedWriter(planted, pack.prompts.story, pack.prompts.neutral)
    prompt = chat(planted, pack.prompts.story.format(emotion="calm", topic=pack.topics[1], n_stories=1))
    request = Request(key="x", prompt_ids=tuple(encode(planted, prompt)), seed=3)
    (short,) = writer.write([request], Sampling(max_new_tokens=20))
    (whole,) = writer.write([request], SAMPLING)
    assert short.tokens == 20 and not short.finished and whole.finished and whole.text.startswith(short.text)
