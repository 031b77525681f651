"""The logit lens against plain torch, its ranks against counting, and V1 and V2 with and without a planted effect."""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from tiny import tiny

from emotion_vectors.experiments.lens import measure as lens
from experiments.worlds import assert_rarely_passes, verdicts


class Greedy:
    """A tokenizer of the longest piece first; `joined` writes spaces as SentencePiece does, one of its own in front."""

    def __init__(self, pieces, joined=False):
        self.pieces, self.joined = pieces, joined

    def __call__(self, text, add_special_tokens):
        assert add_special_tokens is False, "a beginning-of-text token would make every word two tokens"
        text, ids = (" " + text if self.joined else text), []
        while text:
            piece = max((p for p in self.pieces if text.startswith(p)), key=len)
            ids.append(self.pieces.index(piece))
            text = text[len(piece) :]
        return {"input_ids": ids}

    def decode(self, ids):
        return "".join(self.pieces[i] for i in ids)


LETTERS = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ -"]


def ids(tokenizer, *pieces):
    return sorted(tokenizer.pieces.index(piece) for piece in pieces)


def test_all_variants_of_space_and_case_count():
    tokenizer = Greedy([*LETTERS, "sad", " sad", "Sad", " Sad", "SAD", " SAD", "sadness"])
    assert lens.word_variants(tokenizer, "sad") == (ids(tokenizer, "sad", " sad", "Sad", " Sad", "SAD", " SAD"), [])


def test_variants_that_are_one_token_and_those_that_begin_with_one():
    tokenizer = Greedy([*LETTERS, " excited", "Exc", " at", " self"])
    single, first = lens.word_variants(tokenizer, "excited")
    assert single == ids(tokenizer, " excited")
    assert first == ids(tokenizer, "e", "Exc", "E")  # " Excited" and " EXCITED" begin with a blank and then E
    single, first = lens.word_variants(tokenizer, "at ease")
    assert single == [] and first == ids(tokenizer, "a", " at", "A")
    assert tokenizer.pieces.index(" ") not in first, "a blank is no part of a word"


def test_sentencepiece_spaces():
    tokenizer = Greedy([*LETTERS, " sad", "  "], joined=True)
    single, first = lens.word_variants(tokenizer, "sad")
    assert single == ids(tokenizer, " sad")
    assert tokenizer.pieces.index("  ") not in first


def test_toy_tokenizer_variants_equal_a_search_of_the_vocabulary():
    tokenizer = tiny().tokenizer
    for word in ("help", "swap", "happy", "a"):
        forms = {prefix + form for form in (word, word.capitalize(), word.upper()) for prefix in ("", " ")}
        expected = [i for i in range(len(tokenizer)) if tokenizer.decode([i]) in forms]
        assert lens.word_variants(tokenizer, word)[0] == expected


def test_ranks_count_from_one_and_ties_share_the_better_rank():
    logits = torch.tensor([[5.0, 1.0, 5.0, 3.0, 2.0, 2.0, -1.0], [0.0, 0, 0, 0, 0, 0, 0]])
    variants = [[0], [2], [3], [4, 6], [6], [], [1, 3]]
    found = lens.read(logits, variants, k=3)
    assert found.ranks[0].tolist() == [1, 1, 3, 4, 7, 0, 3]
    assert found.ranks[1].tolist() == [1, 1, 1, 1, 1, 0, 1]
    assert set(found.top[0].tolist()) == {0, 2, 3} and found.bottom[0].tolist()[:2] == [6, 1]
    assert lens.hits(found, 3)[0].tolist() == [True, True, True, False, False, False, True]


def test_ranks_equal_counting():
    logits = torch.randn(4, 300, generator=torch.Generator().manual_seed(0)).mul(3).round()  # many ties
    variants = [[5, 17], [200], [], [0, 1, 2]]
    found = lens.read(logits, variants, k=10)
    for row, values in enumerate(logits.tolist()):
        for column, tokens in enumerate(variants):
            ranks = [1 + sum(other > values[t] for other in values) for t in tokens]
            assert found.ranks[row, column] == min(ranks, default=0)


def words_of(lm, count):
    """Words that the toy tokenizer has with a leading space, and the token of each."""
    found = {}
    for i in range(len(lm.tokenizer)):
        text = lm.tokenizer.decode([i])
        if text[:1] == " " and text[1:].isalpha() and text[1:].islower() and len(text) > 4:
            found[text[1:]] = i
    names = sorted(found)[:count]
    return names, [found[name] for name in names]


def world(count=30):
    """Vectors that are the unembedding rows of their words."""
    lm = tiny()
    names, tokens = words_of(lm, count)
    vectors = lm.parts.head.weight[tokens].double().numpy().copy()
    return lm, names, vectors


def run(lm, names, vectors, pairs=(), k=20, through_norm=False, resamples=100, seed=0, static=None, ours=None):
    """`static` is what the words of the stories give; unless told, directions that know no word. `ours` is `pairs` unless told."""
    if static is None:
        static = np.random.default_rng((seed, 99)).standard_normal(vectors.shape)
    valence = dict.fromkeys(names, "positive")
    both = lens.Pairs(pairs, pairs if ours is None else ours)
    return lens.run(lm, names, vectors, static, both, valence, k, through_norm, resamples, seed)


def test_planted_words_are_recognised():
    lm, names, vectors = world()
    record, (v1, v2) = run(lm, names, vectors)
    assert (v1.value, v1.of, v1.verdict, v1.seed_verdict) == (30, 30, "pass", "pass")
    assert v1.threshold == 4 and "scaled to 4 out of 30" in v1.note
    assert record.count == 30 == record.single_token_of and record.other.through_norm is True
    assert all(row.best_rank == 1 and row.top[0] == f" {row.emotion}" for row in record.emotions)
    assert (v2.value, v2.verdict, v2.seed_verdict) == (None, "not asked", "not asked")  # no pairs given
    json.dumps([record.dump(), v1.dump(), v2.dump()], allow_nan=False)


def test_hits_equal_a_plain_search_of_the_top_tokens():
    lm, names, vectors = world()
    vectors = vectors + 0.3 * np.random.default_rng(1).standard_normal(vectors.shape)
    for through in (False, True):
        record, (v1, _) = run(lm, names, vectors, k=7, through_norm=through)
        hits = {}
        for norm in (False, True):
            x = torch.tensor(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).float()
            x = lm.parts.norm(x) if norm else x
            top = (x @ lm.parts.head.weight.T).topk(7).indices.tolist()
            decoded = [[lm.tokenizer.decode([t]).strip().lower() for t in row] for row in top]
            hits[norm] = [name in row for name, row in zip(names, decoded, strict=True)]
        assert [row.hit for row in record.emotions] == hits[through] and 0 < sum(hits[through]) < 30
        assert v1.value == record.count == sum(hits[through])
        assert record.other.dump() == {"through_norm": not through, "count": sum(hits[not through])}


@pytest.mark.slow
def test_vectors_dealt_out_to_other_words_do_not_pass():
    lm, names, vectors = world(20)
    found = verdicts(lambda seed: run(lm, names, np.random.default_rng(seed).permutation(vectors), seed=seed)[1][:1])
    assert_rarely_passes(found)


@pytest.mark.slow
def test_random_vectors_do_not_pass():
    lm, names, vectors = world(20)
    found = verdicts(
        lambda seed: run(lm, names, np.random.default_rng(seed).standard_normal(vectors.shape), seed=seed)[1][:1]
    )
    assert_rarely_passes(found)


def test_words_that_any_vector_promotes_do_not_pass():
    """All vectors share one part that pushes all words up: many hits, and none of them is its own doing."""
    lm, names, _ = world(8)
    head = lm.parts.head.weight.double().numpy()
    shared = np.linalg.pinv(head[words_of(lm, 8)[1]]) @ np.ones(8)  # all eight words get the same logit
    vectors = shared / np.linalg.norm(shared) + 1e-3 * np.random.default_rng(2).standard_normal((8, 32))
    k = int((head @ shared >= 0.9).sum())
    _, (v1, _) = run(lm, names, vectors, k=k)
    assert k < 300 and v1.value == 8 and v1.seed_verdict == "pass" and v1.verdict != "pass"


def test_words_without_a_token_never_hit_and_are_stated_apart():
    lm, names, vectors = world(12)
    names = [*names[:10], "unflabbergastable", "at ease"]
    long = lm.tokenizer(" unflabbergastable", add_special_tokens=False)["input_ids"]
    head = lm.parts.head.weight.double().numpy()
    vectors[10] = head[long].mean(0)  # spells its own word
    vectors[11] = head[lens.word_variants(lm.tokenizer, "at ease")[1][0]]  # its first token
    assert len(long) > 1
    record, (v1, _) = run(lm, names, vectors)
    rows = {row.emotion: row for row in record.emotions}
    for name in names[10:]:
        assert rows[name].hit is False and rows[name].best_rank is None
    assert v1.value == record.single_token_of == 10 and "10 of 12 words" in v1.note
    multi = {row.emotion: row for row in record.multi_word}
    assert list(multi) == names[10:] and multi["at ease"].first_token_hit
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for name in multi:
        tokens = lm.tokenizer(" " + name, add_special_tokens=False)["input_ids"]
        means = []
        for unit in units:
            logits = head @ unit
            means.append(np.mean([logits[t] - np.log(np.exp(logits).sum()) for t in tokens]))
        own = means[names.index(name)]
        assert multi[name].mean_log_probability_rank == 1 + sum(m > own for m in means)
    assert multi["unflabbergastable"].mean_log_probability_rank == 1


def test_a_tokenizer_without_the_words_gives_no_verdict():
    lm, _, vectors = world(30)
    names = [f"flabbergast{letter}q" for letter in "abcdefghijklmnopqrstuvwxyzäöüß"]
    v1 = run(lm, names, vectors)[1][0]
    assert v1.verdict == "inconclusive" and "only 0 words have a one-token form" in v1.reason


def opposites(vectors, pairs, generator, closeness=1.0):
    changed = vectors.copy()
    for a, b in pairs:
        changed[b] = -closeness * changed[a] + 0.3 * generator.standard_normal(vectors.shape[1])
    return changed


PAIRS = [(0, 5), (1, 6), (2, 7), (3, 8), (4, 9)]


def test_dots_of_the_pairs_equal_the_gram_matrix_and_the_five_keep_the_seeds_verdict():
    lm, names, vectors = world(30)
    vectors = opposites(vectors, PAIRS, np.random.default_rng(3))
    named = [(names[a], names[b]) for a, b in PAIRS]
    record, (_, v2) = run(lm, names, vectors, [*named, ("unknown", names[0])], resamples=2000, ours=())
    assert (v2.seed_verdict, v2.seed.value, v2.seed.of, v2.seed_value) == ("pass", 5, 5, 5)
    assert (v2.value, v2.of, v2.verdict) == (None, 0, "inconclusive")  # no pair of ours in this run
    head = lm.parts.head.weight.double().numpy()
    for row, (a, b) in zip(record.pairs, PAIRS, strict=True):
        u, v = (vectors[i] / np.linalg.norm(vectors[i]) for i in (a, b))
        x, y = head @ u, head @ v
        assert row.dot == pytest.approx(float(x @ y), rel=1e-3)
        assert row.cosine == pytest.approx(float(x @ y / np.linalg.norm(x) / np.linalg.norm(y)), abs=1e-4)
        assert row.vector_cosine == pytest.approx(float(u @ v), abs=1e-6)


def test_four_emotions_and_one_pair():
    lm, names, vectors = world(4)
    record, (v1, v2) = run(lm, names, opposites(vectors, [(0, 1)], np.random.default_rng(4)), [(names[0], names[1])])
    assert v1.of == 4 and v2.of == 1 and v2.value == 1 and v2.verdict == "inconclusive"
    assert "this run has too few pairs: even with its one pair negative p would be 1" in v2.reason
    json.dumps([record.dump(), v1.dump(), v2.dump()], allow_nan=False)


def plain_hits(lm, names, directions, k):
    """Whose own word is among the top k tokens, by decoding them."""
    found = []
    for name, direction in zip(names, directions, strict=True):
        logits = lm.parts.head.weight.double().numpy() @ direction
        top = sorted(range(len(logits)), key=lambda i: -logits[i])[:k]
        found.append(name in [lm.tokenizer.decode([i]).strip().lower() for i in top])
    return np.array(found)


def test_baselines_equal_a_plain_search():
    lm, names, vectors = world()
    generator = np.random.default_rng(5)
    vectors = vectors + 0.2 * generator.standard_normal(vectors.shape)
    static = vectors + 0.5 * generator.standard_normal(vectors.shape)
    record, (v1, _) = run(lm, names, vectors, k=7, static=static)
    rows = {row.what: row for row in record.baselines}
    hits, by_words = (plain_hits(lm, names, x, 7) for x in (vectors, static))
    assert 0 < by_words.sum() < hits.sum()
    assert rows["token embeddings of the stories"].dump() == {
        "what": "token embeddings of the stories", "count": by_words.sum(), "of": 30,
    }  # fmt: skip
    own = rows["each word's own token embedding"].count
    assert own == plain_hits(lm, names, own_embeddings(lm, names), 7).sum()
    assert rows["random directions"].count < 2
    only, other = (hits & ~by_words).sum(), (by_words & ~hits).sum()
    paired = record.against_static
    assert (paired.vectors_only, paired.static_only) == (only, other)
    assert paired.p == pytest.approx(stats.binom.sf(only - 1, only + other, 0.5))  # exact McNemar, one-sided
    assert f"the token embeddings of the stories recognise {by_words.sum()}".lower() in v1.note.lower()


def own_embeddings(lm, names):
    """Input embedding of each word, the mean over its tokens of the vocabulary, minus the mean over words."""
    table = lm.model.get_input_embeddings().weight.double().detach().numpy()
    embedded = []
    for name in names:
        forms = [f(name) for f in (str, str.capitalize, str.upper)]
        tokens = [
            i for i in range(len(lm.tokenizer)) if lm.tokenizer.decode([i]) in [*forms, *(f" {f}" for f in forms)]
        ]
        embedded.append(table[tokens].mean(axis=0))
    return np.array(embedded) - np.mean(embedded, axis=0)


def test_with_tied_embeddings_the_words_themselves_are_the_ceiling(monkeypatch):
    lm, names, vectors = world()
    # What all embeddings share says nothing about a word; centring over the emotions takes it out.
    shared = 3 * torch.randn(32, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(lm.model.get_input_embeddings().weight, "data", lm.parts.head.weight.data + shared)
    own = plain_hits(lm, names, own_embeddings(lm, names), 7).sum()
    record, _ = run(lm, names, vectors, k=7)
    assert own > 25 and own == next(row.count for row in record.baselines if row.what.startswith("each word"))


def test_what_the_words_give_as_well_does_not_pass():
    lm, names, vectors = world()
    passed = run(lm, names, vectors)[1][0]
    assert passed.verdict == "pass" and "fewer than the vectors" in passed.note
    record, (v1, _) = run(lm, names, vectors, static=vectors)
    assert record.against_static.dump() == {"vectors_only": 0, "static_only": 0, "p": 1.0}
    assert (v1.verdict, v1.seed_verdict, v1.value) == ("inconclusive", "pass", 30)
    for text in (v1.reason, v1.note):
        assert "so the count could come from the words alone" in text
    # Four words more than the static directions: 1 / 16, not shown; five more: 1 / 32, shown.
    for more, verdict in ((4, "inconclusive"), (5, "pass")):
        static = vectors.copy()
        static[:more] *= -1
        record, (v1, _) = run(lm, names, vectors, static=static)
        assert record.against_static.dump() == {"vectors_only": more, "static_only": 0, "p": 0.5**more}
        assert v1.verdict == verdict
        assert ("may come from the words alone" in v1.reason) == (verdict == "inconclusive")


def test_a_control_turns_no_fail_into_something_else():
    lm, names, vectors = world()
    random = np.random.default_rng(6).standard_normal(vectors.shape)
    without = run(lm, names, random)[1][0]
    found = run(lm, names, random, static=vectors)[1][0]
    assert without.verdict == found.verdict != "pass" and without.reason == found.reason


def test_a_zero_direction_recognises_nothing():
    """All its logits are equal, so that every word would share the first rank."""
    lm, names, vectors = world(12)
    changed = vectors.copy()
    changed[3] = 0
    record, (v1, _) = run(lm, names, changed, static=np.zeros_like(vectors))
    assert v1.value == 11 and not record.emotions[3].hit
    assert next(row.count for row in record.baselines if row.what.startswith("token")) == 0


def test_words_of_several_tokens_have_an_embedding_too():
    lm, names, vectors = world(12)
    names = [*names[:11], "unflabbergastable"]
    record, _ = run(lm, names, vectors)
    own = next(row for row in record.baselines if row.what.startswith("each word"))
    assert own.of == 12 and own.count <= 11
