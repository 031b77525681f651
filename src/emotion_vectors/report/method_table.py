"""Table 1: every design choice in the paper, in the seed report and in this run, with the differences marked."""

from __future__ import annotations

from typing import Any, NamedTuple

from emotion_vectors.report.claims_steering import control_names, controls
from emotion_vectors.report.contradiction import parts
from emotion_vectors.report.published import PAPER_MODEL, SEED_MODEL
from emotion_vectors.report.tables import Cell, Table
from emotion_vectors.report.wording import NOTHING, listing, number, percent, source_name

Record = dict[str, Any]


class Choice(NamedTuple):
    """One row: `agrees` is True or False against the paper, None where the paper gives nothing to compare with."""

    name: str
    paper: str
    seed: str
    run: str
    agrees: bool | None


def method_table(record: Record) -> Table:
    """Table 1. A choice that this record does not hold is "not available"."""
    choices = [*_model(record), *_corpus(record), *_vectors(record), *_tests(record), *_steering(record)]
    rows = tuple(
        (Cell(choice.name), Cell(choice.paper), Cell(choice.seed), Cell(choice.run), Cell(*_MARKS[choice.agrees]))
        for choice in choices
    )
    note = "'No comparison' where the paper gives no value, none that can be compared, or the record holds none."
    return Table("Table 1. Method", ("Choice", "Paper", "Seed", "This run", "Against the paper"), rows, note)


_MARKS = {True: ("= same", "same"), False: ("≠ differs", "differs"), None: ("· no comparison", "open")}


def _count(name: str, paper: int, seed: str, run: int | None) -> Choice:
    return Choice(name, number(paper), seed, number(run), None if run is None else run == paper)


def _model(record: Record) -> list[Choice]:
    model = record["model"]
    shape = f"{number(model.get('layers'))} / {number(model.get('hidden_size'))}"
    writer = model.get("writer") or {}
    if isinstance(writer, str):
        writer = {"name": writer}
    wrote = " ".join(str(writer[key]) for key in ("name", "version") if writer.get(key)) or NOTHING
    return [
        Choice(
            "Model", f"{PAPER_MODEL} (closed)", f"{SEED_MODEL} (open)", str(model["name"]), model["name"] == PAPER_MODEL
        ),
        Choice("Parameters", "not given", "8 billion", number(model.get("parameters")), None),
        Choice("Layers / hidden size", "not given", "32 / 4096", shape, None),
        Choice(
            "Precision, device",
            "not given",
            "float16, GPU",
            f"{model.get('dtype', NOTHING)}, {model.get('device', NOTHING)}{_short_prompts(model)}",
            None,
        ),
        Choice("Prompt format", "Human / Assistant", "chat template", str(model.get("prompt_format", NOTHING)), None),
        Choice("Writing engine", "not given", "padded batches of 450", wrote, None),
    ]


def _short_prompts(model: dict[str, Any]) -> str:
    """In which precision the short prompts were read, where that is another one."""
    precision = model.get("readings_dtype", model.get("dtype"))
    return "" if precision == model.get("dtype") else f"; short prompts read in {precision}"


def _corpus(record: Record) -> list[Choice]:
    settings, corpus, stimuli = parts(record, "settings"), parts(record, "corpus"), parts(record, "stimuli")
    equal = stimuli.get("equal_to_published") or []
    pack = f"{stimuli.get('pack', NOTHING)}; equal to the published: {listing(equal)}"
    named = (corpus.get("dropped") or {}).get("names the emotion")
    filtered = "stories that name the emotion are dropped" + (
        f" ({number(named)} of {number(corpus.get('stories'))})" if named is not None else ""
    )
    # An imported corpus has its own topics and numbers of stories, whatever the settings say.
    planned = {"topics": corpus.get("topics")} if settings.get("stories_from") else settings
    stories_from, neutral_from = parts(corpus, "source"), parts(corpus, "neutral", "source")
    own_lists = {"emotions", "topics", "activities", "scenarios"}
    return [
        Choice(
            "Stimulus lists",
            "published",
            "mostly invented while coding (found later)",
            pack,
            own_lists <= set(equal) if stimuli else None,
        ),
        _count("Emotions", 171, "171", corpus.get("emotions", settings.get("emotions"))),
        _count("Topics", 100, "100", planned.get("topics")),
        _count("Stories per emotion and topic", 12, "12", planned.get("stories_per_topic")),
        _count("Stories kept", 205_200, "205,200", corpus.get("kept")),
        Choice(
            "Story length",
            "about one paragraph",
            "100 to 150 words",
            f"as the pack's prompt asks; at least {settings['min_words']} words"
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
            source_name(neutral_from) if neutral_from else "the writing engine above",
            None,
        ),
        Choice("Emotion word in the story", "forbidden by the prompt", "filtered", filtered, None),
        Choice("Neutral texts", "a set (count not given)", "200", number(parts(corpus, "neutral").get("kept")), None),
        Choice("Story format when read", "not given", "not given", str(settings.get("story_format", NOTHING)), None),
    ]


def _vectors(record: Record) -> list[Choice]:
    settings, vectors = parts(record, "settings"), parts(record, "vectors")
    adopted = parts(vectors, "adopted")
    first, layer, layers = settings.get("first_token"), vectors.get("layer"), vectors.get("layers")
    share = settings.get("neutral_variance")
    depth = (
        f"{layer} of {layers} ({percent(layer + 1, layers)} of the depth)" if layer is not None and layers else NOTHING
    )
    projected = (
        f"{100 * share:.0f} % ({number(vectors.get('neutral_components'))} components)"
        if share is not None
        else NOTHING
    )
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
            f"taken from '{adopted['name']}'" if adopted else "the same",
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
            _per_emotion(vectors),
            None if not vectors else parts(vectors, "stories_per_emotion").get("min") == 1200,
        ),
    ]


def _per_emotion(vectors: Record) -> str:
    stories = parts(vectors, "stories_per_emotion")
    if not stories:
        return NOTHING
    ends = number(stories.get("min")), number(stories.get("max"))
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _stronger(experiments: Record) -> list[Choice]:
    """The further stimuli of V2 to V5, in a record that has them."""
    pairs, both = parts(experiments, "lens", "opposites"), parts(experiments, "scenarios", "together")
    twins = parts(experiments, "numeric", "twins")
    if not (pairs and both and twins):
        return []
    return [
        Choice("Opposite pairs for the verdict", "none", "5", number(pairs["of"]), None),
        Choice("Scenarios for the verdict", "12, raw cosine", "12, raw cosine", f"{number(both['of'])}, centred", None),
        Choice("Templates with twins", "none", "none", number(len(twins["templates"])), None),
    ]


def _tests(record: Record) -> list[Choice]:
    settings, experiments = parts(record, "settings"), parts(record, "experiments")
    preferences = parts(experiments, "preferences")
    scenarios, templates = parts(experiments, "scenarios").get("items"), parts(experiments, "numeric").get("templates")
    activities = preferences.get("activities")
    score = f"Bradley-Terry; beside it Elo with K = {number(settings.get('elo_k'))}, up to {number(settings.get('elo_passes'))} passes"
    return [
        Choice("Logit lens", "top tokens, no count given", "top 20", f"top {number(settings.get('lens_k'))}", None),
        _count("Implicit scenarios", 12, "12", None if scenarios is None else len(scenarios)),
        _count("Numeric templates", 6, "6", None if templates is None else len(templates)),
        *_stronger(experiments),
        _count("Activities", 64, "64", None if activities is None else len(activities)),
        _count("Preference prompts", 4032, "4,032", preferences.get("prompts")),
        Choice("Preference score", "Elo on probabilities, K not given", "Elo with K = 32, 10 passes", score, None),
        Choice(
            "Intervals and nulls",
            "none reported",
            "none",
            f"{number(settings.get('resamples'))} resamples for each",
            None,
        ),
    ]


def _steering(record: Record) -> list[Choice]:
    settings, steering = parts(record, "settings"), parts(record, "experiments", "steering")
    strength = steering.get("strength", settings.get("strength"))
    wanted = {"spread": "cover the range", "strongest": "largest |r|", "all": "all"}.get(
        settings.get("steered_emotions", ""), ""
    )
    amount = steering.get("of")
    return [
        Choice(
            "Steering strength",
            "0.5 residual norms",
            "0.5 residual norms",
            f"{number(strength)} residual norms",
            None if strength is None else strength == 0.5,
        ),
        Choice(
            "Steered layers",
            "“same middle layers”",
            "single layer 21",
            f"single layer {number(steering.get('layer'))}",
            None,
        ),
        Choice(
            "Steered tokens",
            "the steered activity only",
            "both activities (found later)",
            str(steering.get("tokens", NOTHING)),
            None if "tokens" not in steering else steering["tokens"] == "the steered activity only",
        ),
        Choice(
            "Steered and control half",
            "two equal groups",
            "even and odd index in each category",
            str(steering.get("split", NOTHING)),
            None,
        ),
        Choice(
            "Steered emotions",
            "35, cover the range",
            "35, largest |r|",
            f"{number(amount)}, {wanted}" if wanted else number(amount),
            None if amount is None else amount == 35 and wanted == "cover the range",
        ),
        Choice(
            "Control directions of equal norm",
            "none reported",
            "none",
            control_names(record) if controls(record) else NOTHING,
            None,
        ),
    ]
