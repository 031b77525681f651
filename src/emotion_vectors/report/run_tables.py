"""Tables of the run itself: the method beside the paper's and Hong's (2026), corpus, self-checks, settings and timings."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_vectors.record import Record
from emotion_vectors.record.run import Check, Corpus, Model, Neutral, StoriesPerEmotion
from emotion_vectors.report.criteria import verdict_cell
from emotion_vectors.report.published import PAPER_MODEL, SEED_MODEL
from emotion_vectors.report.topic import Cell, Choice, Table, Topic
from emotion_vectors.report.wording import NOTHING, fixed, listing, number, percent, source_name


def method_table(record: Record, topics: Sequence[Topic]) -> Table:
    """The table of the method. A choice that this record does not hold is "not available"."""
    own = [choice for topic in topics if topic.method is not None for choice in topic.method(record)]
    choices = [*_model(record), *_corpus(record), *_vectors(record), *own]
    rows = tuple(
        (Cell(choice.name), Cell(choice.paper), Cell(choice.seed), Cell(choice.run), Cell(*_MARKS[choice.agrees]))
        for choice in choices
    )
    note = "'No comparison' where the paper gives no value, none that can be compared, or the record holds none."
    return Table("Method", ("Choice", "Paper", "Hong (2026)", "This run", "Against the paper"), rows, note)


_MARKS = {True: ("= same", "same"), False: ("≠ differs", "differs"), None: ("· no comparison", "open")}


def counted(name: str, paper: int, seed: str, run: float | None) -> Choice:
    """A choice that is a number, the same as the paper's or another one."""
    return Choice(name, number(paper), seed, number(run), None if run is None else run == paper)


def _model(record: Record) -> list[Choice]:
    model, writer = record.model, record.model.writer
    shape = f"{number(model.layers)} / {number(model.hidden_size)}"
    named = writer if isinstance(writer, str) or writer is None else f"{writer.name} {writer.version or ''}".strip()
    wrote = named or NOTHING
    return [
        Choice("Model", f"{PAPER_MODEL} (closed)", f"{SEED_MODEL} (open)", model.name, model.name == PAPER_MODEL),
        Choice("Parameters", "not given", "8 billion", number(model.parameters), None),
        Choice("Layers / hidden size", "not given", "32 / 4096", shape, None),
        Choice(
            "Precision, device",
            "not given",
            "float16, GPU",
            f"{model.dtype or NOTHING}, {model.device or NOTHING}{_short_prompts(model)}",
            None,
        ),
        Choice("Prompt format", "Human / Assistant", "chat template", model.prompt_format or NOTHING, None),
        Choice("Writing engine", "not given", "padded batches of 450", wrote, None),
    ]


def _short_prompts(model: Model) -> str:
    """In which precision the short prompts were read, where that is another one."""
    precision = model.readings_dtype or model.dtype
    return "" if precision == model.dtype else f"; short prompts read in {precision}"


def _corpus(record: Record) -> list[Choice]:
    settings, corpus, stimuli = record.settings, record.corpus or Corpus(), record.stimuli
    equal = stimuli.equal_to_published if stimuli else []
    pack = f"{stimuli.pack if stimuli else NOTHING}; equal to the published: {listing(equal)}"
    named = corpus.dropped.get("names the emotion")
    filtered = "stories that name the emotion are dropped" + (
        f" ({number(named)} of {number(corpus.stories)})" if named is not None else ""
    )
    # An imported corpus has its own topics and numbers of stories, whatever the settings say.
    planned = {"topics": corpus.topics} if settings.get("stories_from") else settings
    stories_from, neutral = corpus.source, corpus.neutral or Neutral()
    own_lists = {"emotions", "topics", "activities", "scenarios"}
    return [
        Choice(
            "Stimulus lists",
            "published",
            "mostly invented while coding (found later)",
            pack,
            own_lists <= set(equal) if stimuli else None,
        ),
        counted("Emotions", 171, "171", settings.get("emotions") if corpus.emotions is None else corpus.emotions),
        counted("Topics", 100, "100", planned.get("topics")),
        counted("Stories per emotion and topic", 12, "12", planned.get("stories_per_topic")),
        counted("Stories kept", 205_200, "205,200", corpus.kept),
        Choice(
            "Story length",
            "about one paragraph",
            "100 to 150 words",
            f"as the pack's prompt asks; at least {record.setting('min_words')} words"
            if "min_words" in settings
            else NOTHING,
            None,
        ),
        Choice(
            "Stories from",
            "the model",
            "the model",
            source_name(stories_from) if stories_from else "the writing engine above",
            False if stories_from else None,
        ),
        Choice(
            "Neutral texts from",
            "not given",
            "the model",
            source_name(neutral.source) if neutral.source else "the writing engine above",
            None,
        ),
        Choice("Emotion word in the story", "forbidden by the prompt", "filtered", filtered, None),
        Choice("Neutral texts", "a set (count not given)", "200", number(neutral.kept), None),
        Choice("Story format when read", "not given", "not given", str(settings.get("story_format", NOTHING)), None),
    ]


def _vectors(record: Record) -> list[Choice]:
    settings, vectors = record.settings, record.vectors
    adopted = vectors.adopted if vectors else None
    first, layer, layers = (
        settings.get("first_token"),
        vectors.layer if vectors else None,
        vectors.layers if vectors else None,
    )
    share = settings.get("neutral_variance")
    depth = (
        f"{layer} of {layers} ({percent(layer + 1, layers)} of the depth)" if layer is not None and layers else NOTHING
    )
    projected = (
        f"{100 * share:.0f} % ({number(vectors.neutral_components if vectors else None)} components)"
        if share is not None
        else NOTHING
    )
    stories = vectors.stories_per_emotion if vectors else None
    near = None if layer is None or not layers else abs((layer + 1) / layers - 2 / 3) < 0.06
    return [
        Choice(
            "Pooling",
            "mean from token 50",
            "mean from token 50",
            f"mean from token {number(first)}",
            None if first is None else first == 50,
        ),
        Choice(
            "Vector",
            "mean of the emotion minus mean over emotions",
            "the same",
            f"taken from '{adopted.name}'" if adopted else "the same",
            not adopted,
        ),
        Choice(
            "Neutral components removed",
            "50 % of the variance",
            "50 %",
            projected,
            None if share is None else share == 0.5,
        ),
        Choice("Analysis layer", "about two thirds", "21 of 32", depth, near),
        Choice(
            "Stories per emotion",
            "1,200",
            "1,200",
            _per_emotion(stories),
            None if vectors is None else bool(stories) and stories.min == 1200,
        ),
    ]


def _per_emotion(stories: StoriesPerEmotion | None) -> str:
    if stories is None:
        return NOTHING
    ends = number(stories.min), number(stories.max)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def corpus_table(record: Record) -> Table:
    """What was written or read, kept and dropped, with the reasons, and where imported texts come from."""
    corpus = record.corpus or Corpus()
    neutral = corpus.neutral or Neutral()
    rows: list[tuple[Cell, ...]] = []
    for what, part, total in (("Stories", corpus, corpus.stories), ("Neutral texts", neutral, neutral.texts)):
        if total is None:
            continue
        wanted = (
            f"{number(part.kept)} of {number(part.wanted)} wanted" if part.wanted is not None else number(part.kept)
        )
        if part.source:
            rows.append((Cell(f"{what} from"), Cell(source_name(part.source))))
        rows.append((Cell(f"{what} {'read' if part.source else 'written'}"), Cell(number(total), "number")))
        rows.append((Cell(f"{what} kept"), Cell(wanted, "number")))
        rows += [
            (Cell(f"{what} dropped: {reason}"), Cell(number(amount), "number"))
            for reason, amount in part.dropped.items()
        ]
        if part.tokens is not None and not part.source:
            rows.append((Cell(f"Tokens written for {what.lower()}, kept or not"), Cell(number(part.tokens), "number")))
    for amount, text in (
        (corpus.short_cells, "Pairs of emotion and topic without a full set of stories"),
        (corpus.fewest_per_emotion, "Fewest stories of an emotion"),
    ):
        if amount is not None:
            rows.append((Cell(text), Cell(number(amount), "number")))
    return Table("Corpus: what was written, kept and dropped", ("What", "How many"), tuple(rows))


def doctor_table(record: Record) -> Table | None:
    """The self-checks of the run, with what each failed one found; None where none were recorded."""
    rows, failed = [], []
    for name, check in record.doctor.items():
        verdict = verdict_cell("pass" if check.passed else "inconclusive" if check.kind == "warn" else "fail")
        rows.append(
            (
                Cell(f"{name}: {check.title}"),
                verdict,
                Cell(_check_value(check.measured), "number"),
                Cell(_limit(check), "number"),
            )
        )
        if not check.passed:
            failed.append(f"{name}: {check.detail}")
    note = "The limits and their reasons are in docs/doctor.md. A failed check marked ? does not stop the run; read the vectors, the preference criteria or the random controls with caution."
    if failed:
        note += f" {' '.join(failed)}"
    if record.failed_checks_allowed:
        note += " This run was told to continue with failed checks."
    columns = ("Check", "Result", "Measured", "Limit")
    return Table("Self-checks of the instrument", columns, tuple(rows), note) if rows else None


def _check_value(value: float | int | str) -> str:
    """A measured value or limit of a check: rounding errors are small, so they keep their power of ten."""
    if isinstance(value, str):
        return value
    small = isinstance(value, float) and 0 < abs(value) < 1e-3
    return f"{value:.1e}".replace("-", "−") if small else number(value)


def _limit(check: Check) -> str:
    """The limit with its sign, told from which side of it a result passed or failed."""
    measured, limit = check.measured, check.limit
    if isinstance(measured, str) or isinstance(limit, str):
        return _check_value(limit)
    if measured == limit:  # of this many things all must be right; an amount of error may reach its limit
        return f"all {number(limit)}" if isinstance(limit, int) and limit else f"at most {_check_value(limit)}"
    return f"at {'most' if (measured < limit) == check.passed else 'least'} {_check_value(limit)}"


def settings_table(record: Record) -> Table:
    """Every setting of the run."""
    rows = tuple(
        (Cell(name), Cell(listing([str(v) for v in value]) if isinstance(value, list) else str(value)))
        for name, value in record.settings.items()
    )
    return Table("All settings", ("Setting", "Value"), rows)


def timing_table(record: Record) -> Table | None:
    """How long each stage took; None where no stage was timed."""
    rows = tuple(
        (
            Cell(stage),
            Cell(f"{fixed(row.seconds, 1)} s", "number"),
            Cell(f"{number(row.units)} {row.unit}", "number"),
            Cell(f"{number(row.rate)} per second", "number"),
        )
        for stage, row in record.timings.items()
    )
    return Table("Timings", ("Stage", "Time", "Work", "Rate"), rows) if rows else None
