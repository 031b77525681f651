"""The `toy` model: a tiny Llama with random weights and a tokenizer trained on the pack's own words.

It runs the whole experiment in seconds, for tests and for trying the commands. Its numbers mean nothing.
"""

from __future__ import annotations

from functools import cache

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from emotion_vectors.stimuli.pack import load_pack

BOS, EOS = 0, 1  # ids of the two special tokens: the trainer gives them the first ids
SHA256 = "toy-0"  # no weights on disk: the seed and this code make them
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def make_toy() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """The toy model (4 blocks, width 32, float32) and its tokenizer; the same on every call."""
    tokenizer = _tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=BOS, eos_token_id=EOS, pad_token_id=EOS,
        tie_word_embeddings=False,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        # A random model with small weights prefers nothing; a larger head gives choices some spread.
        model.lm_head.weight.mul_(20)
        model.lm_head.weight[[BOS, EOS]] = 0
    return model, tokenizer


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained()), bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )  # fmt: skip
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@cache
def _trained() -> str:
    """The tokenizer's file: each caller gets a tokenizer of its own, which it may change."""
    pack = load_pack("ours")
    texts = [
        *pack.topics,
        *pack.neutral_questions,
        *(a.text for a in pack.activities),
        *(s.prompt for s in pack.scenarios),
    ]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<|im_start|>", "<|im_end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    inner.train_from_iterator(texts * 2, trainer)
    return inner.to_str()
