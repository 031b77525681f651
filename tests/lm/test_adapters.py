"""Adapters: our numbers against peft's own forward at all layers, what fits nothing is refused, and a run before and after compares."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from same import agrees
from small import CHOSEN, without_page
from tiny import tiny

from emotion_vectors import EmotionVectors, UserError, load_model, settings
from emotion_vectors.comparing import compare_runs
from emotion_vectors.lm import adapters
from emotion_vectors.lm.adapters import CONFIG, WEIGHTS, find_adapter
from emotion_vectors.lm.model import LanguageModel, locate
from emotion_vectors.opening import identity_of
from emotion_vectors.pipeline import run_experiment
from lm.gguf_worlds import WORLDS, world
from lm.tiny_gguf import tiny_gguf

peft = pytest.importorskip("peft", reason="peft (extra adapters) is not installed")

KINDS = {
    "lora": lambda: peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False),
    "dora": lambda: peft.LoraConfig(r=4, target_modules=["k_proj", "up_proj"], use_dora=True, init_lora_weights=False),
    "ia3": lambda: peft.IA3Config(
        target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"], init_ia3_weights=False
    ),
    "whole head": lambda: peft.LoraConfig(
        r=2, target_modules=["o_proj"], modules_to_save=["lm_head"], init_lora_weights=False
    ),
}


TIED = {  # of a model whose embedding is its unembedding too
    "embedding": lambda: peft.LoraConfig(r=4, target_modules=["q_proj", "embed_tokens"], init_lora_weights=False),
    "unembedding": lambda: peft.LoraConfig(r=4, target_modules=["q_proj", "lm_head"], init_lora_weights=False),
    "embedding, dora": lambda: peft.LoraConfig(r=4, target_modules=["embed_tokens"], use_dora=True, init_lora_weights=False),
    "single tokens": lambda: peft.LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [5, 9]}),
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny model in a folder."""
    folder = tmp_path_factory.mktemp("base") / "model"
    tiny("llama").model.save_pretrained(folder)
    tiny("llama").tokenizer.save_pretrained(folder)
    return folder


def plainly(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def trained(model, place, kind="lora"):
    """A random adapter of `model`, as peft saves it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        wearing = peft.get_peft_model(model, (KINDS | TIED)[kind]())
        for name, weight in wearing.named_parameters():
            if weight.requires_grad and "magnitude" not in name:
                weight.data.add_(torch.randn_like(weight) * 0.1)
    wearing.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    return trained(plainly(base), tmp_path_factory.mktemp("adapter") / "lora")


def changed(adapter, place, change=None, **config):
    """A copy with other tensors or other entries in its configuration."""
    shutil.copytree(adapter, place)
    if change:
        save_file(change(load_file(place / WEIGHTS)), place / WEIGHTS)
    path = place / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return place


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_peft_itself(base, kind, tmp_path):
    adapter = trained(plainly(base), tmp_path / kind, kind)
    lm = load_model(str(base), "cpu", "float32", adapter=str(adapter))
    theirs = peft.PeftModel.from_pretrained(plainly(base), adapter).eval()
    ids = torch.arange(5, 35)[None]
    with torch.no_grad():
        ours, unmerged, bare = (
            one(ids, output_hidden_states=True, use_cache=False) for one in (lm.model, theirs, plainly(base))
        )
    for one, other in zip([*ours.hidden_states, ours.logits], [*unmerged.hidden_states, unmerged.logits], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)
    assert float((ours.logits - bare.logits).abs().max()) > 0.05, "the adapter does something"
    if kind == "lora":
        agrees(lm, LanguageModel.of(theirs.get_base_model(), lm.tokenizer))
    assert lm.name == f"{base.name} + {kind}" and lm.adapter is not None


@pytest.mark.filterwarnings("ignore:.*tie_word_embeddings", "ignore:.*embedding layers")
@pytest.mark.parametrize("kind", TIED)
def test_an_adapted_embedding_leaves_the_unembedding_as_it_is(kind, tmp_path):
    """Merged into the one weight that both are, it would change both."""
    from transformers import AutoModelForCausalLM

    folder, config = tmp_path / "tied", copy.deepcopy(tiny("llama").model.config)
    config.tie_word_embeddings = True
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tiny("llama").tokenizer.save_pretrained(folder)
    adapter = trained(plainly(folder), tmp_path / "adapter", kind)
    lm = load_model(str(folder), "cpu", "float32", adapter=str(adapter))
    theirs = peft.PeftModel.from_pretrained(plainly(folder), adapter).eval()
    ids = torch.arange(5, 35)[None]
    with torch.no_grad():
        ours, unmerged, bare = (one(ids).logits for one in (lm.model, theirs, plainly(folder)))
    torch.testing.assert_close(ours, unmerged, atol=1e-4, rtol=0)
    assert float((ours - bare).abs().max()) > 0.01, "the adapter does something"


def test_a_merge_that_gives_other_numbers_is_refused(base, adapter, monkeypatch):
    whole = peft.tuners.lora.layer.Linear.merge

    def twice(self, *arguments, **options):
        whole(self, *arguments, **options)
        self.base_layer.weight.data += 0.01

    monkeypatch.setattr(peft.tuners.lora.layer.Linear, "merge", twice)
    with pytest.raises(UserError, match="gives other numbers when it is merged"):
        load_model(str(base), "cpu", "float32", adapter=str(adapter))


@pytest.mark.slow
def test_on_quantised_weights_it_stays_beside_them(tmp_path):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (extra quantized) is not installed")
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig

    tokenizer = tiny().tokenizer
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    adapter = trained(plainly(tmp_path / "base"), tmp_path / "lora")
    lm = load_model(str(tmp_path / "base"), "cpu", "float32", quantize="4bit", adapter=str(adapter))
    asked = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    quantised = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base", dtype=torch.float32, device_map={"": "cpu"}, quantization_config=asked
    )
    theirs = peft.PeftModel.from_pretrained(quantised, adapter).eval()
    # On a CPU with bfloat16 units bitsandbytes multiplies in bfloat16, so another grouping of tokens rounds otherwise.
    agrees(lm, LanguageModel.of(theirs.get_base_model(), lm.tokenizer), nats=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t | {"base_model.model.model.layers.9.mlp.down_proj.lora_A.weight": torch.zeros(4, 48)}, r"fit nothing in this model: .*layers\.9"),
        (lambda t: {name: value for name, value in t.items() if "layers.2.self_attn.q_proj.lora_B" not in name}, r"layers\.2\.self_attn\.q_proj\.lora_B\.weight are missing"),
        (lambda t: {name: torch.cat([value, value]) if "layers.1.self_attn.q_proj.lora_B" in name else value for name, value in t.items()}, r"layers\.1\.self_attn\.q_proj\.lora_B\.weight have another shape"),
        (lambda t: t | {"base_model.model.model.embed_tokens.weight": torch.zeros(9, 32)}, r"embed_tokens\.weight have another shape \(\(9, 32\) for"),
        (lambda t: {name.replace("model.layers", "transformer.h"): value for name, value in t.items()}, r"fit nothing.*transformer\.h.*more"),
    ],
    ids=["too many", "missing", "another shape", "a grown vocabulary", "other names"],
)  # fmt: skip
def test_tensors_that_don_t_fit_are_refused_by_name(base, adapter, change, said, tmp_path):
    with pytest.raises(UserError, match=said):
        load_model(str(base), "cpu", "float32", adapter=str(changed(adapter, tmp_path / "other", change)))


@pytest.mark.slow
def test_an_adapter_that_names_the_folder_of_a_converted_gguf_file_is_for_that_file(tmp_path):
    """As peft writes it after training on `load_model("embedded").model`."""
    file = tmp_path / "small.gguf"
    tiny_gguf(file, world("llama"), "llama", WORLDS["llama"][2])
    converted = locate(str(file), tmp_path / "cache").folder
    model = peft.get_peft_model(
        load_model(str(file), "cpu", "float32", cache=tmp_path / "cache").model, KINDS["lora"]()
    )
    model.save_pretrained(tmp_path / "trained")
    assert find_adapter(str(tmp_path / "trained")).base == converted
    found = locate(str(file), tmp_path / "cache", adapter=str(tmp_path / "trained"))
    assert found.base_sha256 == locate(str(file), tmp_path / "cache").sha256
    other = tmp_path / "other.gguf"
    tiny_gguf(other, world("llama"), "llama", WORLDS["llama"][2] | {"general.name": "another"})
    with pytest.raises(UserError, match="was made for"):
        locate(str(other), tmp_path / "cache", adapter=str(tmp_path / "trained"))


def test_an_adapter_for_another_base_is_refused(base, adapter, tmp_path):
    with pytest.raises(UserError, match=r"does not fit.*target modules|does not fit.*Target modules"):
        load_model(str(base), "cpu", adapter=str(changed(adapter, tmp_path / "modules", target_modules=["c_attn"])))
    other = tmp_path / "other"
    plain = tiny("qwen3")
    plain.model.save_pretrained(other)
    plain.tokenizer.save_pretrained(other)
    with pytest.raises(UserError, match=r"was made for '.*model', not for"):
        locate(str(other), adapter=str(adapter))
    moved = tmp_path / "moved"
    shutil.copytree(base, moved)
    assert locate(str(moved), adapter=str(adapter)).sha256 == locate(str(base), adapter=str(adapter)).sha256
    named = find_adapter(str(changed(adapter, tmp_path / "named", base_model_name_or_path="meta-llama/Llama-3.1-8B")))
    with pytest.raises(
        UserError, match=r"made for 'meta-llama/Llama-3.1-8B', not for 'Qwen/Qwen3-8B'; give --model meta"
    ):
        adapters.check_base(named, "Qwen/Qwen3-8B", another=False)
    adapters.check_base(named, "meta-llama/llama-3.1-8B", another=False)
    adapters.check_base(named, "/models/llama", another=False)


@pytest.mark.slow
def test_what_is_no_adapter_of_weights_is_refused(base, adapter, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no adapter folder"):
        find_adapter(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=f"has no {CONFIG}"):
        find_adapter(str(base))
    pickled = changed(adapter, tmp_path / "pickled")
    (pickled / WEIGHTS).rename(pickled / "adapter_model.bin")
    with pytest.raises(UserError, match=rf"has no {WEIGHTS} \(pickled weights are refused\)"):
        find_adapter(str(pickled))
    peft.get_peft_model(plainly(base), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)).save_pretrained(tmp_path / "prompt")  # fmt: skip
    with pytest.raises(UserError, match="is a prompt tuning, which puts tokens of its own"):
        load_model(str(base), "cpu", adapter=str(tmp_path / "prompt"))
    for name, config, said in (
        ("later", {"brand_new_scaling": 3, "another": None}, "sets brand_new_scaling, which the installed peft"),
        ("unheard", {"peft_type": "WONDER"}, "of a kind that the installed peft .*WONDER"),
        ("called", {"alora_invocation_tokens": [3, 4]}, "only after certain tokens of a text"),
        ("biased", {"lora_bias": True}, r"lora_B\.bias.* are missing"),
    ):
        with pytest.raises(UserError, match=said):
            load_model(str(base), "cpu", "float32", adapter=str(changed(adapter, tmp_path / name, **config)))
    load_model(str(base), "cpu", "float32", adapter=str(changed(adapter, tmp_path / "tool", unsloth_fixed=True)))
    damaged = changed(adapter, tmp_path / "damaged")
    (damaged / CONFIG).write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        find_adapter(str(damaged))
    monkeypatch.setattr(adapters, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'emotion-vectors\[adapters\]'"):
        find_adapter(str(adapter))


def test_an_adapter_that_is_given_as_a_model_is_told_apart(base, adapter, tmp_path):
    with pytest.raises(UserError, match=r"is an adapter, not a model; .* --model .*model --adapter .*lora"):
        locate(str(adapter))
    both = tmp_path / "both"
    shutil.copytree(base, both)
    shutil.copy(adapter / CONFIG, both / CONFIG)
    with pytest.raises(UserError, match="contains an adapter and a model"):
        load_model(str(both), "cpu")


def test_the_adapter_is_part_of_the_identity_by_its_content(base, adapter, tmp_path):
    plain = settings.change(settings.toy(), model=str(base))
    chosen = settings.change(plain, adapter=str(adapter))
    same = settings.change(plain, adapter=str(changed(adapter, tmp_path / "copy")))
    (tmp_path / "copy" / CONFIG).write_bytes((adapter / CONFIG).read_bytes())
    assert identity_of(chosen) == identity_of(same)
    assert identity_of(chosen)["model"] != identity_of(plain)["model"]
    other = changed(adapter, tmp_path / "trained", lambda t: {name: value * 1.01 for name, value in t.items()})
    assert identity_of(settings.change(chosen, adapter=str(other))) != identity_of(chosen)


def test_vectors_bring_their_adapter_back(base, adapter):
    lm = load_model(str(base), "cpu", "float32", adapter=str(adapter))
    made = EmotionVectors.from_arrays({"calm": np.ones(32)}, lm, residual_norm=np.ones(4))
    assert made.header["adapter"] == str(adapter)
    assert made.own_model().sha256 == lm.sha256 != load_model(str(base), "cpu", "float32").sha256


@pytest.mark.slow
def test_runs_before_and_after_training_compare(small_run, tmp_path):
    from emotion_vectors.lm.built import build

    folder, before = small_run
    adapter = trained(copy.deepcopy(build("toy").model), tmp_path / "lora")
    chosen = settings.change(CHOSEN, adapter=str(adapter))
    with without_page():
        after = run_experiment(chosen, tmp_path / "after", settings.Runtime(device="cpu", quiet=True, threads=1))
    assert after["model"]["adapter"] == str(adapter) and after["model"]["name"] == "toy + lora"
    assert after["model"]["sha256"] != before["model"]["sha256"] and "adapter" not in before["model"]
    found = compare_runs([folder, tmp_path / "after"], tmp_path / "out", 200)
    assert "toy + lora" in (tmp_path / "out" / "comparison.html").read_text()
    assert found["pairs"][0]["vectors"]["mean"] < 0.999
