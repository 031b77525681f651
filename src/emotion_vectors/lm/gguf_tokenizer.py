"""What a GGUF file says about its tokenizer: transformers' reading completed, or refused by the key's name.

Another split of the text into words, a space put before it or a missing first token give other ids, and so other numbers. The rules
are those of llama.cpp (`src/llama-vocab.cpp`); the tests compare the ids with its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase

from emotion_vectors.errors import UserError

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # GPT-2's
DIGIT = r"\p{N}"
PUNCTUATION = r"[\p{P}\$\+<=>\^~\|]+"
# How `tokenizer.ggml.pre` splits a text before pieces are joined, each split within the pieces of the one before.
SPLITS = {
    **dict.fromkeys(("gpt-2", "mpt", "olmo", "jais", "trillion", "phi-2", "jina-es", "jina-de", "gigachat", "roberta-bpe"), (WORDS,)),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"), (DIGIT, WORDS)),
    "default": (PUNCTUATION, WORDS, r"\p{N}+", "[0-9][0-9][0-9]"),
}  # fmt: skip
# Those that transformers splits rightly itself (`GGUF_PRE_TOKENIZER_SPLITS`).
TAKEN_OVER = (
    "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "dbrx", "smaug-bpe", "tekken", "qwen2",
    "deepseek-r1-qwen", "kormo", "megrez", "gpt-4o", "llama4", "kanana2",
)  # fmt: skip
WHOLE_WORDS = ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "tekken")
HARMLESS = (
    "tokens", "scores", "token_type", "merges", "model", "pre", "bos_token_id", "eos_token_id", "unknown_token_id", "padding_token_id",
    "add_bos_token", "add_eos_token", "add_space_prefix",  # these are taken over or seen to below
    "eot_token_id", "eom_token_id", "seperator_token_id", "mask_token_id", "cls_token_id", "token_type_count",
    "fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id", "fim_pad_token_id", "fim_rep_token_id", "fim_sep_token_id",
    "prefix_token_id", "suffix_token_id", "middle_token_id", "eot_token_ids", "eog_token_ids",
    "remove_extra_whitespaces", "suppress_tokens",  # for another kind of tokenizer, and for sampling
)  # fmt: skip
NEUTRAL = {"add_sep_token": False, "precompiled_charsmap": None}


def settle_tokenizer(tokenizer: PreTrainedTokenizerBase, keys: Mapping[str, Any]) -> None:
    """Complete a tokenizer that transformers made of `keys`; `UserError` for what can't be applied."""
    own = {
        key.removeprefix("tokenizer.ggml."): value for key, value in keys.items() if key.startswith("tokenizer.ggml.")
    }
    for name, value in own.items():
        if name not in HARMLESS and (name not in NEUTRAL or value != NEUTRAL[name]):
            raise _refused(name, value)
    kind = own.get("model")
    if kind == "llama":
        _spaces(tokenizer, bool(own.get("add_space_prefix", True)))
    elif kind == "gpt2":
        _words(tokenizer, own)
    else:
        raise _refused("model", kind)
    for end, place in (("bos", 0), ("eos", -1)):
        asked = own.get(f"add_{end}_token")
        given = own.get(f"{end}_token_id")
        if asked and (
            given is None or tokenizer("a")["input_ids"][place] != given
        ):  # llama.cpp takes a number of its own
            raise _refused(f"add_{end}_token", f"{asked} and {'no' if given is None else 'another'} {end}_token_id")


def check_ids(keys: Mapping[str, Any]) -> None:
    """Raise `UserError` for the id of a token that transformers takes over and that the file's own list of tokens does not have."""
    count = int(keys.get("tokenizer.ggml.tokens") or 0)
    for name in ("bos", "eos", "unknown", "padding"):
        key = f"tokenizer.ggml.{name}_token_id"
        if key in keys and not 0 <= keys[key] < count:
            raise UserError(
                f"The GGUF file sets {key} = {keys[key]}, but its tokens end at {count - 1}; get the file again."
            )


def _refused(name: str, value: Any) -> UserError:
    return UserError(
        f"The GGUF file sets tokenizer.ggml.{name} = {str(value)[:60]}, which can't be applied here and may change every token; give the "
        "model as a folder of .safetensors."
    )


def _spaces(tokenizer: Any, before: bool) -> None:
    """SentencePiece: whether a text gets a space before it, also one that begins with a space (transformers leaves that one out)."""
    backend = tokenizer.backend_tokenizer
    shown = backend.normalizer.normalize_str("a") if backend.normalizer is not None else "a"
    pieces = backend.pre_tokenizer.pre_tokenize_str(shown) if backend.pre_tokenizer is not None else [(shown, None)]
    if not before and not pieces[0][0].startswith("▁"):
        return
    prefix = [normalizers.Prepend("▁")] if before else []
    backend.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", "▁")])
    backend.pre_tokenizer = None


def _words(tokenizer: Any, own: Mapping[str, Any]) -> None:
    """Byte-level pairs: how the text is split, whether a word that is a token stays whole, and the first token."""
    pre = own.get("pre", "default")
    backend = tokenizer.backend_tokenizer
    if pre in SPLITS:
        steps = [pre_tokenizers.Split(Regex(one), behavior="isolated") for one in SPLITS[pre]]
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    elif pre not in TAKEN_OVER:
        raise _refused("pre", pre)
    if type(tokenizer).__name__ == "Qwen2Tokenizer":
        backend.normalizer = normalizers.NFC()  # as in the Qwen models' own tokenizer, which the format can't say
    if pre in WHOLE_WORDS:
        backend.model.ignore_merges = True
        if "add_bos_token" not in own:
            tokenizer.add_bos_token = True
