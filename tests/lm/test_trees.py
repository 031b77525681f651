"""Packing: every prompt of a tree can be read back from it, and sees only itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_vectors.lm.trees import pack

prompts_strategy = st.tuples(
    st.lists(st.integers(0, 5), max_size=6),
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), min_size=1, max_size=6),
).map(lambda parts: [tuple(parts[0] + ending) for ending in parts[1]])


def read_back(tree, index):
    """Token ids and positions that the last token of a prompt can see, in order."""
    row = tree.allowed()[tree.read[index]]
    return tuple(tree.ids[row]), list(tree.positions[row])


@given(prompts_strategy)
def test_each_prompt_sees_exactly_itself(prompts):
    tree = pack(prompts)
    for index, prompt in enumerate(prompts):
        ids, positions = read_back(tree, index)
        assert ids == prompt
        assert positions == list(range(len(prompt)))


def test_the_prefix_is_stored_once():
    tree = pack([(1, 2, 3, 4), (1, 2, 5), (1, 2, 6, 7)])
    assert tree.prefix == 2
    assert tree.size == 2 + 2 + 1 + 2


def test_touched_marks_the_tokens_of_a_span_in_prefix_and_branches():
    tree = pack([(1, 2, 3, 4, 9), (1, 2, 5, 6, 9)])
    mask = tree.touched([(1, 3), (1, 4)])
    assert list(tree.ids[mask]) == [2, 3, 5, 6]
    assert list(tree.ids[tree.touched([(2, 2), (3, 5)])]) == [6, 9]


def test_a_shared_token_touched_for_one_prompt_only_is_refused():
    with pytest.raises(ValueError, match="shared prefix"):
        pack([(1, 2, 3), (1, 2, 4)]).touched([(0, 1), (1, 2)])


def test_identical_prompts_keep_a_branch_each():
    tree = pack([(1, 2), (1, 2)])
    assert tree.prefix == 1 and list(tree.read) == [1, 2]


def test_empty_prompts_are_refused():
    with pytest.raises(ValueError, match="empty"):
        pack([(1,), ()])


def test_allowed_is_causal():
    allowed = pack([(1, 2, 3), (1, 4, 5)]).allowed()
    assert not np.triu(allowed, 1).any()


def seen_by(tree, pieces, index):
    """Packed tokens that the last token of a prompt sees when the pieces are run one after the other."""
    last = pieces[-1]
    row, column = divmod(int(last.read[index]), last.tokens.shape[1])
    seen = last.allowed.shape[-1] - last.tokens.shape[1]
    sees = np.concatenate([np.arange(seen), last.tokens[row]])
    assert last.tokens[row, column] == tree.read[index] and last.real[row, column]
    return sees[last.allowed[row, column]]


@given(prompts_strategy, st.integers(1, 4), st.data())
def test_in_pieces_each_prompt_sees_exactly_itself(prompts, branches, data):
    tree = pack(prompts)
    begin = data.draw(st.integers(0, tree.prefix))
    pieces = tree.pieces(begin, branches)
    for index, prompt in enumerate(prompts):
        seen = seen_by(tree, pieces, index)
        assert tuple(tree.ids[seen]) == prompt and list(tree.positions[seen]) == list(range(len(prompt)))
    run = np.concatenate([piece.tokens[piece.real] for piece in pieces])
    assert sorted(run) == list(range(begin, tree.size)), "every token from `begin` on is run once"
    for piece in pieces:
        assert piece.allowed.any(axis=-1).all(), "a token that may see nothing would be NaN"
        seen = piece.allowed.shape[-1] - piece.tokens.shape[1]
        for row, column in np.argwhere(piece.real):
            own = np.concatenate([np.arange(seen), piece.tokens[row]])[piece.allowed[row, column]]
            assert set(own) == set(np.flatnonzero(tree.allowed()[piece.tokens[row, column]]))


def test_rows_are_of_about_equal_length():
    tree = pack([(0, i, *range(length)) for i, length in enumerate([9, 1, 5, 5, 2, 8])])
    (piece,) = tree.pieces(1, 2)
    assert piece.tokens.shape == (3, 12) and piece.real.sum() == 36
