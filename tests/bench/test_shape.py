"""A model of a named shape is made on the spot."""

from emotion_vectors.bench import Sizes, run_bench, shape
from emotion_vectors.settings import Runtime, change, toy

SMALL = Sizes(5, 5, 6, 3, 16, 4, 6, (2, 4, 100))


QUIET = Runtime(quiet=True, device="cpu")


def test_a_model_of_a_named_shape_is_made_on_the_spot(monkeypatch):
    """With the published sizes it has the published number of parameters; a narrow one goes through all jobs."""
    wide = {key: shape.SHAPE[key] for key in shape.SHAPE}
    head = wide["hidden_size"] // wide["num_attention_heads"]
    attention = wide["hidden_size"] ** 2 * 2 + 2 * wide["hidden_size"] * head * wide["num_key_value_heads"]
    block = attention + 3 * wide["hidden_size"] * wide["intermediate_size"] + 2 * wide["hidden_size"]
    total = wide["num_hidden_layers"] * block + 2 * wide["vocab_size"] * wide["hidden_size"] + wide["hidden_size"]
    assert total == 8_030_261_248
    narrow = {"vocab_size": 1500, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
              "num_key_value_heads": 2}  # fmt: skip
    monkeypatch.setattr(shape, "SHAPE", narrow)
    settings = change(toy(), model=shape.NAME, dtype="bfloat16")
    record = run_bench(settings, QUIET, "extraction,preferences,steering", True, sizes=SMALL)
    assert record["machine"]["model"]["dtype"] == "bfloat16" and record["machine"]["model"]["layers"] == 3
    for name in ("extraction", "preferences", "steering"):
        assert record["jobs"][name]["mfu"] is None and "no peak" in record["jobs"][name]["mfu_reason"]
