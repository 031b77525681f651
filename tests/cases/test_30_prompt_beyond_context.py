"""Case 30: texts longer than the model's positions are a sentence before anything is computed, in every command."""

import json

import pytest
import torch
from transformers import GPT2Config, LlamaConfig, MptConfig, OPTConfig, Qwen2Config

from cases.folders import command, lines, random_model, read, refused, saved, tokenizer, vectors_of
from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Loaded
from emotion_vectors.explorer.writing import Sampling, write
from emotion_vectors.lm.limits import context_of_config
from emotion_vectors.lm.model import load_model
from emotion_vectors.vectors.file import EmotionVectors

pytestmark = pytest.mark.case
LONG = "Tell me about your day. " * 60
SIZE = {"num_hidden_layers": 4, "num_attention_heads": 4, "hidden_size": 32, "vocab_size": len(tokenizer())}
CONFIGS = {
    "rotary": LlamaConfig(**SIZE, intermediate_size=48, max_position_embeddings=128),
    "table": GPT2Config(n_layer=4, n_head=4, n_embd=32, vocab_size=len(tokenizer()), n_positions=128),
}


@pytest.fixture(scope="module", params=CONFIGS)
def world(request, tmp_path_factory):
    """Folder, vectors file and prompt of a model that reads 128 tokens."""
    folder = tmp_path_factory.mktemp("world")
    model = saved(folder / "m", model=random_model(CONFIGS[request.param]))
    vectors_of(model, folder / "v.safetensors")
    return folder


def test_the_limit_is_where_plain_transformers_ends():
    table = random_model(CONFIGS["table"])
    opt = OPTConfig(**SIZE, ffn_dim=48, max_position_embeddings=64, word_embed_proj_dim=32)
    for model in (table, random_model(opt)):
        most = context_of_config(model.config)
        with torch.no_grad():
            assert model(torch.zeros(1, most, dtype=torch.long)).logits.shape[1] == most
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.zeros(1, most + 1, dtype=torch.long))


def test_the_limit_under_other_names_and_of_a_stretched_rotation():
    stretched = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256, "rope_theta": 1e4}
    assert context_of_config(MptConfig(max_seq_len=96)) == 96
    assert context_of_config(Qwen2Config(max_position_embeddings=256, rope_parameters=stretched)) == 1024


def test_steer_is_refused(world):
    asked = ("steer", world / "v.safetensors", "--emotion", "calm=0.1", "--device", "cpu")
    assert "reads at most 128; shorten it" in refused(*asked, LONG, "--max-tokens", 4)
    said = refused(*asked, "Hello.", "--max-tokens", 200)
    assert "up to 200 more are to be written" in said and "reads at most 128" in said
    assert "reads at most 128" in refused(*asked, "Hello.", "--system", LONG)


def test_read_reads_in_windows(world, tmp_path):
    rows = read(tmp_path, lines(tmp_path / "t.jsonl", {"text": LONG}), world / "v.safetensors")
    assert rows["windows"][0] > 1 and rows["problem"][0] is None and abs(rows["mean_raw"][0]) <= 1
    said = refused("read", tmp_path / "t.jsonl", "--vectors", world / "v.safetensors", "--window", 256)
    assert "--window 256 is more than the 128 tokens" in said


def test_vectors_names_the_text(world, tmp_path):
    short = [
        {"label": label, "text": f"A day of {label} at the {place}."}
        for label in ("calm", "fear")
        for place in ("sea", "lake")
    ]
    texts = lines(tmp_path / "t.jsonl", *short, {"label": "calm", "text": LONG})
    out = tmp_path / "made.safetensors"
    said = refused("vectors", texts, "--model", world / "m", "--out", out, "--neutral-texts", 3, "--device", "cpu")
    assert said.startswith("Text 5: The text has") and "reads at most 128" in said and not out.exists()


def test_run_is_refused_before_anything_is_computed(world, tmp_path):
    out = tmp_path / "run"
    asked = (
        "run",
        "--preset",
        "toy",
        "--model",
        world / "m",
        "--set",
        "dtype=float32",
        "--out",
        out,
        "--device",
        "cpu",
    )
    said = refused(*asked)
    assert said.startswith("The prompt '") and "reads at most 128" in said
    assert not (out / "doctor.json").exists() and not list(out.glob("**/*.parquet"))


def test_the_library_and_the_explorer_are_refused(world):
    vectors, lm = EmotionVectors.load(world / "v.safetensors"), load_model(str(world / "m"), "cpu", "float32")
    chat = [{"role": "user", "content": LONG}]
    for ask in (
        lambda: vectors.read(lm, LONG),
        lambda: lm.inputs(chat),
        lambda: list(vectors.read_many(lm, ["Hi", LONG])),
    ):
        with pytest.raises(UserError, match="reads at most 128"):
            ask()
    labelled = {"calm": ["A calm day.", LONG], "fear": ["A day of fear.", "Another one."]}
    with pytest.raises(UserError, match=r"Text 2: .* reads at most 128"):
        EmotionVectors.from_texts(lm, labelled, ["One.", "Two.", "Three."])
    ids = torch.tensor([lm.tokenizer(LONG)["input_ids"]])
    with (
        vectors.steer(lm, {"calm": 0.2}),
        pytest.raises(UserError, match=r"has \d+ tokens, but the model reads at most 128"),
    ):
        lm.model(ids)
    inputs = lm.inputs("Tell me about your day.")
    room = 128 - inputs["input_ids"].shape[1]
    with vectors.steer(lm, {"calm": 0.2}):
        more = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        assert lm.generate(**inputs, max_new_tokens=room, **more).shape[1] == 128
    with pytest.raises(UserError, match="up to 200 more are to be written"):
        list(write(Loaded(lm), [[{"role": "user", "content": "Hello."}]], [()], "all", Sampling(0, 200, 0.0)))


def test_a_padded_batch_may_be_wider_than_the_context(world):
    vectors, lm = EmotionVectors.load(world / "v.safetensors"), load_model(str(world / "m"), "cpu", "float32")
    ids = torch.ones(2, 140, dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[:, :20] = 0
    with vectors.steer(lm, {"calm": 0.2}):
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        assert lm.model(ids, attention_mask=mask, position_ids=positions).logits.isfinite().all()


def test_json_of_a_text_that_fits(world):
    done = command(
        "steer",
        world / "v.safetensors",
        "Hello.",
        "--emotion",
        "calm=0.1",
        "--max-tokens",
        4,
        "--json",
        "--device",
        "cpu",
    )
    assert done.exit_code == 0 and len(json.loads(done.output)["texts"]) == 3
