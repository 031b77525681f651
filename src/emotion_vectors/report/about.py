"""What the page says of the run itself: abstract, limits, and how far the vectors agree with themselves."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_vectors.record import Record
from emotion_vectors.record.requirements import require, require_close
from emotion_vectors.record.run import Corpus, Neutral
from emotion_vectors.report.criteria import verdict_counts
from emotion_vectors.report.run_tables import corpus_table, doctor_table, method_table, settings_table, timing_table
from emotion_vectors.report.topic import Card, Cell, Shade, TableOf, Topic, cards
from emotion_vectors.report.wording import count, fixed, listing, number, p_value, ranges, source_name


def abstract(record: Record, topics: Sequence[Topic]) -> list[str]:
    """The sentences of the one-paragraph abstract."""
    known = cards(topics)
    sentences = [vectors_made(record), agreement(record), verdicts_given(record, known)]
    sentences += [topic.abstract(record) for topic in topics]
    return [sentence for sentence in sentences if sentence]


def vectors_made(record: Record) -> str:
    """What was run: model, emotions, stories, layer."""
    model, vectors, corpus = record.model, record.vectors, record.corpus or Corpus()
    # Of imported stories the corpus decides how many emotions there are; the setting is the most of them.
    emotions = record.setting("emotions") if corpus.emotions is None else corpus.emotions
    if vectors is None or emotions is None or corpus.kept is None:
        return f"This report is about {model.name}."
    adopted = vectors.adopted
    if adopted:
        return (
            f"The directions of {count(adopted.emotions, 'emotion')} are not this run's: they come from '{adopted.name}' (SHA-256 "
            f"{adopted.sha256[:12]}..., {adopted.made_by}) and are tested at layer {vectors.layer} of {vectors.layers} of "
            f"{model.name}; the stories, neutral texts and controls that they are compared with are the run's own."
        )
    whose = f" of the corpus {source_name(corpus.source)}" if corpus.source else ""
    return (
        f"From {count(corpus.kept, 'kept story', 'kept stories')}{whose} about {count(emotions, 'emotion')}, one direction per "
        f"emotion was read from the residual stream of {model.name} at layer {vectors.layer} of {vectors.layers}."
    )


def agreement(record: Record) -> str:
    """Whether the vectors agree with themselves: the caution where they don't, else how far halves of the topics agree."""
    found = record.vectors.split_half if record.vectors else None
    if caution(record) or found is None or found.emotions is None:
        return caution(record)
    return (
        f"Directions made from one half of the topics and from the other agree with a median r of {fixed(found.median)} "
        f"({p_value(found.p)}); those of {found.beyond_null} of {count(found.emotions, 'emotion')} agree beyond chance."
    )


def caution(record: Record) -> str:
    """The sentence about vectors that don't agree with themselves; "" where they do, and in records from before there was one."""
    return (record.vectors.caution if record.vectors else "") or ""


def verdicts_given(record: Record, known: Sequence[Card]) -> str:
    """How many criteria pass, fail and are inconclusive, by this report's rule and by the earlier reproduction's thresholds."""
    own, seed = verdict_counts(record, known), verdict_counts(record, known, seed=True)
    words = {
        "pass": ("passes", "pass"),
        "fail": ("fails", "fail"),
        "inconclusive": ("is inconclusive", "are inconclusive"),
        "not asked": ("is not asked", "are not asked"),
    }
    order = [card.id for card in known]
    pieces = [
        f"{len(names)} {words[verdict][len(names) > 1]} ({ranges(names, order)})"
        for verdict, names in own.items()
        if names
    ]
    alone = len(seed["pass"])
    return (
        f"Of {len(known)} criteria, judged by a 95 % interval and a null, {listing(pieces)}; "
        f"by the thresholds of Hong (2026) alone {alone} of {len(known)} {words['pass'][alone != 1]}."
    )


def limits(record: Record, topics: Sequence[Topic]) -> list[str]:
    """What this run can't tell, each with the number that makes it so."""
    vectors, corpus, stimuli = record.vectors, record.corpus or Corpus(), record.stimuli
    sentences = [f"One model, {record.model.name}: nothing here says that another model does the same."]
    if vectors is not None and vectors.adopted:
        sentences.append(
            "How the directions were made is not known here, so their reliability is as stated in their file, and "
            "what the words alone give is shown for this run's stories, not for theirs."
        )
    elif corpus.fewest_per_emotion is not None:
        sentences.append(
            f"The emotion with the fewest has {count(corpus.fewest_per_emotion, 'story', 'stories')}; the paper has 1,200 for each"
            + (", and a mean over fewer stories is noisier." if corpus.fewest_per_emotion < 1200 else ".")
        )
    if stimuli is not None:
        equal = stimuli.equal_to_published
        same = f"equal to the published ones in {listing(equal)}" if equal else "equal to none of the published lists"
        sentences.append(f"The stimuli are the pack '{stimuli.pack}', {same}; other lists can give other counts.")
        sentences += [f"The pack lacks {name}; that list comes from this package." for name in stimuli.supplied_by_ours]
    if vectors is not None:
        chosen = "two thirds of the depth by rule" if record.setting("layer") is None else "chosen by the settings"
        sentences.append(f"One analysis layer, {vectors.layer}, {chosen}; other layers can give other counts.")
    own = [sentence for topic in topics if topic.limits is not None for sentence in topic.limits(record)]
    sentences += [*own, *unasked(record, cards(topics))]
    sentences.append("Valence labels are a judgement; words on which judges could differ are marked, not left out.")
    sentences.append("A direction that goes with the use of a word is not evidence that a model feels anything.")
    return sentences


def unasked(record: Record, known: Sequence[Card]) -> list[str]:
    """The criteria that were not asked, each reason once."""
    reasons: dict[str, list[str]] = {}
    for card in known:
        criterion = record.criteria.get(card.id)
        if criterion is not None and not criterion.asked:
            reasons.setdefault(criterion.reason, []).append(card.id)
    order = [card.id for card in known]
    return [f"Not asked: {ranges(names, order)}. {reason}" for reason, names in reasons.items()]


def about(topics: Sequence[Topic]) -> Topic:
    """The topic of the run itself; the method table has rows of the other `topics`."""
    return Topic(
        "run",
        "The run",
        tables=(
            TableOf(lambda record: method_table(record, topics), place=10),
            TableOf(doctor_table, place=90),
            TableOf(corpus_table, "corpus"),
            TableOf(settings_table, folded=True, place=80),
            TableOf(timing_table, folded=True, place=90),
        ),
        contradictions=contradictions,
        shades=(Shade("Agreement of halves (r)", _halves, _halves_note),),
    )


def _halves(record: Record) -> dict[str, float]:
    found = record.vectors.split_half if record.vectors else None
    return {row.emotion: row.r for row in found.rows if row.r is not None} if found else {}


def _halves_note(record: Record) -> str:
    found = record.vectors.split_half if record.vectors else None
    if found is None or found.null is None:
        return "Pearson r of the directions from the even and the odd topics; this run has no null for it."
    return (
        f"Pearson r of the directions from the even and the odd topics. By chance ({found.null.what}) the mean is {fixed(found.null.mean)}, "
        f"and 5 % exceed {fixed(found.null.high)}."
    )


def contradictions(record: Record) -> None:
    """Refuse more texts than were written, layers that the model lacks, and a reliability that contradicts itself."""
    corpus, vectors = record.corpus or Corpus(), record.vectors
    neutral = corpus.neutral or Neutral()
    for what, part, total in (("stories", corpus, corpus.stories), ("neutral texts", neutral, neutral.texts)):
        if total is not None and part.kept is not None:
            known = part.kept + sum(part.dropped.values())
            require(known <= total, f"{known} {what} are kept or dropped but only {total} were written.")
    if vectors is None:
        return
    layer, layers = vectors.layer, vectors.layers
    require(0 <= layer < layers, f"The analysis layer is {layer} but the model has the layers 0 to {layers - 1}.")
    model_layers = record.model.layers
    require(model_layers in (None, layers), f"The model has {model_layers} layers, the vectors {layers}.")
    _check_reliability(record)


def _check_reliability(record: Record) -> None:
    """Refuse a reliability that contradicts itself, and a sentence about it that the numbers don't bear out."""
    vectors, checked = record.vectors, record.doctor.get("reliability")
    found = vectors.split_half if vectors else None
    said = vectors.caution if vectors else None
    if said is not None and checked is not None:
        require(
            bool(said) != checked.passed, "What the record says of the vectors' reliability and its self-check differ."
        )
    if found is None or not found.rows:
        return
    if said is not None and checked is not None and not isinstance(checked.measured, str):
        require_close(checked.measured, found.median, 1e-9, "The self-check of the reliability")
        if found.median is not None and found.p is not None:
            low = found.median < float(checked.limit) or found.p > 0.05
            require(bool(said) == low, "What the record says of the vectors' reliability is not what the halves gave.")
    if found.null is None or found.identification is None:
        return
    values = [row.r for row in found.rows if row.r is not None]
    require(len(values) == found.emotions, "The split-half rows and their number differ.")
    require_close(found.min, min(values), 1e-9, "The lowest split-half r")
    require_close(found.max, max(values), 1e-9, "The highest split-half r")
    above = sum(value > found.null.high for value in values)
    require(found.beyond_null == above, f"{found.beyond_null} emotions are said to be beyond chance, but {above} are.")
    same = found.identification
    require(same.top1 <= same.of, "More emotions find their other half than there are.")
    require(same.mean_rank <= same.of, f"The mean rank of the other half is {same.mean_rank}, outside 1 to {same.of}.")


def reliability_seen(record: Record) -> str:
    """How far the directions of two halves of the stories agree; "" where the run has too few topics."""
    found = record.vectors.split_half if record.vectors else None
    if found is None or not found.rows or found.null is None or found.identification is None or found.emotions is None:
        return ""
    null, same = found.null, found.identification
    return (
        f"Directions made from one half of the topics and from the other agree with a median r of {fixed(found.median)} "
        f"over {count(found.emotions, 'emotion')} ({p_value(found.p)}); {number(found.beyond_null)} are above "
        f"{fixed(null.high)}, the 95th percentile for {null.what}. One half finds the same emotion in the other first for "
        f"{number(same.top1)} of {number(same.of)} (chance {number(same.chance_top1)}, {p_value(same.p)})."
    )


def reliability_rows(record: Record) -> list[tuple[Cell, ...]]:
    """What halves of the topics give, for the table of the vectors."""
    found = record.vectors.split_half if record.vectors else None
    if found is None or not found.rows or found.null is None or found.identification is None:
        return []
    same = found.identification
    rows = {
        "Split-half r, median over emotions": fixed(found.median),
        "the same, lowest and highest": f"{fixed(found.min)} to {fixed(found.max)}",
        f"for all stories (Spearman-Brown), mean of {found.halvings} halvings": fixed(found.spearman_brown_median),
        f"Mean r of {found.null.what}": fixed(found.null.mean),
        "Emotions above the 95th percentile of chance": f"{number(found.beyond_null)} of {number(found.emotions)}",
        "Mean rank of an emotion's other half": f"{fixed(same.mean_rank, 1)} (chance {fixed(same.chance_rank, 1)})",
    }
    return [(Cell(what), Cell(value, "number")) for what, value in rows.items()]
