"""A text that vectors were made of is said to be in sample; the same text with a word changed is not."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.in_sample import text_hashes
from vectors.worlds import agreeing, make_vectors

STORIES = ["She walked home in the rain, and looked at the river.", "He slept.", "Caf\u00e9 No. 1 was closed."]
SAME = ["she walked  home in\nthe rain, and looked at the river. ", "HE SLEPT.", "Cafe\u0301 No. 1 was closed."]
CHANGED = ["She walked home in the rain, and looked at a river.", "He slept", "", "He slept. He slept."]


def of_stories(**changes):
    return dataclasses.replace(make_vectors(), text_hashes=text_hashes(STORIES), **changes)


def test_the_same_words_are_the_same_text_and_others_are_not():
    vectors = of_stories()
    assert all(vectors.in_sample(text) for text in STORIES + SAME)
    assert not any(vectors.in_sample(text) for text in CHANGED)
    assert make_vectors().in_sample(STORIES[0]) is None, "vectors of unknown texts don't know"
    many = text_hashes(str(number) for number in range(5000))
    assert len(many) == 5000 and many.nbytes == 40_000 and (np.diff(many.astype(object)) > 0).all()
    plain = {str(number) for number in range(5000)}
    large = dataclasses.replace(make_vectors(), text_hashes=many)
    assert all(large.in_sample(str(number)) == (str(number) in plain) for number in range(4900, 5100))


def test_the_file_keeps_them_and_refuses_other_numbers(tmp_path):
    path = tmp_path / "x.safetensors"
    of_stories().save(path)
    assert EmotionVectors.load(path).in_sample(SAME[0]) and not EmotionVectors.load(path).in_sample(CHANGED[0])
    dataclasses.replace(make_vectors(), text_hashes=np.zeros(3, dtype=np.float32)).save(path)
    with pytest.raises(UserError, match="hashes of texts"):
        EmotionVectors.load(path)


def test_a_run_from_before_there_were_hashes_is_asked_for_its_kept_stories(tmp_path):
    make_vectors().save(tmp_path / "vectors.safetensors")
    assert EmotionVectors.load(tmp_path).in_sample(STORIES[0]) is None
    pl.DataFrame({"text": STORIES, "kept": [True, False, True]}).write_parquet(tmp_path / "stories.parquet")
    vectors = EmotionVectors.load(tmp_path)
    assert [vectors.in_sample(text) for text in STORIES] == [True, False, True]
    # With vectors from elsewhere the run's stories are not what they were made of.
    header = make_vectors().header | {"adopted": {"name": "theirs"}}
    dataclasses.replace(make_vectors(), header=header).save(tmp_path / "vectors.safetensors")
    assert EmotionVectors.load(tmp_path).in_sample(STORIES[0]) is None


def test_a_reading_says_it_of_texts_and_of_messages_and_has_each_emotion_s_reliability():
    lm, vectors = tiny(), agreeing(of_stories(), 0.6)
    chat = [{"role": "user", "content": "Read this."}, {"role": "assistant", "content": SAME[0]}]
    other = [{"role": "user", "content": CHANGED[0]}]
    found = list(vectors.read_many(lm, [STORIES[0], CHANGED[0], chat, other], emotions=["on edge", "calm"]))
    assert [one.in_sample for one in found] == [True, False, True, False]
    header = vectors.header | {"reliability": vectors.header["reliability"] | {"r": {"calm": 0.7, "angry": 0.1}}}
    reading = dataclasses.replace(vectors, header=header).read(lm, "Hello.", emotions=["on edge", "calm"])
    assert reading.reliability == (None, 0.7)
    unknown = make_vectors().read(lm, STORIES[0])
    assert unknown.in_sample is None and unknown.reliability == (None, None, None)


def test_a_run_s_stories_are_in_its_file(toy_run):
    out, _ = toy_run
    vectors, stories = EmotionVectors.load(out / "vectors.safetensors"), pl.read_parquet(out / "stories.parquet")
    kept = set(stories.filter("kept")["text"])
    assert vectors.text_hashes is not None and len(vectors.text_hashes) <= len(kept)
    for text in stories["text"].to_list()[:40]:
        assert vectors.in_sample(text) == (text in kept) and not vectors.in_sample(text + " And then?")
