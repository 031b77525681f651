"""The decoding loop against `generate` of transformers with plain hooks, for caches of all kinds, and against the loops that it replaced."""

from functools import cache

import numpy as np
import pytest
import torch
import transformers
from quick import quick
from tiny import SHARED, tiny
from transformers import AutoModelForCausalLM, DynamicCache

from emotion_vectors.errors import UserError
from emotion_vectors.lm import decode as decoding
from emotion_vectors.lm import toy
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.decode import ANSWERS, STORIES, Row, decode
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.sampling import Sampling, draw, end_tokens, penalize, uniform_draws
from emotion_vectors.lm.selfcheck import with_logit_scale

STEPS, LAYER, WINDOW = 10, 2, 6
GREEDY = Sampling(temperature=0, max_new_tokens=STEPS)
SAMPLED = Sampling(temperature=1.0, top_p=0.9, max_new_tokens=STEPS)
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
MAMBA = {
    "mamba_n_heads": 8,
    "mamba_d_state": 8,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_chunk_size": 8,
    "mamba_n_groups": 1,
}
HYBRID = ["linear_attention", "full_attention"] * 2
# What each keeps of the text so far: keys and values of all tokens or of a window, states of convolutions and recurrences.
FAMILIES = {
    "llama: full": ("LlamaConfig", GROUPED),
    "mistral: window": ("MistralConfig", GROUPED | {"sliding_window": WINDOW}),
    "qwen2: full": ("Qwen2Config", {"num_key_value_heads": 2}),
    "qwen3: full": ("Qwen3Config", GROUPED),
    "gemma2: window and full": ("Gemma2Config", GROUPED | {"sliding_window": WINDOW, "query_pre_attn_scalar": 8}),
    "gemma3: window and full": ("Gemma3TextConfig", GROUPED | {
        "sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"] * 2, "query_pre_attn_scalar": 8,
    }),
    "gpt-neox: full": ("GPTNeoXConfig", {}),
    "gpt2: learned positions": ("GPT2Config", {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 1024}),
    "opt: learned positions": ("OPTConfig", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "phi3: full": ("Phi3Config", {"num_key_value_heads": 2, "pad_token_id": 0}),
    "olmo2: full": ("Olmo2Config", {"num_key_value_heads": 2}),
    "granite: scaled logits": ("GraniteConfig", {"num_key_value_heads": 2, "logits_scaling": 4.0}),
    "cohere2: scaled logits, window": ("Cohere2Config", {"num_key_value_heads": 2, "sliding_window": WINDOW, "logit_scale": 0.5}),
    "mixtral: experts": ("MixtralConfig", {"num_key_value_heads": 2} | EXPERTS),
    "gpt-oss: sinks, window": ("GptOssConfig", GROUPED | EXPERTS | {"sliding_window": WINDOW}),
    "lfm2: convolutions": ("Lfm2Config", {
        "num_key_value_heads": 2, "layer_types": ["conv", "full_attention"] * 2, "block_auto_adjust_ff_dim": False,
    }),
    "qwen3-next: linear attention": ("Qwen3NextConfig", GROUPED | {
        "layer_types": HYBRID, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
        "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
    }),
    "granite hybrid: state space": ("GraniteMoeHybridConfig", MAMBA | EXPERTS | {
        "num_key_value_heads": 2, "layer_types": ["mamba", "attention"] * 2, "shared_intermediate_size": 16,
    }),
    "falcon-h1: state space and attention in each block": ("FalconH1Config", MAMBA | {"num_key_value_heads": 2, "mamba_d_ssm": 64, "mamba_d_head": 8}),
    "minimax: a cache of its own": ("MiniMaxConfig", GROUPED | EXPERTS | {"layer_types": HYBRID, "block_size": 8}),
}  # fmt: skip


@cache
def family(name):
    """A random float32 model of 4 blocks and width 32 of a family."""
    kind, extra = FAMILIES[name]
    _, tokenizer = toy.make_toy()
    ids = {f"{which}_token_id": getattr(tokenizer, f"{which}_token_id") for which in ("pad", "bos", "eos")}
    config = getattr(transformers, kind)(**SHARED | ids | extra, vocab_size=len(tokenizer))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for key, parameter in model.named_parameters():
            # Larger than the usual initialisation, so that attention and position really matter; decay rates stay as they are.
            if "A_log" not in key:
                parameter.data.add_(torch.randn_like(parameter) * 0.15)
    model.requires_grad_(False)
    lm = LanguageModel(
        model, tokenizer, find_parts(model), name, name, "0", None, torch.device("cpu"), torch.float32, is_chat=True
    )
    return with_logit_scale(lm)


def prompts(count=4):
    generator = np.random.default_rng(5)
    return [tuple(int(token) for token in generator.integers(300, 1200, size=size)) for size in (3, 14, 1, 9)[:count]]


def push(lm, seed, size=1.5):
    return {LAYER: np.random.default_rng(seed).standard_normal(lm.hidden_size).astype(np.float32) * size}


def generated(lm, row, **options):
    """The text of one row alone by the model's own `generate`, with a plain hook where the row has a vector."""

    def hook(_, __, output):
        state = output[0] if isinstance(output, tuple) else output
        state = state + torch.from_numpy(row.vectors[LAYER])
        return (state, *output[1:]) if isinstance(output, tuple) else state

    handle = lm.parts.blocks[LAYER].register_forward_hook(hook) if row.vectors else None
    ids, ends = torch.tensor([row.ids]), sorted(end_tokens(lm))
    try:
        found = lm.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=STEPS,
            eos_token_id=ends,
            pad_token_id=0,
            **options,
        )[0, len(row.ids) :].tolist()
    finally:
        if handle is not None:
            handle.remove()
    return found[:-1] if found[-1] in ends else found


@pytest.mark.parametrize("arithmetic", [ANSWERS, STORIES], ids=["answers", "stories"])
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.slow
def test_greedy_equals_the_models_own_generate_for_caches_of_all_kinds(name, arithmetic):
    """Rows of different lengths together and alone, with and without vectors; the reference is one row at a time."""
    lm = family(name)
    plain = [Row(ids) for ids in prompts()]
    steered = [Row(row.ids, 0, push(lm, number)) for number, row in enumerate(plain)]
    expected = [generated(lm, row) for row in [*plain, *steered]]
    assert [one.tokens for one in decode(lm, plain, GREEDY, arithmetic)] == expected[:4]
    assert [one.tokens for one in decode(lm, [*steered, *plain], GREEDY, arithmetic)] == expected[4:] + expected[:4]
    assert [decode(lm, [row], GREEDY, arithmetic)[0].tokens for row in steered] == expected[4:]
    assert expected[:4] != expected[4:], "the vectors must matter"
    assert len({tuple(text) for text in expected}) > 4, "the prompts must matter"


@pytest.mark.parametrize("name", ["llama: full", "gemma3: window and full"])
def test_a_static_cache_gives_the_same(name):
    lm = family(name)
    for row in [Row(prompts()[1]), Row(prompts()[1], 0, push(lm, 1))]:
        assert decode(lm, [row], GREEDY)[0].tokens == generated(lm, row, cache_implementation="static")


@pytest.mark.parametrize("arithmetic", [ANSWERS, STORIES], ids=["answers", "stories"])
@pytest.mark.parametrize("name", quick(["llama: full", "mistral: window"], [
    "llama: full", "mistral: window", "lfm2: convolutions", "qwen3-next: linear attention", "falcon-h1: state space and attention in each block",
    "minimax: a cache of its own",
]))  # fmt: skip
def test_rows_that_end_early_leave_the_others_as_they_are(name, arithmetic, monkeypatch):
    """Half of the tokens end a text, so rows leave at many steps; each is cut where its own whole text has the first of them."""
    lm = family(name)
    rows = [Row(prompts()[i % 4], i, push(lm, i)) for i in range(8)]
    whole = [decode(lm, [row], SAMPLED, arithmetic, ends=())[0] for row in rows]
    ends = {token for text in whole for token in text.tokens if token % 7 == 0}
    cut = decode(lm, rows, SAMPLED, arithmetic, ends=ends)
    lengths = set()
    for text, one in zip(whole, cut, strict=True):
        first = next((place for place, token in enumerate(text.tokens) if token in ends), None)
        assert one == (text.tokens[:first], first is not None)
        lengths.add(len(one.tokens))
    assert len(lengths) > 2, "rows must end at different steps"


def test_a_row_depends_on_its_own_seed_vectors_and_tokens_only():
    lm = family("mistral: window")
    touched = ("all", "prompt", "response", (1, 2))
    rows = [Row(prompts()[number % 2], number, push(lm, number), touch) for number, touch in enumerate(touched * 2)]
    together = decode(lm, rows, SAMPLED)
    assert together == [decode(lm, [row], SAMPLED)[0] for row in rows] == decode(lm, rows[::-1], SAMPLED)[::-1]
    assert len({tuple(one.tokens) for one in together}) == len(rows)


def test_a_range_of_the_prompt_is_steered_and_nothing_else():
    """Against a plain hook that adds at ten columns, while the whole text is read again for every token."""
    lm = family("llama: full")
    ids, vectors = list(prompts()[1]), {0: push(lm, 9, 30.0)[LAYER]}
    written = decode(lm, [Row(tuple(ids), 0, vectors, (2, 12)), Row((400, 500))], GREEDY)[0].tokens

    def hook(_, __, output):
        state = (output[0] if isinstance(output, tuple) else output).clone()
        state[0, 2:12] += torch.from_numpy(vectors[0])
        return (state, *output[1:]) if isinstance(output, tuple) else state

    handle = lm.parts.blocks[0].register_forward_hook(hook)
    try:
        for token in written:
            with torch.no_grad():
                assert token == int(lm.model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
            ids.append(token)
    finally:
        handle.remove()
    assert len(written) == STEPS and written != decode(lm, [Row(prompts()[1])], GREEDY)[0].tokens


def test_every_token_is_heard_and_the_listener_can_end_the_writing():
    lm, heard = family("llama: full"), []
    rows = [Row(prompts()[0]), Row(prompts()[1])]
    whole = decode(lm, rows, GREEDY, on_token=lambda *one: heard.append(one))
    assert heard == [(row, whole[row].tokens[step]) for step in range(STEPS) for row in (0, 1)]
    heard.clear()
    cut = decode(lm, rows, GREEDY, on_token=lambda *one: heard.append(one) or len(heard) > 5)
    assert [one.tokens for one in cut] == [one.tokens[:3] for one in whole] and not any(one.finished for one in cut)


def test_a_model_that_keeps_nothing_is_refused(monkeypatch):
    lm = family("llama: full")
    monkeypatch.setattr(decoding, "new_cache", lambda model: None)
    monkeypatch.setattr(decoding, "CACHE_NAMES", ("nothing",))
    with pytest.raises(UserError, match="LlamaForCausalLM has no cache of the text so far"):
        decode(lm, [Row((400, 500))], GREEDY)


# The loops that this one replaced, in their own order of operations: kept texts of earlier runs may not move by a bit.


@torch.inference_mode()
def earlier_stories(lm, given, sampling, ends):
    """The writer's: the model's own logits in its precision, a mask and positions always, finished rows leave the batch."""
    longest = max(map(len, given))
    ids, mask = torch.zeros(len(given), longest, dtype=torch.long), torch.zeros(len(given), longest, dtype=torch.long)
    for row, one in enumerate(given):
        ids[row, longest - len(one) :], mask[row, longest - len(one) :] = torch.tensor(one), 1
    cache, rows, draws = (
        DynamicCache(config=lm.model.config),
        list(range(len(given))),
        uniform_draws(range(len(given)), sampling.max_new_tokens, lm.device),
    )

    def logits(ids, positions):
        return lm.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            past_key_values=cache,
            logits_to_keep=1,
        ).logits[:, -1]

    now, places = logits(ids, (mask.cumsum(-1) - 1).clamp(min=0)), mask.sum(-1)
    text, prompt = torch.zeros_like(now, dtype=torch.bool), torch.zeros_like(now, dtype=torch.bool)
    for row, one in enumerate(given):
        prompt[row, torch.tensor(one)] = True
    texts, over = [[] for _ in given], [False] * len(given)
    for step in range(sampling.max_new_tokens):
        tokens = draw(penalize(now, prompt, text, sampling), draws[:, step], sampling)
        text.scatter_(1, tokens[:, None], True)
        for row, token in zip(rows, tokens.tolist(), strict=True):
            over[row] = over[row] or token in ends
            if not over[row]:
                texts[row].append(token)
        stay = [place for place, row in enumerate(rows) if not over[row]]
        if not stay or step + 1 == sampling.max_new_tokens:
            break
        if len(rows) - len(stay) >= 0.25 * len(rows):
            rows, tokens = [rows[place] for place in stay], tokens[stay]
            cache.batch_select_indices(torch.tensor(stay))
            mask, places, draws, text, prompt = mask[stay], places[stay], draws[stay], text[stay], prompt[stay]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=-1)
        now, places = logits(tokens[:, None], places[:, None]), places + 1
    return texts


@torch.inference_mode()
def earlier_answers(lm, prompt, vectors, sampling, ends):
    """`steer`'s: logits of the unembedding in float32, no mask, every row to the end."""
    cache, draws = (
        DynamicCache(config=lm.model.config),
        uniform_draws(range(len(vectors)), sampling.max_new_tokens, lm.device),
    )
    added = torch.from_numpy(vectors).to(lm.dtype)[:, None]

    def hook(_, __, output):
        state = output[0] if isinstance(output, tuple) else output
        return (state + added, *output[1:]) if isinstance(output, tuple) else state + added

    ids, texts, over = torch.tensor([prompt] * len(vectors)), [[] for _ in vectors], [False] * len(vectors)
    handle = lm.parts.blocks[LAYER].register_forward_hook(hook)
    try:
        for step in range(sampling.max_new_tokens):
            hidden = lm.parts.body(input_ids=ids, use_cache=True, past_key_values=cache).last_hidden_state[:, -1]
            tokens = draw(lm.parts.head(hidden).float(), draws[:, step], sampling)
            for row, token in enumerate(tokens.tolist()):
                over[row] = over[row] or token in ends
                if not over[row]:
                    texts[row].append(token)
            if all(over):
                break
            ids = tokens[:, None]
    finally:
        handle.remove()
    return texts


def half(kind):
    """A tiny model in bfloat16, where the order of operations shows in many digits, and another one for every family."""
    from copy import deepcopy
    from dataclasses import replace

    lm = tiny(kind)
    model = deepcopy(lm.model).bfloat16()
    return replace(lm, model=model, parts=find_parts(model), dtype=torch.bfloat16)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt_neox"])
@pytest.mark.parametrize("penalty", [1.0, 1.2])
@pytest.mark.slow
def test_stories_are_those_of_the_loop_before_to_the_last_bit(kind, penalty):
    lm, generator = half(kind), np.random.default_rng(1)
    given = [
        tuple(int(token) for token in generator.integers(300, 1200, size=size))
        for size in generator.integers(1, 25, size=16)
    ]
    sampling = Sampling(temperature=1.5, top_p=0.95, repetition_penalty=penalty, max_new_tokens=24)
    whole = earlier_stories(lm, given, sampling, ())
    ends = {text[4 + 2 * number] for number, text in enumerate(whole[:9])}
    rows = [Row(ids, seed) for seed, ids in enumerate(given)]
    texts = decode(lm, rows, sampling, STORIES, ends=ends)
    assert [one.tokens for one in texts] == earlier_stories(lm, given, sampling, ends)
    assert len({len(one.tokens) for one in texts}) > 4, "rows must leave at different steps"


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt_neox"])
def test_answers_are_those_of_the_loop_before_to_the_last_bit(kind):
    lm, prompt = half(kind), prompts()[1]
    vectors = np.random.default_rng(2).standard_normal((6, lm.hidden_size)).astype(np.float32)
    sampling = Sampling(temperature=1.5, top_p=0.95, max_new_tokens=24)
    ends = {text[9] for text in earlier_answers(lm, prompt, vectors, sampling, ())[:2]}
    rows = [Row(prompt, seed, {LAYER: vector}) for seed, vector in enumerate(vectors)]
    assert [one.tokens for one in decode(lm, rows, sampling, ends=ends)] == earlier_answers(
        lm, prompt, vectors, sampling, ends
    )
