"""Bugs that were seen in this field, planted one at a time: name -> (the checks that must go red, how to plant it)."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import torch

from emotion_vectors.lm import choices, forward, kept_keys, packed, prompts, readout, trees
from emotion_vectors.stats import scores
from emotion_vectors.vectors import activations, directions, passes

REAL_LOCATE, REAL_RENDER, REAL_OPTIONS = prompts.locate, prompts.render, prompts.option_tokens
REAL_START, REAL_LOGITS, REAL_POOL = forward.start_after, readout.logits_of, activations.pool
REAL_TOUCHED, REAL_CACHE, REAL_LAST = choices._touched, kept_keys.filled_cache, forward.last_block_at
REAL_PIECES = trees.Tree.pieces
REAL_SCORES, REAL_ELO, REAL_ELO_PASS = scores.bradley_terry, scores.elo, scores.elo_pass


def left_padding_read_by_mask_sum(patch, lm):
    patch.setattr(forward.Batch, "last", property(lambda batch: batch.mask.sum(dim=1) - 1))


def layer_off_by_one(patch, lm):
    @contextmanager
    def watch_next(lm, layers, watch):
        fired, handles = [0] * lm.n_layers, []
        for layer in layers:

            def hook(_, __, output, layer=layer):
                fired[layer] += 1
                residual = output[0] if isinstance(output, tuple) else output
                changed = watch(layer, residual)
                if changed is None:
                    return None
                return (changed, *output[1:]) if isinstance(output, tuple) else changed

            handles.append(lm.parts.blocks[min(layer + 1, lm.n_layers - 1)].register_forward_hook(hook))
        try:
            yield fired
        finally:
            for handle in handles:
                handle.remove()

    patch.setattr(forward, "watch_blocks", watch_next)


def double_bos_in_the_ids(patch, lm):
    def twice(tokenizer, text, ranges, checked=True, **more):
        found = REAL_LOCATE(tokenizer, text, ranges, checked, **more)
        spans = {name: (first + 1, last + 1) for name, (first, last) in found.spans.items()}
        return prompts.Prompt((tokenizer.bos_token_id, *found.ids), spans, found.text)

    patch.setattr(prompts, "locate", twice)


def double_bos_in_the_text(patch, lm):
    patch.setattr(prompts, "render", lambda lm, message: lm.tokenizer.bos_token + REAL_RENDER(lm, message))


def no_generation_prompt(patch, lm):
    def said_only(lm, message):
        said = [{"role": "user", "content": message}]
        return str(lm.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=False))

    patch.setattr(prompts, "render", said_only)


def thinking_left_open(patch, lm):
    patch.setattr(prompts, "render", lambda lm, message: REAL_RENDER(lm, message) + "<think>\n")


def answer_tokens_swapped(patch, lm):
    for module in (prompts, choices):
        patch.setattr(module, "option_tokens", lambda lm, prompt: REAL_OPTIONS(lm, prompt)[::-1])


def answer_tokens_identical(patch, lm):
    for module in (prompts, choices):
        patch.setattr(module, "option_tokens", lambda lm, prompt: (REAL_OPTIONS(lm, prompt)[0],) * 2)


def span_off_by_one(patch, lm):
    def late(tokenizer, text, ranges, checked=True, **more):
        found = REAL_LOCATE(tokenizer, text, ranges, checked, **more)
        spans = {name: (first + 1, last + 1) for name, (first, last) in found.spans.items()}
        return prompts.Prompt(found.ids, spans, found.text)

    patch.setattr(prompts, "locate", late)


def spans_swapped(patch, lm):
    def other(tokenizer, text, ranges, checked=True, **more):
        found = REAL_LOCATE(tokenizer, text, ranges, checked, **more)
        places = list(found.spans.values())[::-1]
        return prompts.Prompt(found.ids, dict(zip(found.spans, places, strict=True)), found.text)

    patch.setattr(prompts, "locate", other)


def span_refused(patch, lm):
    patch.setattr(prompts, "check_span", lambda *_: (_ for _ in ()).throw(prompts.UserError("The tokens don't fit.")))


def nan_at_one_layer(patch, lm):
    block = lm.parts.blocks[2]
    return block.register_forward_hook(lambda _, __, output: output * float("nan"))


def logits_scaled(patch, lm):
    patch.setattr(readout, "logits_of", lambda lm, hidden, tokens: 1.1 * REAL_LOGITS(lm, hidden, tokens))


def pooling_counts_pads(patch, lm):
    def by_column(lengths, width, side):
        return [row * width for row in range(len(lengths))]

    patch.setattr(passes, "padded_starts", by_column)


def rows_lose_their_order_in_small_batches(patch, lm):
    def pool(lm, texts, tokens_per_batch=None, *rest, **named):
        found = REAL_POOL(lm, texts, tokens_per_batch, *rest, **named)
        return found if tokens_per_batch is None or tokens_per_batch > 1000 else found._replace(means=found.means[::-1])

    patch.setattr(activations, "pool", pool)


def packed_texts_see_each_other(patch, lm):
    assert packed.can_pack(lm, 100), "the model must have been tried before the bug is planted"
    real = packed.pack
    patch.setattr(packed, "pack", lambda *given, **named: (found := real(*given, **named))._replace(
        borders=[0, *found.borders[2:]]
    ))  # fmt: skip


def common_beginnings_are_mixed_up(patch, lm):
    assert packed.can_pack(lm, 100)
    real = packed._spread

    def one_late(rows):
        spread, first = real(rows)
        return [max(0, place - (place < spread[-1])) for place in spread], first

    patch.setattr(packed, "_spread", one_late)


def packed_texts_without_positions(patch, lm):
    assert packed.can_pack(lm, 100)
    real = packed.pack
    patch.setattr(packed, "pack", lambda *given, **named: (found := real(*given, **named))._replace(
        positions=torch.zeros_like(found.positions)
    ))  # fmt: skip


def branches_see_each_other(patch, lm):
    def causal_alone(tree, begin, per_row):
        pieces = REAL_PIECES(tree, begin, per_row)
        rows = [np.tri(*p.allowed.shape[1:], p.allowed.shape[2] - p.allowed.shape[1], dtype=bool) for p in pieces]
        return [
            p._replace(allowed=np.broadcast_to(row, p.allowed.shape).copy())
            for p, row in zip(pieces, rows, strict=True)
        ]

    patch.setattr(trees.Tree, "pieces", causal_alone)


def start_after_the_wrong_layer(patch, lm):
    patch.setattr(forward, "start_after", lambda lm, layer, residual: REAL_START(lm, layer + 1, residual))


def hook_that_never_fires(patch, lm):
    @contextmanager
    def nothing(lm, layers, watch):
        yield [0] * lm.n_layers

    patch.setattr(forward, "watch_blocks", nothing)


def hook_that_fires_but_says_nothing_of_it(patch, lm):
    """The count claims what did not happen."""

    @contextmanager
    def claimed(lm, layers, watch):
        yield [1] * lm.n_layers

    patch.setattr(forward, "watch_blocks", claimed)


def hook_on_row_0_only(patch, lm):
    def first_row(vectors, touched, residual):
        changed = residual.clone()
        changed[0] = torch.where(touched[0, :, None], residual[0] + vectors[0], residual[0])
        return changed

    patch.setattr(forward, "added", first_row)


def one_vector_for_all_rows(patch, lm):
    patch.setattr(
        forward,
        "added",
        lambda vectors, touched, residual: torch.where(touched[..., None], residual + vectors[0], residual),
    )


def something_else_is_added_too(patch, lm):
    patch.setattr(
        forward,
        "added",
        lambda vectors, touched, residual: torch.where(
            touched[..., None], residual + vectors[:, None] + 1e-3, residual
        ),
    )


def strength_ignored(patch, lm):
    patch.setattr(forward, "add_at", lambda vectors, touched: lambda layer, residual: residual)


def vector_always_of_length_one(patch, lm):
    def added(vectors, touched, residual):
        length = vectors.norm(dim=-1, keepdim=True).clamp(min=1e-9)
        return torch.where(touched[..., None], residual + (vectors / length)[:, None], residual)

    patch.setattr(forward, "added", added)


def addition_leaks_to_earlier_positions(patch, lm):
    def early(vectors, touched, residual):
        wider = touched | touched.roll(-1, dims=-1)
        return torch.where(wider[..., None], residual + vectors[:, None], residual)

    patch.setattr(forward, "added", early)


def vector_on_both_activities(patch, lm):
    """Hong's bug."""
    patch.setattr(
        choices,
        "_touched",
        lambda asked, tree, i, touch: REAL_TOUCHED(asked, tree, i, "both" if touch != "all" else touch),
    )


def roles_of_the_options_swapped(patch, lm):
    swapped = {"first": "second", "second": "first", "both": "both", "all": "all"}
    patch.setattr(choices, "_touched", lambda asked, tree, i, touch: REAL_TOUCHED(asked, tree, i, swapped[touch]))


def keys_of_other_positions(patch, lm):
    def rolled(kept, first, rows, size):
        return REAL_CACHE([kept_keys.KeysValues(keys.roll(1, 2), values) for keys, values in kept], first, rows, size)

    patch.setattr(kept_keys, "filled_cache", rolled)


def last_feed_forward_left_out(patch, lm):
    patch.setattr(forward, "last_block_at", lambda lm, columns: REAL_LAST(lm, columns[:1]))


def scores_not_zero_sum(patch, lm):
    patch.setattr(scores, "bradley_terry", lambda wins: REAL_SCORES(wins) + 0.1)


def elo_that_only_rewards(patch, lm):
    def rewarding(ratings, wins, pairs, k=32.0):
        after = REAL_ELO_PASS(ratings, wins, pairs, k)
        return np.maximum(after, ratings)

    patch.setattr(scores, "elo_pass", rewarding)


def bradley_terry_shrunk(patch, lm):
    patch.setattr(scores, "bradley_terry", lambda wins: 0.99 * REAL_SCORES(wins))


def elo_of_the_losers(patch, lm):
    def turned(wins, **options):
        return REAL_ELO(np.swapaxes(wins, -1, -2), **options)

    patch.setattr(scores, "elo", turned)


def cosine_without_normalising(patch, lm):
    patch.setattr(directions, "cosine", lambda rows, columns: rows @ columns.T)


def projection_clipped_to_look_like_a_cosine(patch, lm):
    patch.setattr(directions, "cosine", lambda rows, columns: np.clip(rows @ columns.T, -1, 1))


def uncentred_data_called_centred(patch, lm):
    patch.setattr(directions, "contrast", lambda means: means)


def centred_over_the_wrong_axis(patch, lm):
    patch.setattr(directions, "contrast", lambda means: means - means.mean(axis=-1, keepdims=True))


BUGS = {
    left_padding_read_by_mask_sum: {"read_position"},
    layer_off_by_one: {"layers", "padding", "batch_size", "causality"},
    double_bos_in_the_ids: {"prompt"},
    double_bos_in_the_text: {"prompt"},
    common_beginnings_are_mixed_up: {"batch_size"},
    no_generation_prompt: {"prompt"},
    thinking_left_open: {"prompt"},
    answer_tokens_swapped: {"answers"},
    answer_tokens_identical: {"answers"},
    span_off_by_one: {"spans"},
    spans_swapped: {"spans"},
    span_refused: {"spans"},
    nan_at_one_layer: {"finite", "forward", "padding", "read_position", "packed"},
    logits_scaled: {"forward"},
    pooling_counts_pads: {"padding"},
    rows_lose_their_order_in_small_batches: {"batch_size"},
    packed_texts_see_each_other: {"batch_size"},
    packed_texts_without_positions: {"batch_size"},
    branches_see_each_other: {"packed"},
    start_after_the_wrong_layer: {"start"},
    hook_that_never_fires: {"hooks_fired", "hooks_touched", "strength", "padding"},
    hook_that_fires_but_says_nothing_of_it: {"hooks_fired", "hooks_touched", "strength"},
    hook_on_row_0_only: {"hooks_touched", "steered_rows"},
    one_vector_for_all_rows: {"hooks_touched", "steered_rows"},
    something_else_is_added_too: {"strength_zero"},
    strength_ignored: {"strength", "hooks_touched", "causality"},
    vector_always_of_length_one: {"hooks_touched"},
    addition_leaks_to_earlier_positions: {"causality", "hooks_touched"},
    vector_on_both_activities: {"steered_choices"},
    roles_of_the_options_swapped: {"steered_choices"},
    keys_of_other_positions: {"steered_choices"},
    last_feed_forward_left_out: {"steered_choices", "packed"},
    scores_not_zero_sum: {"zero_sum"},
    elo_that_only_rewards: {"zero_sum"},
    bradley_terry_shrunk: {"bradley_terry"},
    elo_of_the_losers: {"elo"},
    cosine_without_normalising: {"cosine"},
    projection_clipped_to_look_like_a_cosine: {"cosine"},
    uncentred_data_called_centred: {"centring"},
    centred_over_the_wrong_axis: {"centring"},
}
