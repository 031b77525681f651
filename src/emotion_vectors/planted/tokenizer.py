"""A byte-level tokenizer whose whole words are single tokens, and the invented words of the planted world.

Llama-3 style: a regular expression cuts the text, each piece that is in the vocabulary is one token, any other
piece falls apart into bytes. So ` happy` and `happy` are two different tokens, nothing is unknown, decoding is
lossless, and offsets keep the leading space (they are not trimmed).
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

BEGIN, END_OF_TURN, START_OF_TURN, PAD = "<|begin|>", "<|im_end|>", "<|im_start|>", "<|pad|>"
SPECIAL = (PAD, BEGIN, START_OF_TURN, END_OF_TURN)
# One number, one word or one sign a piece, so that an activity's last sign never merges with the "?" after it.
_CUT = r" ?\p{N}+(?:[.,]\p{N}+)*| ?\p{L}+| ?[^\s\p{L}\p{N}]|\s"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _cutter() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CUT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


_CUTTER = _cutter()


def split_pieces(text: str) -> list[str]:
    """The pieces of `text` in byte-level spelling (`Ġ` is a leading space), in order, without special tokens."""
    return [piece for piece, _ in _CUTTER.pre_tokenize_str(text)]


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer for which every piece of `texts` is one token; one begin token is put before a text."""
    vocabulary = {token: index for index, token in enumerate(SPECIAL)}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary.setdefault(letter, len(vocabulary))
    for text in texts:
        for piece in split_pieces(text):
            vocabulary.setdefault(piece, len(vocabulary))
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    inner.pre_tokenizer = _cutter()
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(list(SPECIAL))
    inner.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, vocabulary[BEGIN])]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=BEGIN,
        eos_token=END_OF_TURN,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def case_variants(word: str) -> list[str]:
    """`happy`, `Happy`, ` happy`, ` Happy`."""
    return [space + form for space in ("", " ") for form in (word, word[:1].upper() + word[1:])]


def invent_words(count: int, first_letter: str, seed: int) -> list[str]:
    """`count` different made-up words that start with `first_letter` and a vowel other than e and u.

    With x or q in front no English word, and so no emotion name, inflection or synonym, can arise.
    """
    draw = random.Random(f"{first_letter}-{seed}")
    words: dict[str, None] = {}
    while len(words) < count:
        middle = "".join(draw.choice("bdfgklmnprtvz") + draw.choice("aiou") for _ in range(draw.choice((2, 3))))
        words[first_letter + draw.choice("aio") + middle] = None
    return list(words)
