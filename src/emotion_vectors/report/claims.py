"""Every sentence of the report that states a number, a count or a direction, made from the record.

The abstract and the counts of verdicts are here; the three sentences of each figure ("what is seen", "what chance looks
like", "what the paper and the seed saw") are in `claims_validation`, `claims_preferences` and `claims_steering`, those of the
lettered figures and of the steering tables in `claims_inversion` and `claims_arms`.
A sentence about a part that this run lacks says so. `check` refuses a record that contradicts itself; call it first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from emotion_vectors.report import (
    claims_arms,
    claims_inversion,
    claims_preferences,
    claims_steering,
    claims_validation,
    words_section,
)
from emotion_vectors.report.checks import CRITERIA, VERDICTS, check
from emotion_vectors.report.contradiction import ContradictoryRecord, parts
from emotion_vectors.report.published import CRITERIA as PUBLISHED
from emotion_vectors.report.wording import count, fixed, interval, listing, number, p_value, ranges, source_name

__all__ = ["ContradictoryRecord", "FigureClaims", "abstract", "check", "figure_claims", "limits", "verdict_counts"]

Record = dict[str, Any]


class FigureClaims(NamedTuple):
    """The three sentences below a figure."""

    seen: str
    chance: str
    published: str


_FIGURES: dict[int | str, tuple[Callable[[Record], str], Callable[[Record], str], Callable[[Record], str]]] = {
    1: (claims_validation.scenarios_seen, claims_validation.scenarios_chance, claims_validation.scenarios_published),
    2: (claims_validation.numeric_seen, claims_validation.numeric_chance, claims_validation.numeric_published),
    3: (claims_preferences.bars_seen, claims_preferences.bars_chance, claims_preferences.bars_published),
    4: (claims_steering.scatter_seen, claims_steering.scatter_chance, claims_steering.scatter_published),
    5: claims_preferences.example("positive"),
    6: claims_steering.example("positive"),
    7: claims_preferences.example("negative"),
    8: claims_steering.example("negative"),
    "A": (claims_inversion.parity_seen, claims_inversion.identity_seen, claims_inversion.inversion_published),
    "B": (claims_arms.dose_seen, claims_arms.dose_chance, claims_arms.dose_published),
    "C": (claims_arms.depth_seen, claims_arms.depth_chance, claims_arms.depth_published),
    "E": (claims_validation.twins_seen, claims_validation.twins_chance, claims_validation.twins_published),
    "D": (words_section.feels_seen, words_section.feels_chance, words_section.feels_published),
}


def figure_claims(record: Record, figure: int | str) -> FigureClaims:
    """The three sentences of Figure 1 to 8, or of Figure A to E (of which the record must hold the data)."""
    seen, chance, published = _FIGURES[figure]
    return FigureClaims(seen(record), chance(record), published(record))


def verdict_counts(record: Record, kind: str = "verdict") -> dict[str, list[str]]:
    """Which criteria got which verdict, in their order; `kind` is "verdict" or "seed_verdict"."""
    return {verdict: [name for name in CRITERIA if record["criteria"][name][kind] == verdict] for verdict in VERDICTS}


def abstract(record: Record) -> list[str]:
    """The sentences of the one-paragraph abstract."""
    sentences = [
        vectors_made(record),
        agreement(record),
        verdicts_given(record),
        recognised(record),
        preferred(record),
        steered(record),
    ]
    return [sentence for sentence in sentences if sentence]


def vectors_made(record: Record) -> str:
    """What was run: model, emotions, stories, layer."""
    model, vectors, corpus = record["model"], parts(record, "vectors"), parts(record, "corpus")
    # Of imported stories the corpus decides how many emotions there are; the setting is the most of them.
    emotions = corpus.get("emotions", parts(record, "settings").get("emotions"))
    if not vectors or emotions is None or corpus.get("kept") is None:
        return f"This report is about {model['name']}."
    adopted = parts(vectors, "adopted")
    if adopted:
        return (
            f"The directions of {count(adopted['emotions'], 'emotion')} are not this run's: they come from '{adopted['name']}' (SHA-256 "
            f"{adopted['sha256'][:12]}..., {adopted['made_by']}) and are tested at layer {vectors['layer']} of {vectors['layers']} of "
            f"{model['name']}; the stories, neutral texts and controls that they are held against are the run's own."
        )
    source = parts(corpus, "source")
    whose = f" of the corpus {source_name(source)}" if source else ""
    return (
        f"From {count(corpus['kept'], 'kept story', 'kept stories')}{whose} about {count(emotions, 'emotion')}, one direction per "
        f"emotion was read from the residual stream of {model['name']} at layer {vectors['layer']} of {vectors['layers']}."
    )


def agreement(record: Record) -> str:
    """Whether the vectors agree with themselves: the caution where they don't, else how far halves of the topics agree."""
    found = parts(record, "vectors").get("split_half")
    if caution(record) or not found:
        return caution(record)
    return (
        f"Directions made from one half of the topics and from the other agree with a median r of {fixed(found['median'])} "
        f"({p_value(found['p'])}); those of {found['beyond_null']} of {count(found['emotions'], 'emotion')} agree beyond chance."
    )


def caution(record: Record) -> str:
    """The sentence about vectors that don't agree with themselves; "" where they do, and in records from before there was one."""
    return str(parts(record, "vectors").get("caution") or "")


def verdicts_given(record: Record) -> str:
    """How many criteria pass, fail and are inconclusive, by this report's rule and by the seed's thresholds."""
    own, seed = verdict_counts(record), verdict_counts(record, "seed_verdict")
    words = {
        "pass": ("passes", "pass"),
        "fail": ("fails", "fail"),
        "inconclusive": ("is inconclusive", "are inconclusive"),
        "not asked": ("is not asked", "are not asked"),
    }
    pieces = [
        f"{len(names)} {words[verdict][len(names) > 1]} ({ranges(names, CRITERIA)})"
        for verdict, names in own.items()
        if names
    ]
    return (
        f"Of {len(CRITERIA)} criteria, judged by a 95 % interval and a null, {listing(pieces)}; "
        f"by the seed report's thresholds alone {number(len(seed['pass']))} of {len(CRITERIA)} pass."
    )


def recognised(record: Record) -> str:
    """Logit lens and implicit scenarios in one sentence."""
    lens, scenarios = parts(record, "experiments", "lens"), parts(record, "experiments", "scenarios")
    pieces = []
    if lens:
        pieces.append(f"{lens['count']} of {lens['of']} vectors put their own word among their top {lens['k']} tokens")
    if scenarios.get("items"):
        first = sum(rank == 1 for rank in scenarios["ranks_raw"])
        centred = sum(rank == 1 for rank in scenarios["ranks_centred"])
        whole = len(scenarios["items"])
        pieces.append(
            f"the intended probe is the highest in {first} of {whole} texts that imply an emotion without naming it "
            f"({centred} of {whole} after centring; guessing gives 1 of {len(scenarios['emotions'])})"
        )
    sentence = ", and ".join(pieces)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def preferred(record: Record) -> str:
    """Spread of the preferences and how many probes go with them."""
    preferences, correlation = parts(record, "experiments", "preferences"), parts(record, "experiments", "correlation")
    if not preferences or not correlation:
        return ""
    top, bottom, gap = category_gap(record)
    why = preferences.get("why_not_usable")
    blocked = f", but these choices can't carry a verdict: {why}" if preferences.get("usable") is False and why else ""
    strong = sum(row["r"] is not None and abs(row["r"]) > 0.3 for row in correlation["emotions"])
    return (
        f"The model's choices put {top} {fixed(gap, 0)} Elo points above {bottom}, and "
        f"{strong} of {len(correlation['emotions'])} probes go with them at |r| > 0.3{blocked}."
    )


def category_gap(record: Record) -> tuple[str, str, float]:
    """Highest and lowest category and their distance, by the score that V7 was measured with."""
    categories, stated = record["experiments"]["preferences"]["categories"], record["criteria"]["V7"].get("value")
    found = []
    for score in ("bradley_terry", "elo"):
        ordered = sorted(categories, key=lambda row: row[score])
        found.append((ordered[-1]["category"], ordered[0]["category"], ordered[-1][score] - ordered[0][score]))
    return found[0] if stated is None else min(found, key=lambda gap: abs(gap[2] - stated))


def steered(record: Record) -> str:
    """The steering result with its direction, beside the paper's and the seed's."""
    steering, verdict = parts(record, "experiments", "steering"), record["criteria"]["V10"]["verdict"]
    if not steering or steering.get("r") is None:
        return "The steering experiment gives no correlation in this run."
    direction = {
        "pass": "preferences move the way the correlation predicts",
        "fail": "preferences do not move the way the correlation predicts",
        "inconclusive": "it stays open whether preferences move the way the correlation predicts",
    }[verdict]
    paper, seed = PUBLISHED["V10"].paper, PUBLISHED["V10"].seed
    assert paper is not None
    bounds = interval((steering["low"], steering["high"]), 2) if steering.get("low") is not None else "not available"
    return (
        f"When the vectors are added on the steered activities alone, {direction}: r = {fixed(steering['r'])} over "
        f"{count(steering['of'], 'emotion')} (95 % interval {bounds}), against {number(paper.value)} in the paper and "
        f"{number(seed.value)} in the seed report, whose hook acted on both activities."
    )


def limits(record: Record) -> list[str]:
    """What this run can't tell, each with the number that makes it so."""
    model, settings, corpus = record["model"], parts(record, "settings"), parts(record, "corpus")
    sentences = [f"One model, {model['name']}: nothing here says that another model does the same."]
    fewest = corpus.get("fewest_per_emotion")
    if parts(record, "vectors", "adopted"):
        sentences.append(
            "How the directions were made is not known here, so their reliability is what their file says of it, and what the "
            "words alone give is shown for this run's stories, not for theirs."
        )
    elif fewest is not None:
        sentences.append(
            f"The emotion with the fewest has {count(fewest, 'story', 'stories')}; the paper has 1,200 for each, so vectors here are noisier."
        )
    stimuli = parts(record, "stimuli")
    if stimuli.get("pack"):
        equal = stimuli.get("equal_to_published") or []
        same = f"equal to the published ones in {listing(equal)}" if equal else "equal to none of the published lists"
        sentences.append(f"The stimuli are the pack '{stimuli['pack']}', {same}; other lists can give other counts.")
    for name in stimuli.get("supplied_by_ours") or []:
        sentences.append(f"The pack lacks {name}; that list comes from this package.")
    if parts(record, "vectors"):
        chosen = "two thirds of the depth by rule" if settings.get("layer") is None else "chosen by the settings"
        sentences.append(
            f"One analysis layer, {record['vectors']['layer']}, {chosen}; other layers can give other counts."
        )
    sentences += _steering_limits(parts(record, "experiments", "steering"), settings)
    sentences += unasked(record)
    sentences.append("Valence labels are a judgement; words on which judges could differ are marked, not left out.")
    sentences.append("A direction that goes with a word's use is no evidence that a model feels anything.")
    return sentences


def unasked(record: Record) -> list[str]:
    """What this run lacks: the criteria that were not asked, each reason once, and emotions without a valence."""
    reasons: dict[str, list[str]] = {}
    for name in CRITERIA:
        if record["criteria"][name]["verdict"] == "not asked":
            reasons.setdefault(record["criteria"][name]["reason"], []).append(name)
    sentences = [f"Not asked: {ranges(names, CRITERIA)}. {reason}" for reason, names in reasons.items()]
    rows = parts(record, "experiments", "correlation").get("emotions") or []
    missing = sum(row["valence"] is None for row in rows)
    if missing:
        sentences.append(
            f"The valence of {number(missing)} of {count(len(rows), 'emotion')} is not given; what is judged by valence leaves them out."
        )
    return sentences


def _steering_limits(steering: Record, settings: Record) -> list[str]:
    """What the steering experiment can't tell; nothing where nothing was steered."""
    if not steering:
        return []
    strength = number(steering["strength"])
    swept = len(parts(steering, "dose").get("strengths") or [])
    other = (
        f"the dose-response curve shows {number(swept)} strengths for a few emotions"
        if swept
        else "no other strength was tried"
    )
    sentences = [
        f"The steering verdicts use one strength, {strength} times the residual norm; {other}. The paper finds that a strength "
        "of 0.5 on an activity already overwrites its content."
    ]
    controls, emotions = parts(steering, "inversion").get("emotions"), steering["of"]
    if controls is not None and controls < emotions:
        sentences.append(
            f"The arms on both activities and on every token use {number(controls)} of the {number(emotions)} steered emotions."
        )
    partners, activities = steering["partners"], len(parts(steering, "examples", "positive").get("points") or [])
    if activities and partners < activities - 1:
        sentences.append(
            f"Under steering each activity meets {number(partners)} of {number(activities - 1)} others, so effects of single activities are rough."
        )
    return sentences
