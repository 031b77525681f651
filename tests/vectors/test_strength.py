"""The strength finder against texts that are written and scored one by one, in the plainest way."""

import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors import UserError
from emotion_vectors.lm.answers import mean_log_probabilities
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.vectors import strength
from emotion_vectors.vectors.strength import Probe, find_strength, find_strengths, largest, repeats
from vectors.worlds import make_vectors

PROMPT, LENGTHS = "How does a rainbow form?", (0.1, 0.8, 6.0)
GREEDY = Sampling(0, max_new_tokens=10)


def plain(lm, vector, layer, ids):
    """Greedy tokens with `vector` added to every token's output of block `layer`: no cache, a hook of this test's own."""
    block, tokens, ends = lm.model.model.layers[layer], list(ids), lm.tokenizer.eos_token_id

    def add(module, given, found):
        return (found[0] + vector, *found[1:]) if isinstance(found, tuple) else found + vector

    handle = block.register_forward_hook(add)
    try:
        for _ in range(GREEDY.max_new_tokens):
            with torch.no_grad():
                token = int(lm.model(torch.tensor([tokens]), use_cache=False).logits[0, -1].argmax())
            if token == ends:
                break
            tokens.append(token)
    finally:
        handle.remove()
    with torch.no_grad():
        table = torch.log_softmax(lm.model(torch.tensor([tokens]), use_cache=False).logits[0].float(), -1)
    scores = [float(table[i - 1, tokens[i]]) for i in range(len(ids), len(tokens))]
    return tokens[len(ids) :], sum(scores) / len(scores)


def counted(tokens):
    """Repeated triples by counting."""
    seen, again = [], 0
    for i in range(len(tokens) - 2):
        again += tokens[i : i + 3] in seen
        seen.append(tokens[i : i + 3])
    return again / (len(tokens) - 2)


def test_every_probe_is_that_of_texts_written_one_by_one():
    lm, vectors = tiny("llama"), make_vectors()
    found = find_strength(
        vectors, lm, PROMPT, {"calm": 2.0, "angry": -1.0}, layer=1, lengths=LENGTHS, sampling=GREEDY, samples=1, seed=3
    )
    rendered = lm.tokenizer.apply_chat_template(
        [{"role": "user", "content": PROMPT}], tokenize=False, add_generation_prompt=True
    )
    ids = lm.tokenizer(rendered, add_special_tokens=False)["input_ids"]
    units = {name: vectors.at(1)[vectors.emotions.index(name)] for name in ("calm", "angry")}
    direction = 2 * units["calm"] / np.linalg.norm(units["calm"]) - units["angry"] / np.linalg.norm(units["angry"])
    direction = direction / np.linalg.norm(direction)
    by_chance = np.random.default_rng(3).standard_normal(len(direction))
    by_chance /= np.linalg.norm(by_chance)
    base, usual = plain(lm, torch.zeros(len(direction)), 1, ids)
    for probes, way in ((found.steered, direction), (found.random, by_chance)):
        assert [probe.length for probe in probes] == list(LENGTHS)
        for probe in probes:
            vector = torch.tensor(way * probe.length * vectors.residual_norm[1], dtype=torch.float32)
            # The plain score is that of the unsteered model, so the text is scored again without the hook.
            tokens, likely = plain(lm, vector, 1, ids)
            assert probe.lost == pytest.approx(usual - likely, abs=1e-4)
            assert probe.repeated == pytest.approx(counted(tokens) - counted(base), abs=1e-9)
    assert len({round(probe.lost, 4) for probe in (*found.steered, *found.random)}) > 3


def test_the_largest_length_is_before_the_first_break_and_of_both_kinds():
    whole, unlikely, loop, empty = (0.2, 0.1), (1.01, 0.0), (-2.0, 0.26), (None, 0.0)
    kinds = [whole, whole, unlikely, whole]
    assert largest([Probe(i + 1.0, *kind) for i, kind in enumerate(kinds)]) == 2
    assert largest([Probe(1, *whole), Probe(2, *loop)]) == 1 == largest([Probe(2, *empty), Probe(1, *whole)])
    assert largest([Probe(1, *unlikely), Probe(2, *whole)]) == 0
    assert Probe(1, strength.MOST_LOST, strength.MOST_REPEATED).whole


def test_a_loop_repeats_also_without_words():
    assert repeats([7] * 40) == pytest.approx(37 / 38) and repeats([1, 2] * 10) == pytest.approx(16 / 18)
    assert repeats(list(range(40))) == 0 == repeats([5, 5])


@pytest.mark.parametrize(
    ("emotions", "options", "said"),
    [
        ({"calm": 0.0}, {}, "add up to zero"),
        ({"clam": 1.0}, {}, "no vector for 'clam'"),
        ({"calm": 1.0}, {"lengths": (0.0, 1.0)}, "above 0"),
        ({"calm": 1.0}, {"layer": 99}, "layer"),
    ],
)
def test_what_can_not_be_tried_is_refused(emotions, options, said):
    with pytest.raises(UserError, match=said):
        find_strength(make_vectors(), tiny("llama"), PROMPT, emotions, **options)


def close(one, other):
    assert [probe.length for probe in one] == [probe.length for probe in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.lost == pytest.approx(theirs.lost, abs=1e-5) and mine.repeated == pytest.approx(theirs.repeated)


def test_several_emotions_share_the_answers_that_are_the_same_for_all_and_find_what_each_finds_alone():
    lm, vectors = tiny("llama"), make_vectors()
    options = {"layer": 1, "lengths": LENGTHS, "sampling": GREEDY, "samples": 2, "seed": 3}
    both = list(find_strengths(vectors, lm, PROMPT, [{"calm": 1.0}, {"angry": -2.0}], **options))
    for one, emotions in zip(both, ({"calm": 1.0}, {"angry": -1.0}), strict=True):
        alone = find_strength(vectors, lm, PROMPT, emotions, **options)
        close(one.steered, alone.steered)
        close(one.random, alone.random)
    assert both[0].random == both[1].random and both[0].steered != both[1].steered


def test_many_answers_are_scored_as_one_by_one():
    """Of different lengths, none at all among them, in passes of one and of all."""
    lm = tiny("llama")
    prompt, answers = [5, 9, 2, 7], [[3, 8, 8, 1, 4, 6], [], [2], [7, 7, 7]]
    for room in (1, 4096):
        found = mean_log_probabilities(lm, prompt, answers, room)
        assert found[1] is None
        for answer, value in zip(answers, found, strict=True):
            if answer:
                with torch.no_grad():
                    table = torch.log_softmax(lm.model(torch.tensor([[*prompt, *answer]])).logits[0].float(), -1)
                scores = [float(table[len(prompt) - 1 + i, token]) for i, token in enumerate(answer)]
                assert value == pytest.approx(sum(scores) / len(scores), abs=1e-5)
