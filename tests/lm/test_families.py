"""Every family of the table against plain transformers: forward passes, hooks and greedy decoding written here, in float32.

What people do is done on a model that was saved and loaded again: capture at all layers, means over spans, choices, steered choices,
steering in `generate`. A family that can't be read right is refused in a sentence that says why.
"""

import numpy as np
import pytest
import torch
from families import BY_NAME, FAMILIES, built, tiny_model

from emotion_vectors import load_model
from emotion_vectors.doctor import passes as checks
from emotion_vectors.doctor.bench import Bench
from emotion_vectors.doctor.examination import examine
from emotion_vectors.doctor.steering import steered_choices
from emotion_vectors.errors import UserError
from emotion_vectors.lm import choices, forward, packed, starting, tree_pass
from emotion_vectors.lm.continuations import spell, word_log_probabilities
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.stimuli.pack import load_pack
from emotion_vectors.vectors import activations, passes
from emotion_vectors.vectors.steering import Addition, steer

pytestmark = pytest.mark.slow  # a thousand tests; seven of the architectures are in test_choices and test_decode too

WORKING = [family.name for family in FAMILIES if family.how != "refused"]
REFUSED = [family.name for family in FAMILIES if family.how == "refused"]
TOLERANCE = 1e-4
TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("
OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "help a gang"]
TEXTS = [
    ("The letter has come at last.", 3),
    ("Count the words, and then swap a few riddles with a friend!", 5),
    ("No.", 1),
]
SPANS = {"first": ("activity_a",), "second": ("activity_b",), "both": ("activity_a", "activity_b")}


@pytest.fixture(scope="module", params=WORKING)
def loaded(request, tmp_path_factory):
    """A family, the model as it was made, and the same as a user loads it."""
    model, tokenizer = tiny_model(request.param)
    folder = tmp_path_factory.mktemp("family")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return BY_NAME[request.param], model, load_model(str(folder), device="cpu", dtype="float32")


def blocks_of(model, count):
    """The decoder blocks, found without our code: the list of `count` modules that are called layers or h, outside of a vision tower."""
    lists = [
        part
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.ModuleList)
        and name.rpartition(".")[2] in ("layers", "h", "blocks")
        and len(part) == count
        and "vis" not in name
    ]
    assert len(lists) == 1
    return lists[0]


def plain(model, count, ids, additions=None, positions=()):
    """Logits (v,) after the last token, and the output of every block (n, t, d), with vectors added by a hook of our own."""
    found, handles = {}, []
    for layer, block in enumerate(blocks_of(model, count)):

        def hook(module, arguments, output, layer=layer):
            residual = (output[0] if isinstance(output, tuple) else output).clone()
            for position in positions if layer in (additions or {}) else ():
                residual[0, position] += additions[layer]
            found[layer] = residual[0]
            return (residual, *output[1:]) if isinstance(output, tuple) else residual

        handles.append(block.register_forward_hook(hook))
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, -1]
    for handle in handles:
        handle.remove()
    return logits, torch.stack([found[layer] for layer in range(count)])


def rows_of(lm):
    ids = [lm.tokenizer(text)["input_ids"] for text, _ in TEXTS]
    return [(one, (min(first, len(one) - 1), len(one))) for one, (_, first) in zip(ids, TEXTS, strict=True)]


def test_it_loads_with_all_its_weights(loaded):
    _, model, lm = loaded
    ids = torch.tensor([rows_of(lm)[1][0]])
    with torch.no_grad():
        torch.testing.assert_close(lm.model(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


def test_every_layer_is_captured(loaded):
    _, model, lm = loaded
    rows = [ids for ids, _ in rows_of(lm)]
    rows.append(rows[0][: len(rows[0]) // 2] + rows[1])  # begins as the first one does
    layouts = ["right", "left"] + (["packed", "shared"] if packed.can_pack(lm, max(map(len, rows))) else [])
    expected = [plain(model, lm.n_layers, ids)[1] for ids in rows]
    for layout in layouts:
        found, laid = {}, passes.lay(lm, rows, layout)
        passes.read(lm, laid, lambda layer, residual, found=found: found.update({layer: residual.clone()}))
        for ids, start, exact in zip(rows, laid.starts, expected, strict=True):
            ours = torch.stack([found[layer][start : start + len(ids)] for layer in range(lm.n_layers)])
            torch.testing.assert_close(
                ours, exact, atol=TOLERANCE, rtol=TOLERANCE, msg=lambda text, at=layout: f"{at}: {text}"
            )


def test_spans_are_pooled(loaded):
    _, model, lm = loaded
    rows = rows_of(lm)
    means = activations.pool(lm, rows).means
    for (_, *mean), (ids, (first, last)) in zip(means, rows, strict=True):  # the first is the embedding
        exact = plain(model, lm.n_layers, ids)[1][:, first:last].mean(dim=1)
        np.testing.assert_allclose(mean, exact, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.fixture(scope="module")
def asked(loaded):
    family, model, lm = loaded
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    return family, model, lm, prepared


def test_prompts_share_a_tree_where_the_model_can_read_one(asked):
    family, _, lm, prepared = asked
    assert prepared.together == tree_pass.obeys_masks(lm) == (family.how == "packed")


def test_choices_are_those_of_each_prompt_alone(asked, monkeypatch):
    _, model, lm, prepared = asked
    expected = {pair: plain(model, lm.n_layers, prompt.ids)[0] for pair, prompt in prepared.prompts.items()}
    for branches, prompts in ((8, 16), (1, 1)):
        monkeypatch.setattr(choices, "BRANCHES_PER_ROW", branches)
        monkeypatch.setattr(choices, "PROMPTS_PER_PIECE", prompts)
        baseline = choices.read_baseline(lm, prepared)
        for (i, j), logits in expected.items():
            np.testing.assert_allclose(
                baseline.logits[i, j], logits[list(prepared.tokens)], atol=TOLERANCE, rtol=TOLERANCE
            )
            mass = torch.softmax(logits.double(), -1)[list(prepared.tokens)].sum()
            assert baseline.mass[i, j] == pytest.approx(float(mass), rel=1e-3)


def vectors_for(lm, model, layers, count):
    """Vectors (count, d) for each of some layers, longer than the residual there, so that they matter."""
    residuals = plain(model, lm.n_layers, rows_of(lm)[1][0])[1]
    drawn = torch.randn(len(layers), count, lm.hidden_size, generator=torch.Generator().manual_seed(0))
    lengths = {layer: 6 * float(residuals[layer].norm(dim=-1).median()) for layer in layers}
    return {
        layer: one / one.norm(dim=-1, keepdim=True) * lengths[layer] for layer, one in zip(layers, drawn, strict=True)
    }


def test_where_a_steered_pass_begins(asked):
    family, _, lm, _ = asked
    deepest = lm.n_layers - 1 if family.deepest is None else family.deepest
    assert [starting.begin_of(lm, layer) for layer in range(lm.n_layers)] == [
        min(layer, deepest) for layer in range(lm.n_layers)
    ]


@pytest.mark.parametrize("layers", [(0,), (-2,), (1, -1)], ids=str)
def test_steered_choices_are_those_of_a_plain_hook(asked, layers):
    family, model, lm, prepared = asked
    layers = [layer % lm.n_layers for layer in layers]
    additions = vectors_for(lm, model, layers, 2)
    baseline = choices.read_baseline(lm, prepared, min(layers))
    for touch in ("second", "both") if len(layers) == 1 else ("all",):
        found = choices.read_steered(lm, prepared, baseline, additions, touch)
        for row, (i, j) in ((0, (0, 1)), (1, (2, 0)), (1, (1, 2))):
            prompt = prepared.prompts[i, j]
            spans = [prompt.spans[name] for name in SPANS.get(touch, ())] or [(0, len(prompt.ids))]
            positions = [position for first, last in spans for position in range(first, last)]
            one = {layer: every[row] for layer, every in additions.items()}
            logits = plain(model, lm.n_layers, prompt.ids, one, positions)[0]
            np.testing.assert_allclose(
                found.logits[row, i, j], logits[list(prepared.tokens)], atol=TOLERANCE, rtol=TOLERANCE
            )
            moved = np.abs(found.logits[row, i, j] - baseline.logits[i, j]).max()
            heard = touch == "all" or min(layers) <= (lm.n_layers - 2 if family.heard is None else family.heard)
            assert moved > 5 * TOLERANCE if heard else moved < TOLERANCE, "the vector matters where other tokens see it"


@pytest.mark.parametrize("tokens", ["all", "prompt", "response"])
def test_steering_in_generate_is_a_plain_hook_at_every_step(loaded, tokens):
    _, model, lm = loaded
    layer, count = lm.n_layers - 2, 5
    vector = vectors_for(lm, model, [layer], 1)[layer][0]
    inputs = lm.inputs([{"role": "user", "content": "Count the words."}])
    prompt = inputs["input_ids"][0].tolist()
    with steer(lm, [Addition(layer, vector.numpy())], tokens):
        written = lm.generate(
            **inputs, max_new_tokens=count, min_new_tokens=count, do_sample=False, output_logits=True,
            return_dict_in_generate=True, pad_token_id=lm.pad_id,
        )  # fmt: skip
    ids = written.sequences[0].tolist()
    assert len(ids) == len(prompt) + count
    for step in range(count):
        text = ids[: len(prompt) + step]
        places = {"all": range(len(text)), "prompt": range(len(prompt)), "response": range(len(prompt) - 1, len(text))}
        logits = plain(model, lm.n_layers, text, {layer: vector}, places[tokens])[0]
        torch.testing.assert_close(written.logits[step][0], logits, atol=TOLERANCE, rtol=TOLERANCE)


def test_padded_prompts_are_steered_where_they_begin_to_answer(loaded):
    """Right padding in a forward pass and left padding in `generate`: each row as alone."""
    _, model, lm = loaded
    layer = lm.n_layers - 2
    vector = vectors_for(lm, model, [layer], 1)[layer][0]
    rows = [ids for ids, _ in rows_of(lm)]
    expected = [plain(model, lm.n_layers, ids, {layer: vector}, [len(ids) - 1])[0] for ids in rows]
    for side in ("right", "left"):
        batch = forward.pad(rows, lm.device, lm.pad_id, side)
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
        with torch.no_grad(), steer(lm, [Addition(layer, vector.numpy())], "response"):
            if side == "right":
                found = lm.model(**inputs, use_cache=False).logits[torch.arange(len(rows)), batch.last]
            else:
                found = lm.generate(
                    **inputs, max_new_tokens=2, do_sample=False, output_logits=True, return_dict_in_generate=True,
                    pad_token_id=lm.pad_id,
                ).logits[0]  # fmt: skip
        torch.testing.assert_close(
            found, torch.stack(expected), atol=TOLERANCE, rtol=TOLERANCE, msg=lambda text, side=side: f"{side}: {text}"
        )


@pytest.mark.parametrize(
    "name", [name for name in WORKING if BY_NAME[name].how == "row by row" or BY_NAME[name].doctor]
)
def test_the_self_checks_of_a_run_pass(name, monkeypatch):
    """They begin every run, so a family that works can be run; their reference is a plain one too. 56 prompts here, for 240."""
    monkeypatch.setattr("emotion_vectors.doctor.bench.PER_CATEGORY", 1)
    lm = LanguageModel.of(*tiny_model(name))
    failed = [check.detail for check in examine(lm, load_pack("ours")) if not check.passed and check.kind == "stop"]
    assert not failed


def test_a_layer_whose_tokens_nobody_reads_is_named():
    lm = LanguageModel.of(*tiny_model("Gemma 4 E2B, E4B (text)"))
    assert lm.default_layer == 2, "two thirds of 6 would be 4, and no block after 3 makes keys and values"
    found = steered_choices(Bench(lm, load_pack("ours"), 4))
    assert not found.passed and "--layer 2 or lower" in found.detail
    assert steered_choices(Bench(lm, load_pack("ours"), 2)).passed


def test_where_no_block_can_be_skipped_every_steered_pass_is_a_whole_one():
    """Two blocks with keys and values of their own, used by all others."""
    family = BY_NAME["Gemma 4 E2B, E4B (text)"]
    kinds = ["sliding_attention", "full_attention"] * 2
    extra = family.extra | {"num_hidden_layers": 4, "layer_types": kinds, "num_kv_shared_layers": 2}
    model, tokenizer = built(family._replace(extra=extra))
    lm = LanguageModel.of(model, tokenizer)
    assert [starting.begin_of(lm, layer) for layer in range(4)] == [-1] * 4 and lm.default_layer == 0
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    additions = vectors_for(lm, model, [0], 2)
    found = choices.read_steered(lm, prepared, choices.read_baseline(lm, prepared, 0), additions, "second")
    prompt = prepared.prompts[0, 1]
    logits = plain(model, 4, prompt.ids, {0: additions[0][1]}, range(*prompt.spans["activity_b"]))[0]
    np.testing.assert_allclose(found.logits[1, 0, 1], logits[list(prepared.tokens)], atol=TOLERANCE, rtol=TOLERANCE)
    assert "through all blocks" in checks.start(Bench(lm, load_pack("ours"), 0)).detail


def test_words_after_a_steered_sentence_where_blocks_share_keys_and_values():
    """The other function that starts above a layer."""
    model, tokenizer = tiny_model("Gemma 4 E2B, E4B (text)")
    lm = LanguageModel.of(model, tokenizer)
    spelled = spell(lm, "The letter has come", ["at last", "back"])
    for layer in (0, 2):
        vector = vectors_for(lm, model, [layer], 1)[layer][0]
        found = word_log_probabilities(lm, spelled, layer, vector[None].numpy())[0]
        for total, word in zip(found, spelled.words, strict=True):
            exact = 0.0
            for step, token in enumerate(word):
                text = [*spelled.sentence, *word[:step]]
                logits = plain(model, lm.n_layers, text, {layer: vector}, range(*spelled.touched))[0]
                exact += float(torch.log_softmax(logits.double(), -1)[token])
            assert total == pytest.approx(exact, abs=TOLERANCE)


def test_a_model_that_passes_over_the_mask_reads_prompts_row_by_row(monkeypatch):
    """The trial finds out what no list names: attention that passes over the mask it is given."""
    model, tokenizer = built(BY_NAME["Llama 2, 3"])
    lm = LanguageModel.of(model, tokenizer)
    real = forward.run_with_mask
    assert tree_pass.obeys_masks(lm)
    tree_pass._obeying.clear()
    monkeypatch.setattr(forward, "run_with_mask", lambda lm, ids, positions, allowed, cache=None: real(
        lm, ids, positions, torch.ones_like(allowed).tril(allowed.shape[-1] - allowed.shape[-2]), cache))  # fmt: skip
    assert not tree_pass.obeys_masks(lm)
    prepared = choices.prepare(lm, TEMPLATE, PREFILL, OPTIONS)
    baseline = choices.read_baseline(lm, prepared)
    logits = plain(model, lm.n_layers, prepared.prompts[2, 1].ids)[0]
    np.testing.assert_allclose(baseline.logits[2, 1], logits[list(prepared.tokens)], atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_why(name):
    model, tokenizer = tiny_model(name)
    with pytest.raises(UserError, match=BY_NAME[name].reason) as caught:
        LanguageModel.of(model, tokenizer)
    assert "\n" not in str(caught.value)


def test_the_table_is_large_and_has_every_kind():
    assert len(FAMILIES) >= 35 and len(BY_NAME) == len(FAMILIES)
    assert {family.how for family in FAMILIES} == {"packed", "row by row", "refused"}
