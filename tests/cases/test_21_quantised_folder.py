"""Case 21: a quantised folder is read right, or refused in a sentence that says what to do; never a traceback."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig

from cases.folders import command as run_command
from cases.folders import lines, random_model, saved, tokenizer, vectors_of
from emotion_vectors.errors import UserError
from emotion_vectors.lm.model import load_model

pytestmark = pytest.mark.case
BLOCK = 32
SIZE = {"num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024}


@pytest.fixture(scope="module")
def plain():
    return random_model(LlamaConfig(**SIZE, hidden_size=64, intermediate_size=128, vocab_size=len(tokenizer())))


@pytest.fixture(scope="module")
def fp8(plain, tmp_path_factory):
    """The model's projections in float8 with a scale for every block, as DeepSeek V3 and Qwen3-FP8 are saved."""
    folder = saved(tmp_path_factory.mktemp("fp8") / "m", model=plain)
    kept = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        if "proj" not in name:
            kept[name] = weight
            continue
        rows, columns = (size // BLOCK for size in weight.shape)
        blocks = weight.reshape(rows, BLOCK, columns, BLOCK)
        scale = blocks.abs().amax(dim=(1, 3), keepdim=True) / 448
        kept[name] = (blocks / scale).reshape(weight.shape).to(torch.float8_e4m3fn)
        kept[f"{name}_scale_inv"] = scale[:, 0, :, 0].contiguous()
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    quantised(
        folder,
        {
            "quant_method": "fp8",
            "weight_block_size": [BLOCK, BLOCK],
            "activation_scheme": "dynamic",
            "modules_to_not_convert": ["lm_head"],
        },
    )
    return folder


def quantised(folder, how):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": how}))
    return folder


def logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].float().numpy()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_float8_weights_are_right_or_refused(fp8, plain, dtype):
    """On a CPU transformers computes with them in float32 only."""
    try:
        lm = load_model(str(fp8), "cpu", dtype)
    except UserError as error:
        assert dtype != "float32" and f"can't be used in {dtype} on cpu" in str(error) and "--set dtype" in str(error)
        return
    ids = lm.tokenizer("It was raining when they came home.")["input_ids"]
    ours, theirs = logits(lm.model, ids), logits(plain, ids)
    assert np.corrcoef(ours[-1], theirs[-1])[0, 1] > 0.99


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.slow
def test_the_commands_say_so(fp8, tmp_path, dtype):
    vectors = fp8.parent / f"{dtype}.safetensors"
    made = vectors_of(fp8, vectors, dtype)
    assert made.raw.shape[-1] == 32  # of another width: what is asked first is the model
    texts = lines(tmp_path / "t.jsonl", {"text": "It was raining."})
    for asked in (
        ("doctor", "--model", fp8, "--set", f"dtype={dtype}"),
        ("read", texts, "--vectors", vectors, "--out", tmp_path / "s.parquet"),
        ("steer", vectors, "Hello.", "--emotion", "calm=0.1"),
    ):
        done = run_command(*asked, "--device", "cpu")
        assert done.exit_code in (0, 1) or isinstance(done.exception, UserError)
        assert not isinstance(done.exception, UserError) or len(str(done.exception).splitlines()) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        {"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": True},
        {"quant_method": "gptq", "bits": 4, "group_size": 32},
        {"quant_method": "of tomorrow", "bits": 3},
    ],
    ids=lambda how: how["quant_method"],
)
def test_weights_that_are_not_what_the_folder_says_are_refused(how, plain, tmp_path):
    """The folder asks for a quantisation, its weights are not quantised; packages may be missing too."""
    folder = quantised(saved(tmp_path / "m", model=plain), how)
    for dtype in ("float32", "bfloat16"):
        try:
            lm = load_model(str(folder), "cpu", dtype)
        except UserError as error:
            assert "m" in str(error) and str(error).endswith(".")
            continue
        ids = lm.tokenizer("It was raining.")["input_ids"]
        assert np.corrcoef(logits(lm.model, ids)[-1], logits(plain, ids)[-1])[0, 1] > 0.9
