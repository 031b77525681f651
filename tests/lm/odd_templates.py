"""Tokenizers with odd templates."""

import torch

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def plain_ids(lm, messages, **options):
    """What transformers itself makes of a chat."""
    return tuple(lm.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options))


class Rows(torch.nn.Module):
    """A model whose embedding has so many rows: for tokenizers with added tokens."""

    def __init__(self, model, rows):
        super().__init__()
        self.config, self.rows = model.config, rows

    def get_input_embeddings(self):
        return torch.nn.Embedding(self.rows, 1)
