"""V1 (and the logits of V2): which output tokens does each emotion vector promote? (logit lens)

In: unit vectors (n, d) of n emotions at the analysis layer and the model's unembedding (v, d).
Out: the record's `lens`, V1 (own word among the top k tokens) and V2 (`opposites`: pairs that point apart in logit space).
Formula: logits = W_U u, or W_U norm(u) through the final norm; both are counted, a setting says which one is V1.
Source: paper, Table 1; Hong (2026), section 3.1. Every leading-space and case variant of a word that is one token counts.
Controls of V1: words shuffled, random directions, and directions made from the words of the stories alone (the same
contrast of their token embeddings): V1 passes only if the vectors recognise more than those do.
What it can't tell: a word without a token of its own can't be recognised; frequent tokens can be promoted by anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from emotion_vectors.experiments import power
from emotion_vectors.experiments.criteria import Null, judge, number, scaled
from emotion_vectors.experiments.lens import opposites
from emotion_vectors.experiments.lens.opposites import Pairs
from emotion_vectors.experiments.lens.record import AgainstStatic, EmotionLens, Lens, LensBaseline, MultiWord, Through
from emotion_vectors.lm.lens import project
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.stats import intervals, nulls
from emotion_vectors.vectors.directions import contrast, unit

SEED_BAR = 20
SHOWN = 8
ALPHA = 0.05


class Tokens(NamedTuple):
    """Logit-lens reading of m directions: top and bottom tokens and how the emotion words rank."""

    top: np.ndarray  # (m, k) token ids, best first
    bottom: np.ndarray  # (m, k) token ids, worst first
    ranks: np.ndarray  # (m, n) best rank (1 = top) of any one-token variant of each word; 0 where it has none


class Recognised(NamedTuple):
    """Which words are among the top tokens of which directions, for n emotions."""

    vectors: np.ndarray  # (n, n) bool: direction, word
    random: np.ndarray  # (r, n) random directions
    static: np.ndarray  # (n,) each emotion's direction made from the token embeddings of its stories, and its own word
    word: np.ndarray  # (n,) the word's own token embedding, and the word


def word_variants(tokenizer: Any, word: str) -> tuple[list[int], list[int]]:
    """Ids of the variants of `word` that are one token, and the others' first ids that are not blank.

    Variants: as it is, Capitalised and UPPER CASE, each with and without a leading space.
    """
    single, first = [], []
    for form in (word, word.capitalize(), word.upper()):
        for text in (form, " " + form):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            if len(ids) == 1:
                single.append(int(ids[0]))
            # SentencePiece writes a space of its own first: a token that every word shares and none owns.
            elif spelled := [int(i) for i in ids if tokenizer.decode([int(i)]).strip()]:
                first.append(spelled[0])
    return sorted(set(single)), sorted(set(first))


def read(logits: torch.Tensor, variants: Sequence[list[int]], k: int) -> Tokens:
    """Top and bottom k tokens of each row and the best rank of each word's variants."""
    table, ranks = logits.numpy(), np.zeros((len(logits), len(variants)), dtype=np.int64)
    known = [column for column, ids in enumerate(variants) if ids]
    best = [table[:, variants[column]].max(axis=1) for column in known]
    for row, values in enumerate(table):
        # 1 + how many tokens are strictly above.
        own = np.array([column[row] for column in best])
        ranks[row, known] = 1 + len(values) - np.searchsorted(np.sort(values), own, side="right")
    return Tokens(logits.topk(k).indices.numpy(), (-logits).topk(k).indices.numpy(), ranks)


def run(
    lm: LanguageModel,
    emotions: Sequence[str],
    vectors: np.ndarray,
    static: np.ndarray,
    pairs: Pairs,
    valence: Mapping[str, str],
    k: int,
    through_norm: bool,
    resamples: int,
    seed: int,
    *,
    detect: bool = False,
) -> tuple[Lens, list[Criterion]]:
    """The record's `lens` part and the criteria V1 and V2.

    `vectors` (n, d) are the directions; `static` (n, d) the same contrast of the stories' token embeddings.
    `detect` adds what each could have seen (`power`).
    """
    unit_vectors = unit(vectors)
    forms = [word_variants(lm.tokenizer, emotion) for emotion in emotions]
    single = [ids for ids, _ in forms]
    logits = project(lm, unit_vectors, through_norm)
    lens = read(logits, single, k)
    other = recognised(lm, vectors, single, k, not through_norm)
    random = random_directions(lm, len(emotions), seed)
    words = contrast(_word_embeddings(lm, emotions, forms))
    found = Recognised(
        hits(lens, k) & (unit_vectors != 0).any(axis=1, keepdims=True),
        *(recognised(lm, rows, single, k, through_norm) for rows in (random, static, words)),
    )
    found = found._replace(static=np.diag(found.static), word=np.diag(found.word))
    own = np.diag(found.vectors)
    spelled = np.array([bool(ids) for ids in single])
    baselines, against_static, v1 = _recognition(found, k, spelled, resamples, seed, detect)
    pairs_found, v2 = opposites.run(
        emotions, logits.numpy().astype(np.float64), unit_vectors, pairs, valence, resamples, seed, detect=detect
    )
    record = Lens(
        k=k, through_norm=through_norm, count=int(own.sum()), of=len(emotions), single_token_of=sum(map(bool, single)),
        other=Through(through_norm=not through_norm, count=int(np.diag(other).sum())),
        multi_word=_multi_token(lm, emotions, forms, logits, k),
        emotions=[
            EmotionLens(
                emotion=emotion, valence=valence.get(emotion), hit=bool(own[row]), best_rank=int(lens.ranks[row, row]) or None,
                top=[str(lm.tokenizer.decode([int(t)])) for t in lens.top[row, :SHOWN]],
                bottom=[str(lm.tokenizer.decode([int(t)])) for t in lens.bottom[row, :SHOWN]],
            )
            for row, emotion in enumerate(emotions)
        ],
        **pairs_found._asdict(), baselines=baselines, against_static=against_static,
    )  # fmt: skip
    return record, [v1, v2]


def random_directions(lm: LanguageModel, emotions: int, seed: int) -> np.ndarray:
    """(r, d) the directions of the second control of V1."""
    return nulls.random_directions(max(200, 2 * emotions), lm.hidden_size, seed=seed)


def hits(lens: Tokens, k: int) -> np.ndarray:
    """(m, n) whether each word is among the top k tokens of each direction."""
    return (lens.ranks > 0) & (lens.ranks <= k)


def recognised(
    lm: LanguageModel, directions: np.ndarray, variants: Sequence[list[int]], k: int, through_norm: bool
) -> np.ndarray:
    """(m, n) whether each word is among the top k tokens of each direction; a zero direction promotes nothing."""
    units = unit(directions.astype(np.float64))
    return hits(read(project(lm, units, through_norm), variants, k), k) & (units != 0).any(axis=1, keepdims=True)


def word_embeddings(lm: LanguageModel, emotions: Sequence[str]) -> np.ndarray:
    """(n, d) the model's own input embedding of each emotion's word: what it knows of the word before it reads anything."""
    return _word_embeddings(lm, emotions, [word_variants(lm.tokenizer, emotion) for emotion in emotions])


def _word_embeddings(
    lm: LanguageModel, emotions: Sequence[str], forms: Sequence[tuple[list[int], list[int]]]
) -> np.ndarray:
    """(n, d) mean input embedding of each word's one-token forms; of its pieces where it has none."""
    table = torch.as_tensor(lm.model.get_input_embeddings().weight)
    spelled = [
        single or lm.tokenizer(" " + emotion, add_special_tokens=False)["input_ids"]
        for emotion, (single, _) in zip(emotions, forms, strict=True)
    ]
    with torch.inference_mode():
        return np.stack([table[ids].double().mean(dim=0).cpu().numpy() for ids in spelled])


class Chance(NamedTuple):
    """How many own words chance recognises, and the p value of the vectors against it."""

    dealt: np.ndarray  # (resamples,) words shuffled over the emotions' vectors
    random: np.ndarray  # (resamples,) random directions
    p: float  # the larger of the two: both controls must be beaten


def chance(vectors: np.ndarray, random: np.ndarray, resamples: int, seed: int) -> Chance:
    """Both controls of V1 for hits (n, n) of the vectors and (r, n) of random directions."""
    n, generator, count = len(vectors), np.random.default_rng(seed), int(np.diag(vectors).sum())
    dealt = np.array([vectors[generator.permutation(n), np.arange(n)].sum() for _ in range(resamples)])
    drawn = nulls.role_count_null(random, repeats=resamples, seed=seed)
    p = max(float(nulls.permutation_p(count, dealt)), float(nulls.permutation_p(count, drawn)))
    return Chance(dealt, drawn, p)


def _recognition(
    found: Recognised, k: int, spelled: np.ndarray, resamples: int, seed: int, detect: bool
) -> tuple[list[LensBaseline], AgainstStatic, Criterion]:
    """The record's controls and V1: emotions whose own word is in the top k; null: vectors shuffled over the words."""
    own, n = np.diag(found.vectors), len(found.vectors)
    single = int(spelled.sum())
    dealt, random, p = chance(found.vectors, found.random, resamples, seed)
    count, static = int(own.sum()), int(found.static.sum())
    against = paired(own, found.static)
    words = _against_words(count, static, against.p)
    ends, bar = intervals.around(count, n), scaled(SEED_BAR, n, 171)
    null = Null("words shuffled over the emotions' vectors", float(dealt.mean()), p)
    # What the tokenizer can't spell in one token can't be recognised: that says nothing about the vectors.
    blocked = (
        f"only {single} {'word has' if single == 1 else 'words have'} a one-token form, too few for the bar"
        if single < bar.value
        else ""
    )
    v1 = judge(
        "V1", "Self-recognition in the logit lens", count, ends, null, bar,
        f"emotions with their own word in the top {k} tokens", n,
        note=f"{single} of {n} words have a one-token form; random directions give {random.mean():.2g}, the words' own token "
        f"embeddings {int(found.word.sum())}. {words[0].upper()}{words[1:]}.",
        blocked=blocked, capped="" if against.p <= ALPHA else words,
    )  # fmt: skip
    if detect:
        others = (found.vectors.sum(axis=0) - own) / max(n - 1, 1)
        judged = power.Judged(null, bar, blocked)
        v1 = v1.with_detectable(power.recognised(judged, others, spelled, found.static, (dealt, random), seed))
    controls = {
        "words shuffled over the emotions' vectors": float(dealt.mean()), "random directions": float(random.mean()),
        "token embeddings of the stories": static, "each word's own token embedding": int(found.word.sum()),
    }  # fmt: skip
    return [LensBaseline(what=what, count=amount, of=n) for what, amount in controls.items()], against, v1


def _against_words(count: int, static: int, p: float) -> str:
    """How the count of the vectors compares with that of the token embeddings of the stories, as a clause."""
    found = f"the token embeddings of the stories recognise {static}"
    tested = f"exact McNemar p {'< 0.0001' if p < 1e-4 else f'= {number(p)}'}"
    if count == 0:
        return found
    if p <= ALPHA:
        return f"{found}, fewer than the vectors ({tested})"
    if static >= count:
        return f"{found} ({tested}), so the count could come from the words alone"
    return f"{found}; it is not shown that the vectors recognise more ({tested}), so the count may come from the words alone"


def paired(vectors: np.ndarray, static: np.ndarray) -> AgainstStatic:
    """Exact McNemar test (McNemar 1947, by the binomial), one-sided: do the vectors (n,) recognise more than static (n,)?"""
    only, other = int((vectors & ~static).sum()), int((static & ~vectors).sum())
    p = nulls.sign_test(only, only + other).p if only + other else 1.0
    return AgainstStatic(vectors_only=only, static_only=other, p=float(p))


def _multi_token(
    lm: LanguageModel,
    emotions: Sequence[str],
    forms: Sequence[tuple[list[int], list[int]]],
    logits: torch.Tensor,
    k: int,
) -> list[MultiWord]:
    """Words without a one-token form: is a first token in the top k, and how does their mean log probability rank?"""
    multi = [row for row, (single, _) in enumerate(forms) if not single]
    spelled = [lm.tokenizer(" " + emotions[row], add_special_tokens=False)["input_ids"] for row in multi]
    log_probability = torch.log_softmax(logits, dim=-1)
    rows = []
    for row, ids in zip(multi, spelled, strict=True):
        top = set(logits[row].topk(k).indices.tolist())
        means = np.array([float(log_probability[other, ids].mean()) for other in range(len(emotions))])
        rows.append(
            MultiWord(
                emotion=emotions[row], first_token_hit=bool(top & set(forms[row][1])),
                # Rank of the emotion's own vector among all vectors for this word; 1 is best.
                mean_log_probability_rank=int((means > means[row]).sum()) + 1,
            )
        )  # fmt: skip
    return rows
