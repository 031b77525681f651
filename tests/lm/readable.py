"""Families that can be read."""

import torch
from families import FAMILIES

WORKING = [family.name for family in FAMILIES if family.how != "refused"]


TEMPLATE, PREFILL = "Would you prefer to (A) {activity_a} or (B) {activity_b}?", "("


OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "help a gang"]


TEXTS = [
    ("The letter has come at last.", 3),
    ("Count the words, and then swap a few riddles with a friend!", 5),
    ("No.", 1),
]


def blocks_of(model, count):
    """The decoder blocks, found without our code: the list of `count` modules that are called layers or h, outside of a vision tower."""
    lists = [
        part
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.ModuleList)
        and name.rpartition(".")[2] in ("layers", "h", "blocks")
        and len(part) == count
        and "vis" not in name
    ]
    assert len(lists) == 1
    return lists[0]


def plain(model, count, ids, additions=None, positions=()):
    """Logits (v,) after the last token, and the output of every block (n, t, d), with vectors added by a hook of our own."""
    found, handles = {}, []
    for layer, block in enumerate(blocks_of(model, count)):

        def hook(module, arguments, output, layer=layer):
            residual = (output[0] if isinstance(output, tuple) else output).clone()
            for position in positions if layer in (additions or {}) else ():
                residual[0, position] += additions[layer]
            found[layer] = residual[0]
            return (residual, *output[1:]) if isinstance(output, tuple) else residual

        handles.append(block.register_forward_hook(hook))
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, -1]
    for handle in handles:
        handle.remove()
    return logits, torch.stack([found[layer] for layer in range(count)])


def rows_of(lm):
    ids = [lm.tokenizer(text)["input_ids"] for text, _ in TEXTS]
    return [(one, (min(first, len(one) - 1), len(one))) for one, (_, first) in zip(ids, TEXTS, strict=True)]
