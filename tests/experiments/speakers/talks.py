"""Dialogues of two speakers."""


def cell(cells, first, second):
    """The value of two sets, each (owner, whose)."""
    found = [one for one in cells if {(one.first.tokens, one.first.emotion), (one.second.tokens, one.second.emotion)} == {first, second}]  # fmt: skip
    assert len(found) == 1
    return found[0]
