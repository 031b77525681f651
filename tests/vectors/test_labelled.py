"""Texts that give no vectors are refused."""

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.vectors import labelled


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"a": ["one", "two"]}, "only one label, 'a'"),
        ({}, "no texts"),
        ({"a": ["one", "two"], "b": ["three"]}, "'b' has one text"),
        ({"a": ["one", "two"], "b": ["three", "three"]}, "'b' has one text"),
        ({"a": ["one", " \n"], "b": ["three", "four"]}, "text 2 of 'a' is empty"),
        ({"a": ["one", 3], "b": ["three", "four"]}, "not a text but int"),
        ({"a": ["one", "two"], "b": ["two", "four"]}, "two labels, 'a' and 'b'"),
        ({"a": "one two", "b": ["two", "four"]}, "as a list"),
        ({"a=b": ["one", "two"], "b": ["three", "four"]}, "can't be a name"),
        ({"": ["one", "two"], "b": ["three", "four"]}, "label of text 1 of '' is empty"),
    ],
)
def test_texts_that_give_no_vectors_are_refused(texts, says):
    with pytest.raises(UserError, match=says):
        labelled.from_mapping(texts)


def test_topics_of_some_texts_only_are_refused():
    texts = {"a": ["one", "two"], "b": ["three", "four"]}
    assert labelled.from_mapping(texts, {"a": ["x", "y"], "b": ["x", "y"]}).groups == ("x", "y", "x", "y")
    with pytest.raises(UserError, match="2 of 4 texts have no topic"):
        labelled.from_mapping(texts, {"a": ["x", ""], "b": ["x", ""]})
    with pytest.raises(UserError, match="don't match"):
        labelled.from_mapping(texts, {"a": ["x", "y"], "b": ["x"]})
