"""Quantised models, made at load and as they come: our numbers against plain loops on what transformers loads."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from same import agrees
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig

from emotion_vectors import EmotionVectors, UserError, load_model, settings
from emotion_vectors.lm import quantized, toy
from emotion_vectors.lm.model import LanguageModel, locate
from emotion_vectors.opening import identity_of

FOUR = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
EIGHT = {"load_in_8bit": True, "llm_int8_threshold": 0.0}
CONFIGS = {"4bit": FOUR, "8bit": EIGHT}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny random model of a width that bitsandbytes takes."""
    _, tokenizer = toy.make_toy()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, initializer_range=0.06, tie_word_embeddings=False, pad_token_id=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
    place = tmp_path_factory.mktemp("models") / "plain"
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def plainly(folder, dtype=torch.float32, **options):
    """The model as transformers alone loads it."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, device_map={"": "cpu"}, **options).eval()


def with_bitsandbytes(folder, choice, dtype=torch.float32):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (extra quantized) is not installed")
    more = {"bnb_4bit_compute_dtype": dtype} if choice == "4bit" else {}
    return plainly(folder, dtype, quantization_config=BitsAndBytesConfig(**CONFIGS[choice], **more))


def copied(folder, place, **config):
    """The folder again, with other entries in its config.json."""
    shutil.copytree(folder, place)
    path = place / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return place


@pytest.mark.parametrize("choice", CONFIGS)
@pytest.mark.slow
def test_quantised_at_load_the_numbers_are_those_of_plain_transformers(folder, choice):
    reference = with_bitsandbytes(folder, choice)
    lm = load_model(str(folder), "cpu", "float32", quantize=choice)
    assert lm.dtype == torch.float32 and quantized.describe(lm.model) == f"bitsandbytes {choice[0]} bit"
    whole = LanguageModel.of(reference, lm.tokenizer)
    agrees(lm, whole)
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        assert float((lm.model(ids).logits - plainly(folder)(ids).logits).abs().max()) > 1e-3, "it is quantised"


@pytest.mark.parametrize("choice", CONFIGS)
def test_a_text_reads_the_same_whatever_comes_after_it_or_with_it(folder, choice):
    """LLM.int8 with its usual threshold looks for outliers in the whole batch; what we ask of bitsandbytes does not."""
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (extra quantized) is not installed")
    lm = load_model(str(folder), "cpu", "float32", quantize=choice)
    ids = torch.randint(5, 90, (3, 30), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = lm.model(ids).logits
        for row in range(3):
            torch.testing.assert_close(
                lm.model(ids[row : row + 1, :9]).logits, together[row : row + 1, :9], atol=1e-4, rtol=0
            )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("choice", CONFIGS)
@pytest.mark.slow
def test_a_folder_that_comes_quantised_keeps_its_precision(folder, choice, dtype, tmp_path):
    model = with_bitsandbytes(folder, choice, getattr(torch, dtype))
    model.save_pretrained(tmp_path)
    toy.make_toy()[1].save_pretrained(tmp_path)
    lm = load_model(str(tmp_path), "cpu")
    assert lm.dtype == getattr(torch, dtype) == lm.model.get_input_embeddings().weight.dtype
    assert quantized.describe(lm.model) == f"bitsandbytes {choice[0]} bit"
    if dtype == "float32":
        agrees(lm, LanguageModel.of(plainly(tmp_path), lm.tokenizer))
    other = {"float32": "bfloat16", "bfloat16": "float32"}[dtype]
    with pytest.raises(UserError, match=f"were made for {dtype} and can't be used in {other}"):
        load_model(str(tmp_path), "cpu", other)
    with pytest.raises(UserError, match=r"quantised already \(bitsandbytes\); leave out --quantize"):
        locate(str(tmp_path), quantize="4bit")


@pytest.mark.parametrize("change", ["a weight is missing", "a tensor too many"])
def test_quantised_weights_that_the_files_do_not_settle_are_refused_by_name(folder, change, tmp_path):
    with_bitsandbytes(folder, "4bit").save_pretrained(tmp_path)
    toy.make_toy()[1].save_pretrained(tmp_path)
    file, name = tmp_path / "model.safetensors", "model.layers.1.mlp.up_proj.weight"
    tensors = load_file(file)
    if change == "a weight is missing":
        tensors = {key: value for key, value in tensors.items() if not key.startswith(name)}
    else:
        name = "model.layers.7.mlp.up_proj.weight"
        tensors[name] = torch.zeros(3)
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        load_model(str(tmp_path), "cpu")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fp8_is_read_in_full_precision_where_there_is_no_gpu_for_it(folder, dtype, tmp_path):
    place = copied(folder, tmp_path / "fp8", quantization_config={
        "quant_method": "fp8", "weight_block_size": [32, 32], "activation_scheme": "dynamic", "modules_to_not_convert": ["lm_head"]
    })  # fmt: skip
    file, exact = place / "model.safetensors", plainly(folder)
    tensors, state = {}, exact.state_dict()
    for name, weight in load_file(file).items():
        tensors[name] = weight
        if "proj" in name:
            blocks = weight.reshape(weight.shape[0] // 32, 32, weight.shape[1] // 32, 32)
            scale = blocks.abs().amax((1, 3), keepdim=True) / 448
            tensors[name] = (blocks / scale).reshape(weight.shape).to(torch.float8_e4m3fn)
            tensors[f"{name}_scale_inv"] = scale[:, 0, :, 0].contiguous()
            rounded = tensors[name].float().reshape(blocks.shape) * scale
            state[name].copy_(rounded.reshape(weight.shape))
    save_file(tensors, file, metadata={"format": "pt"})
    if torch.cuda.is_available():
        pytest.skip("with a GPU the weights stay in FP8")
    lm = load_model(str(place), "cpu", dtype)
    assert {parameter.dtype for parameter in lm.model.parameters()} == {lm.dtype} == {getattr(torch, dtype)}
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        away = (lm.model(ids).logits.float() - exact(ids).logits).abs().max() / exact(ids).logits.std()
    assert away < (1e-4 if dtype == "float32" else 0.1)


@pytest.mark.slow
def test_compressed_tensors_are_read_as_they_are_meant(folder, tmp_path):
    pytest.importorskip("compressed_tensors", reason="compressed-tensors (extra quantized) is not installed")
    group = {
        "format": "int-quantized",
        "targets": ["Linear"],
        "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"},
    }
    place = copied(folder, tmp_path / "int8", quantization_config={
        "quant_method": "compressed-tensors", "format": "int-quantized", "quantization_status": "compressed", "ignore": ["lm_head"],
        "config_groups": {"group_0": group},
    })  # fmt: skip
    file, exact = place / "model.safetensors", plainly(folder)
    tensors, state = {}, exact.state_dict()
    for name, weight in load_file(file).items():
        tensors[name] = weight
        if "proj" in name:
            scale = weight.abs().amax(1, keepdim=True) / 127
            tensors[name] = (weight / scale).round().clamp(-127, 127).to(torch.int8)
            tensors[f"{name}_scale"] = scale
            state[name].copy_(tensors[name].float() * scale)
    save_file(tensors, file, metadata={"format": "pt"})
    lm = load_model(str(place), "cpu")
    assert lm.dtype == torch.float32
    agrees(lm, LanguageModel.of(exact, lm.tokenizer))


@pytest.mark.parametrize("method, package", [("gptq", "optimum"), ("awq", "gptqmodel")])
def test_a_package_that_is_missing_is_named(folder, method, package, tmp_path):
    if quantized.find_spec(package):
        pytest.skip(f"{package} is installed")
    place = copied(folder, tmp_path / method, quantization_config={"quant_method": method, "bits": 4, "group_size": 32})
    with pytest.raises(UserError, match=package):
        load_model(str(place), "cpu", "float32")


def test_a_quantised_unembedding_is_refused(folder):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (extra quantized) is not installed")
    model = plainly(folder, quantization_config=BitsAndBytesConfig(**FOUR, llm_int8_skip_modules=["none"]))
    with pytest.raises(UserError, match="unembedding of LlamaForCausalLM is quantised"):
        LanguageModel.of(model, toy.make_toy()[1])


def test_what_can_t_be_quantised_is_refused_before_anything_is_computed(folder, monkeypatch):
    with pytest.raises(UserError, match="'toy' is built here in full precision"):
        locate("toy", quantize="4bit")
    with pytest.raises(UserError, match="no quantisation '3bit'; choose 4bit or 8bit"):
        load_model(str(folder), quantize="3bit")
    monkeypatch.setattr(quantized, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'emotion-vectors\[quantized\]'"):
        locate(str(folder), quantize="4bit")


def test_quantised_weights_are_another_model(folder):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (extra quantized) is not installed")
    hashes = {choice: locate(str(folder), quantize=choice).sha256 for choice in (None, "4bit", "8bit")}
    assert len(set(hashes.values())) == 3 and hashes[None] == locate(str(folder)).sha256
    plain = settings.change(settings.toy(), model=str(folder), stories_from="ours", neutral_from="ours", topics=1)
    assert not {"quantize", "adapter"} & set(identity_of(plain)["settings"]), "older folders stay valid"
    four = identity_of(settings.change(plain, quantize="4bit"))
    assert four["settings"]["quantize"] == "4bit" and four["model"] == {"sha256": hashes["4bit"]}
    with pytest.raises(UserError, match=r"writer vllm reads the model's files.*writer=transformers"):
        identity_of(settings.change(settings.toy(), model=str(folder), writer="vllm", quantize="4bit"))


def test_vectors_bring_their_quantised_model_back(folder):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (extra quantized) is not installed")
    lm = load_model(str(folder), "cpu", "float32", quantize="4bit")
    made = EmotionVectors.from_arrays({"calm": np.ones(64)}, lm, residual_norm=np.ones(4))
    assert made.header["quantize"] == "4bit" and "adapter" not in made.header
    assert made.own_model().quantize == "4bit"
