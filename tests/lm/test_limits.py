"""How much a model reads at once, by its configuration; what is longer or unknown is refused before anything is computed."""

import pytest
from tiny import tiny
from transformers import GPT2Config, LlamaConfig, MambaConfig, MptConfig

from emotion_vectors.errors import UserError
from emotion_vectors.lm import limits


@pytest.mark.parametrize(
    ("config", "most"),
    [
        (LlamaConfig(max_position_embeddings=512), 512), (GPT2Config(n_positions=256), 256), (MptConfig(max_seq_len=128), 128),
        (MambaConfig(), None),
    ],
    ids=["llama", "gpt2", "mpt", "mamba"],
)  # fmt: skip
def test_the_limit_is_that_of_the_configuration(config, most):
    assert limits.context_of_config(config) == most


def test_a_stretched_rotation_reads_further():
    config = LlamaConfig(max_position_embeddings=512)
    config.rope_parameters = {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 512,
        "rope_theta": 1e4,
    }
    assert limits.context_of_config(config) == 2048


def test_what_does_not_fit_is_refused_and_what_just_fits_is_not():
    lm = tiny()  # 1024 positions
    limits.require_room(lm, 1024)
    limits.require_room(lm, 1000, 24)
    with pytest.raises(UserError, match="has 1025 tokens, but tiny-llama reads at most 1024"):
        limits.require_room(lm, 1025)
    with pytest.raises(UserError, match="up to 25 more are to be written"):
        limits.require_room(lm, 1000, 25)


def test_ids_beyond_the_embedding_are_refused():
    lm = tiny()
    limits.require_known(lm, [0, lm.embedding_rows - 1])
    limits.require_known(lm, [])
    with pytest.raises(UserError, match=f"id {lm.embedding_rows}"):
        limits.require_known(lm, [3, lm.embedding_rows])
