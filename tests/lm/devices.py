"""Models on several devices."""

import torch
from tiny import tiny
from transformers import AutoModelForCausalLM, MixtralConfig

# To accelerate these are two devices, with all its hooks; to torch both are the CPU.
TWO = (torch.device("cpu:0"), torch.device("cpu:1"))


def saved(folder, kind):
    """A tiny model in a folder: one of the table's, or a mixture of experts."""
    lm = tiny("llama" if kind == "mixtral" else kind)
    model = lm.model
    if kind == "mixtral":
        config = MixtralConfig(
            vocab_size=len(lm.tokenizer), hidden_size=32, intermediate_size=24, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
            num_local_experts=4, initializer_range=0.2,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            model = AutoModelForCausalLM.from_config(config).float().eval()
    model.save_pretrained(folder)
    lm.tokenizer.save_pretrained(folder)
    return str(folder)


def waiting(lm):
    """Which blocks' weights are not on the device between passes."""
    return [next(block.parameters()).device.type == "meta" for block in lm.parts.blocks]
