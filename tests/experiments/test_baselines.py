"""What the words alone give: the bag of words against scikit-learn, and worlds where the words give all or nothing."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from emotion_vectors.errors import UserError
from emotion_vectors.experiments.baselines import measure as baselines
from emotion_vectors.experiments.baselines import words
from emotion_vectors.experiments.baselines.record import Baselines
from emotion_vectors.experiments.correlation import measure as correlation
from emotion_vectors.experiments.numeric import measure as numeric
from emotion_vectors.experiments.scenarios import measure as scenarios
from emotion_vectors.experiments.scenarios import retrieval
from emotion_vectors.experiments.scenarios.ranking import Battery
from emotion_vectors.stimuli.items import (
    CATEGORIES,
    NUMERIC_EMOTIONS,
    Activity,
    NumericTemplate,
    Scenario,
    TwinnedTemplate,
)

EMOTIONS = [*NUMERIC_EMOTIONS, *(f"emotion{i}" for i in range(20))]
VALENCE = {name: "positive" if i % 2 else "negative" for i, name in enumerate(EMOTIONS)}
SIGNS = {"afraid": "+", "happy": "-", "sad": "+", "calm": "-"}
NAMES = ["one", "two", "three", "four", "five", "six"]
TEXTS = (
    "The river rose, and the old bridge would not hold; the river took it.",
    "A 7 year old boy found 12 coins at the River-bank. He'd never had so many!",
    "Für Élise was played once more, then the hall was silent.",
    "",
)


class Words:
    """A pack in which every emotion has words of its own; the numbers are written in words."""

    def __init__(self, telling=True):
        mark = (lambda emotion: f"word{emotion}") if telling else (lambda emotion: "nothing")
        self.scenarios, self.heldout_scenarios, self.retrieval_scenarios = (
            tuple(Scenario(f"{kind} {e} {k}", e, f"{mark(e)} here {kind}") for e in chosen for k in range(times))
            for kind, chosen, times in (("main", EMOTIONS[:12], 1), ("held", EMOTIONS[:12], 3), ("all", EMOTIONS, 1))
        )
        self.numeric_templates = tuple(
            NumericTemplate(f"template {k}", "{X}", "x", tuple(float(i + 1) for i in range(6)), SIGNS, {})
            for k in range(6)
        )
        self.more_numeric_templates = tuple(
            TwinnedTemplate(t, f"twin {k} {{X}}", f"severe {k} {{X}}", SIGNS, "a reason that is long enough")
            for k, t in enumerate(self.numeric_templates)
        )
        self.activities = tuple(
            # Six words of one valence: the positive ones in the categories that are liked.
            Activity(
                " ".join(mark(EMOTIONS[(2 * (i + k) + (kind < 4)) % 24]) for k in range(6)) + f" {category} {i}",
                category,
            )
            for kind, category in enumerate(CATEGORIES)
            for i in range(8)
        )
        self.valence, self.valence_ambiguous = VALENCE, frozenset()
        self.telling = telling

    def severe(self):
        """At every number the words of afraid and sad."""
        return ["wordafraid wordsad" if self.telling else "nothing at all"] * 6

    def numbers(self, template):
        """More of the words of afraid and sad for higher values, more of happy and calm for lower ones."""
        if not self.telling:
            return ["nothing at all"] * 6
        rising, falling = ("wordafraid wordsad ", "wordhappy wordcalm ")
        return [rising * int(value) + falling * int(7 - value) for value in template.values]


def stories():
    return [(emotion, f"word{emotion} and {NAMES[k]} things here") for emotion in EMOTIONS for k in range(4)]


def bag(pack):
    vocabulary = words.fit(text for _, text in stories())
    texts = (
        vocabulary.rows([s.prompt for s in battery])
        for battery in (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios)
    )
    return baselines.Representation(
        "bag of words", words.emotion_vectors(stories(), EMOTIONS, vocabulary), *texts,
        numeric=[vocabulary.rows(pack.numbers(t)) for t in pack.numeric_templates],
        twinned=[
            np.stack([vocabulary.rows(texts) for texts in (pack.numbers(t.base), ["nothing at all"] * 6, pack.severe())])
            for t in pack.more_numeric_templates
        ],
        activities=vocabulary.rows([a.text for a in pack.activities]),
    )  # fmt: skip


NATS = np.repeat([1.0, -1.0], 32) + 0.1 * np.random.default_rng(0).standard_normal(64)


def residual(pack, seed=0):
    """Criteria and scenario record of a residual stream that responds to what is meant, whatever the words are."""
    generator = np.random.default_rng(seed)
    vectors = np.eye(24, 60) + 0.3 * np.outer([1 if VALENCE[e] == "positive" else -1 for e in EMOTIONS], np.eye(60)[50])
    index = {emotion: row for row, emotion in enumerate(EMOTIONS)}

    def rows(battery):
        found = vectors[[index[s.emotion] for s in battery]] + 0.05 * generator.standard_normal((len(battery), 60))
        return Battery(battery, found[:, None])

    main, heldout, every = map(rows, (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios))
    retrieved = retrieval.run(every, EMOTIONS, vectors, 0, VALENCE, 100, 0)
    record, criteria = scenarios.run(
        main, heldout, EMOTIONS, vectors[None], scenarios.Layers(), 100, 0, retrieved=retrieved
    )
    way = np.linspace(-1, 1, 6)[:, None] * sum(vectors[index[e]] * (1 if SIGNS[e] == "+" else -1) for e in SIGNS)
    up = way + vectors.sum(0)
    three = np.stack([up, np.tile(vectors.sum(0), (6, 1)), up + way[-1]])
    twinned = numeric.Twinned(pack.more_numeric_templates, [three] * 6)
    curves, (v5, v6) = numeric.run(pack.numeric_templates, [up] * 6, EMOTIONS, vectors, 100, 0, twinned=twinned)
    activities = np.outer(NATS, np.eye(60)[50]) + 0.02 * generator.standard_normal((64, 60))
    probes = correlation.run(pack.activities, activities, EMOTIONS, vectors, NATS, VALENCE, frozenset(), "", 100, 0)[2]
    return [*criteria, v5, v6, *probes], record, curves


def compare(pack):
    criteria, record, curves = residual(pack)
    row = baselines.measure(bag(pack), pack, EMOTIONS, NATS, 100, 0)
    return baselines.run([row], criteria, record, curves, 9)


def test_where_the_words_tell_everything_they_reach_every_criterion():
    record = compare(Words())
    found = record.dump()
    own, other = found["rows"]
    assert [own["name"], other["name"]] == ["residual stream", "bag of words"]
    for one in (own, other):
        assert (one["V3"], one["V4"], one["heldout"], one["retrieval"], one["retrieval_rank"]) == (48, 1, 36, 24, 1)
        assert (one["V3_seed"], one["V4_seed"], one["V5_seed"], one["severity"]) == (12, 1, 24, 24)
        assert (one["V5"], one["V6"], one["V8"]) == (24, 24, 3) and one["V9"] >= 20
    assert found["of"] == {
        "V3": 48, "V4": 12, "V5": 24, "V6": 24, "V8": 3, "V9": 24, "heldout": 36, "retrieval": 24, "retrieval_rank": 24,
        "V3_seed": 12, "V4_seed": 12, "V5_seed": 24, "severity": 24,
    }  # fmt: skip
    assert max(other["p"][key] for key in ("V3", "V4", "heldout", "retrieval", "retrieval_rank")) < 0.05
    # All 24 signs hang on one axis of this world: turned sets get them all right in 5 to 8 % of cases, by the processor's rounding.
    assert other["p"]["V5"] < 0.1
    assert found["vocabulary"] == 9
    sentences = baselines.remarks(record)
    assert sentences["V3"] == "A bag of words reaches 48 of 48, as the vectors do."
    assert sentences["V4"] == "A bag of words reaches 1, as the vectors do."
    json.dumps(found, allow_nan=False)


def test_where_only_the_residual_carries_it_the_words_give_nothing():
    record = compare(Words(telling=False))
    own, other = record.dump()["rows"]
    assert (own["V3"], own["V5"], own["V8"], own["retrieval"]) == (48, 24, 3, 24)
    assert (other["V3"], other["V5"], other["V6"]) == (0, 0, 0) and other["heldout"] <= 3 and other["retrieval"] <= 1
    assert other["V9"] is None or other["V9"] <= 3
    assert other["V4"] > 4 and min(p for key, p in other["p"].items() if key in ("V3", "V4", "heldout")) > 0.05
    assert set(baselines.remarks(record).values()) == {""}


def test_remarks_ask_who_is_better_in_the_right_direction():
    rest = dict.fromkeys(("heldout", "retrieval", "retrieval_rank"))
    keys = dict.fromkeys(baselines.CRITERIA, 3) | rest | {"p": dict.fromkeys(baselines.CRITERIA) | rest}
    record = {
        "of": dict.fromkeys(baselines.CRITERIA, 12) | rest,
        "vocabulary": 9,
        "rows": [
            {"name": "residual stream", **keys},
            {"name": "bag of words", **keys, "V4": 3.1, "V5": 2, "V9": 4},
            {"name": "static embedding", **keys, "V4": 2.25, "V5": None, "V6": 2},
        ],
    }
    found = baselines.remarks(Baselines.model_validate(record))
    assert found["V4"] == "A static embedding reaches 2.25, better than the vectors." and found["V5"] == ""
    assert found["V6"] == "A bag of words reaches 3 of 12, as the vectors do."
    assert found["V9"] == (
        "A bag of words reaches 4 of 12, more than the vectors. A static embedding reaches 3 of 12, as the vectors do."
    )


@pytest.mark.parametrize("limit", [1000, 9])
def test_rows_equal_scikit_learn(limit):
    peer = TfidfVectorizer(max_features=limit)
    texts = [*TEXTS, "the the the river river old old bridge bridge hall hall silent silent once once boy boy"]
    expected = peer.fit_transform(texts).toarray()
    vocabulary = words.fit(iter(texts), limit)
    # With a limit only the count decides who stays; ties at the border may be cut in another order.
    shared = [word for word in vocabulary.columns if word in peer.vocabulary_]
    assert len(vocabulary.columns) == len(peer.vocabulary_) and (limit == 9 or len(shared) == len(peer.vocabulary_))
    assert list(vocabulary.columns) == sorted(vocabulary.columns)
    if limit == 1000:
        assert vocabulary.rows(texts) == pytest.approx(expected, abs=1e-12)
        other = ["An old river, unheard of, and a river.", "zzz"]
        assert vocabulary.rows(other) == pytest.approx(peer.transform(other).toarray(), abs=1e-12)


def test_emotion_means_by_hand():
    """Two stories of sad, one of happy: idf of gone (2 of 3) is 1 + ln(4/3), of home and light (1 of 3) 1 + ln 2."""
    told = [("sad", "gone gone home"), ("happy", "light"), ("sad", "gone")]
    vocabulary = words.fit(text for _, text in told)
    assert list(vocabulary.columns) == ["gone", "home", "light"]
    two, one = 1 + np.log(4 / 3), 1 + np.log(2)
    assert vocabulary.weights == pytest.approx([two, one, one])
    first = np.array([2 * two, one, 0]) / np.hypot(2 * two, one)
    sad, happy = (first + np.eye(3)[0]) / 2, np.eye(3)[2]
    found = words.emotion_vectors(iter(told), ["happy", "sad"], vocabulary)
    assert found == pytest.approx(np.array([happy - (happy + sad) / 2, sad - (happy + sad) / 2]))


def test_the_most_frequent_words_stay_and_ties_go_by_alphabet():
    assert list(words.fit(["bb cc aa", "cc dd", "dd dd"], 3).columns) == ["aa", "cc", "dd"]


def test_emotions_without_stories_and_stories_without_words_are_refused():
    vocabulary = words.fit(["gone home"])
    with pytest.raises(UserError, match="no story of 'calm'"):
        words.emotion_vectors([("sad", "gone")], ["sad", "calm"], vocabulary)
    with pytest.raises(UserError, match="better writer"):
        words.fit(["a 1", ""])


def test_narrow_coordinates_keep_every_dot_product():
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((9, 300)) * (generator.random((9, 300)) < 0.1)
    rows[2] = 0
    activities, vectors = baselines.narrow(rows[:5], rows[5:])
    assert activities.shape == (5, 9) and not activities[2].any()
    together = np.concatenate([activities, vectors])
    assert together @ together.T == pytest.approx(rows @ rows.T)
    same = baselines.narrow(rows[:5, :4], rows[5:, :4])
    assert same[0] is not None and np.array_equal(same[1], rows[5:, :4])
