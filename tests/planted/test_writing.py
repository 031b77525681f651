"""The planted tokenizer loses nothing, and the planted model writes what a corpus needs, and what it is pushed to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_vectors.planted import content
from emotion_vectors.planted.making import make_planted
from emotion_vectors.planted.tokenizer import case_variants
from emotion_vectors.planted.worlds import plant_pack
from planted.plain import add, chat, encode, run, unit, write


@pytest.fixture(scope="module")
def empty(pack):
    return plant_pack(pack, pack.subset[:16], effect=0, structure=False)


def words(text):
    return text.replace(".", "").split()


def share(planted, text, emotion):
    """Share of the words of a text that are words of `emotion`."""
    return sum(word in planted.story_words[emotion] for word in words(text)) / len(words(text))


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


@pytest.mark.slow
def test_stories_differ_and_never_name_the_emotion(planted, pack):
    topic = pack.topics[0]
    stories = [pack.prompts.story.format(emotion="happy", topic=topic, n_stories=1)] * 20
    texts = write(planted, stories)
    triples = [{tuple(text.split()[i : i + 3]) for i in range(len(text.split()) - 2)} for text in texts]
    shared = max(len(a & b) / len(a | b) for i, a in enumerate(triples) for b in triples[:i])
    # Drawn word by word, two texts share 1.3 of about 176 triples on average; 9 in any of the 190 pairs would be a chance of 0.004.
    assert shared < 0.05
    names = {name for emotion in pack.emotions for name in (emotion, *pack.synonyms[emotion])}
    for text in texts:
        assert 75 <= len(text.split()) <= 100
        assert not names & set(text.lower().replace(".", "").split())
        # Every word is one token.
        assert len(encode(planted, text)) == len(text.split()) + text.count(".")


@pytest.mark.slow
def test_a_story_has_words_of_the_named_emotion_and_of_no_other(planted, empty, pack):
    # The topic has the word "edge": a name counts after its marker only.
    other = plant_pack(pack, ("on edge", "happy", "sad", "calm"))
    assert "edge" in pack.topics[7] and "Ġedge" in other.tokenizer.get_vocab()
    for world in (planted, empty, other):
        prompts = [pack.prompts.story.format(emotion=e, topic=pack.topics[7], n_stories=1) for e in world.emotions]
        for emotion, text in zip(world.emotions, write(world, prompts), strict=True):
            # Three words to one filler or link, as planted; a nucleus of 0.95 cuts a tail of the fillers.
            assert share(world, text, emotion) == pytest.approx(0.72, abs=0.2)
            assert all(share(world, text, other) == 0 for other in world.emotions if other != emotion)


@pytest.mark.slow
def test_neutral_texts_carry_no_emotion(planted, pack):
    question = pack.neutral_questions[0] if pack.neutral_questions else pack.topics[0]
    message = pack.prompts.neutral.format(question=question, topic=question, n_stories=1)
    text, other = write(planted, [message, "How calm are you, and how happy?"])
    invented = {word for group in planted.story_words.values() for word in group}
    assert not invented & set(words(text)) and not invented & set(words(other))
    state = run(planted, planted.tokenizer(text)["input_ids"])[1]
    assert np.abs(state[planted.analysis_layer] @ planted.directions[planted.analysis_layer].T).max() < 1e-3


@pytest.mark.parametrize("size", [0.0, 0.1, 0.15, 0.3, 0.5])
def test_a_push_brings_the_words_of_its_emotion_by_the_planted_amount(planted, empty, size):
    row = planted.emotions.index("calm")
    for world in (planted, empty):
        vector = size * unit(world.direction("calm"))
        ids = encode(world, chat(world, "How are you?") + " The")
        after = run(world, ids, {world.analysis_layer: add(vector, [len(ids) - 1])})[0][-1]
        before = run(world, ids)[0][-1]
        own = encode(world, "".join(f" {word}" for word in world.story_words["calm"]))
        change = (after - before)[own]
        voice = world.expected_voice(vector)
        assert voice[row] == (
            0 if world is empty else pytest.approx(np.clip((world.axes[row] @ vector - 0.05) / 0.1, 0, 1))
        )
        assert change == pytest.approx(np.full(len(own), content.WORD * voice[row]), abs=0.6)
    assert not size or before[own] == pytest.approx(after[own], abs=0.2)


@pytest.mark.slow
def test_pushed_text_says_so_and_a_push_the_other_way_says_nothing(planted):
    ids = torch.tensor([encode(planted, chat(planted, "How are you?"))])
    counts = []
    for size in (0.0, 0.3, -0.3):
        vector = torch.from_numpy(size * unit(planted.direction("calm"))).float()
        hook = planted.model.model.layers[planted.analysis_layer].register_forward_hook(
            lambda module, args, output, vector=vector: output + vector
        )
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            written = planted.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=60, do_sample=True, temperature=0.8, top_k=0
            )[0, ids.shape[1] :]
        hook.remove()
        counts.append(share(planted, str(planted.tokenizer.decode(written)), "calm"))
    assert counts[0] == counts[2] == 0 and counts[1] > 0.5


def test_bad_story_prompts_and_names_are_refused():
    activities = ("walk the dog", "read a book", "sit still")
    with pytest.raises(ValueError, match="before"):
        make_planted(("happy", "sad", "at ease"), activities, story_prompt="{emotion}: write a story.")
    with pytest.raises(ValueError, match="no other emotion"):
        make_planted(("at ease", "ease at", "sad"), activities, story_prompt="Write about {emotion}")
