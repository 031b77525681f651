"""The comparison as one page that opens offline. Names and texts of models are data: the template escapes them all."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl
import vl_convert

from emotion_vectors.comparing.training_told import training_seen, training_table
from emotion_vectors.report.criteria import NOT_JUDGED, css
from emotion_vectors.report.embedding import VEGA_LITE, svg_uri
from emotion_vectors.report.page import TEMPLATES as REPORT
from emotion_vectors.report.page import templates
from emotion_vectors.report.palette import CATEGORY_COLOURS
from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import count, fixed, interval, number, p_value, percent, sided
from emotion_vectors.store.schema import JsonObject

TEMPLATES = Path(__file__).parent / "templates"


def render(record: JsonObject) -> str:
    """The page as text."""
    style = (REPORT / "report.css").read_text(encoding="utf-8")
    return templates(TEMPLATES, REPORT).get_template("comparison.html.j2").render(
        record=record, style=style, opening=opening(record), runs=runs_table(record),
        criteria=criteria_table(record), pairs=[_pair(pair) for pair in record["pairs"]], speed=speed_table(record),
        doctor=doctor_table(record), charts=[chart for chart in (curves(record, what) for what in ("vectors", "geometry", "training")) if chart],
    )  # fmt: skip


def opening(record: JsonObject) -> str:
    """One paragraph: how many runs of what, what passes, and what the pairs show."""
    models = {run["model_sha256"] for run in record["runs"]}
    passing = [f"{run['name']} {run['verdicts'].get('pass', 0)}" for run in record["runs"]]
    most = max(len(run["criteria"]) for run in record["runs"])
    apart = [(pair, row) for pair in record["pairs"] for row in pair["criteria"] if row["apart"]]
    told = (
        f"In {count(len(apart), 'case')} the 95 % intervals of two runs do not overlap for a criterion: "
        + "; ".join(f"{row['id']} of {pair['runs'][0]} and {pair['runs'][1]}" for pair, row in apart[:6])
        + ("." if len(apart) <= 6 else " and others.")
        if apart
        else _none_apart(record)
    )
    return (
        f"{count(len(record['runs']), 'run')} of {count(len(models), 'model')}. Of {most} criteria pass: {', '.join(passing)}. {told} "
        "Intervals that overlap don't show that two runs are equal, and nothing here says that one is better."
    )


def _none_apart(record: JsonObject) -> str:
    """That no criterion tells two runs apart, of those whose intervals can be compared."""
    rows = [row["apart"] for pair in record["pairs"] for row in pair["criteria"]]
    known = sum(row is not None for row in rows)
    if not known:
        return "No criterion has intervals of two runs that can be compared."
    rest = (
        f" ({number(len(rows) - known)} can't be compared: no interval, or out of another number)"
        if known < len(rows)
        else ""
    )
    return (
        f"The 95 % intervals of two runs overlap in {'the one comparison' if known == 1 else f'all {number(known)} comparisons'} of a criterion{rest}, "
        "so no difference of a criterion is established."
    )


def runs_table(record: JsonObject) -> Table:
    """What each run is."""
    columns = (
        "Run",
        "Model",
        "Layers x width",
        "Layer",
        "Stimuli",
        "Written by",
        "Emotions",
        "Stories",
        "Format",
        "Split-half r",
    )
    rows = tuple(
        (
            Cell(run["name"]), Cell(run["model"]), Cell(f"{run['layers']} x {run['width']}", "number"), Cell(str(run["layer"]), "number"),
            Cell(run["stimuli"]), Cell(str(run["writer"])), Cell(number(run["emotions"]), "number"), Cell(number(run["stories"]), "number"),
            Cell(run["prompt_format"]), Cell(fixed(run["reliability"]) if run["reliability"] is not None else "not measured", "number"),
        )
        for run in record["runs"]
    )  # fmt: skip
    return Table("The runs", columns, rows)


def criteria_table(record: JsonObject) -> Table:
    """Both verdicts, value and interval of every criterion in every run."""
    names = {name: one["name"] for run in reversed(record["runs"]) for name, one in run["criteria"].items()}
    rows = []
    for name in sorted(names, key=lambda one: int(one[1:])):
        cells = [Cell(f"{name} {names[name]}")]
        for run in record["runs"]:
            one = run["criteria"].get(name)
            if one is None:
                cells += [Cell(""), Cell(NOT_JUDGED)]
                continue
            of = f" of {number(one['of'])}" if one["of"] else ""
            cells += [
                Cell(f"{number(one['value'])}{of} [{interval(one['interval'])}]", "number"),
                Cell(f"{one['verdict']} (threshold alone: {one['seed_verdict']})", f"verdict {css(one['verdict'])}"),
            ]
        rows.append(tuple(cells))
    heads = [head for run in record["runs"] for head in (run["name"], "verdict")]
    return Table(
        "V1 to V11",
        ("Criterion", *heads),
        tuple(rows),
        "Value with its 95 % interval; the verdict also depends on the nulls.",
    )


def _pair(pair: JsonObject) -> JsonObject:
    """Sentences about two runs, and a table of the emotions that agree least and most."""
    a, b = pair["runs"]
    said = [
        f"They differ in {', '.join(pair['differ'])}."
        if pair["differ"]
        else "Model, stimuli, writer and settings are the same."
    ]
    vectors, geometry, liked = pair["vectors"], pair["geometry"], pair["preferences"]
    if pair["shared_stories"]:
        said.append(
            f"{_shared(pair['shared_stories'])} the same texts in both runs. What their vectors have in common may "
            "then come from these texts, and says little about emotions."
        )
    if vectors:
        said.append(
            f"Vectors at layer {vectors['layer']}: the cosine of an emotion with itself is {fixed(vectors['mean'])} on average over "
            f"{count(vectors['emotions'], 'emotion')} (95 % interval {interval(vectors['interval'])}; {fixed(vectors['null'])} with the "
            f"emotions shuffled, {p_value(vectors['p'])}). 5 % of the cosines with other emotions are above {fixed(vectors['other_95'])}. "
            f"{number(vectors['found'])} of {number(vectors['emotions'])} are nearest to themselves."
        )
    else:
        said.append(f"Vectors: not compared, because {pair['vectors_reason']}.")
    if geometry:
        said.append(
            f"Geometry at layers {geometry['layers'][0]} and {geometry['layers'][1]}: Spearman's r between the emotions' cosines with each "
            f"other is {fixed(geometry['r'])} (95 % interval {interval(geometry['interval'])}, {p_value(geometry['p'])})."
        )
        said.append(_words(geometry))
    else:
        said.append(f"Geometry: not compared, because {pair['geometry_reason']}.")
    if liked:
        said.append(
            f"Preferences: the scores of {count(liked['items'], 'activity', 'activities')} agree with r = {fixed(liked['r'])} (95 % interval "
            f"{interval(liked['interval'])}, {p_value(liked['p'])})."
        )
    else:
        said.append(f"Preferences: not compared, because {pair['preferences_reason']}.")
    changed = pair["training"]
    said += (
        training_seen(pair["runs"], changed)
        if changed
        else [f"Before and after training: not compared, because {pair['training_reason']}."]
    )
    shown = (("Emotion by emotion", _emotions(pair)), ("The shift of training", training_table(pair["runs"], changed)))
    tables = [(summary, table) for summary, table in shown if table]
    return {"title": f"{a} and {b}", "sentences": said, "tables": tables}


def _shared(share: float) -> str:
    """How many of the smaller corpus' stories the other one has, as a clause without its end."""
    if share == 1:
        return "All stories of the run with fewer, or of both, are"
    return f"{'Under 1 %' if share < 0.005 else percent(min(share, 0.99), 1)} of the stories of the run with fewer are"


def _words(geometry: JsonObject) -> str:
    """Whether the geometries agree by more than the words of the stories give."""
    found = geometry["words"]
    if found is None:
        return f"Words of the stories: not compared, because {geometry['words_reason']}; so it is not known how much of the geometry comes from them."
    judged = sided(
        found["interval"], "more than the words give", "less than the words give", "not shown to be more than the words give"
    )  # fmt: skip
    return (
        f"Words of the stories (TF-IDF): those of one run alone reach r = {fixed(found['bar'])} at most with the vectors of the other. The vectors' r less that is "
        f"{fixed(found['difference'])} (95 % interval {interval(found['interval'], 2)}): {judged}. Given the words of both runs r is {fixed(found['partial'])} (95 % interval {interval(found['partial_interval'], 2)})."
    )


def _emotions(pair: JsonObject, most: int = 5) -> Table | None:
    if not pair["vectors"]:
        return None
    order = sorted(zip(pair["vectors"]["cosine"], pair["emotions"], strict=True), reverse=True)
    shown = order if len(order) <= 2 * most else [*order[:most], *order[-most:]]
    rows = tuple((Cell(emotion), Cell(fixed(value), "number")) for value, emotion in shown)
    return Table(
        "Cosine of an emotion's vector in one run with that in the other, highest and lowest",
        ("Emotion", "Cosine"),
        rows,
    )


def speed_table(record: JsonObject) -> Table:
    """Rates of the stages, as each run measured them on its machine."""
    stages = list(dict.fromkeys(name for run in record["runs"] for name in run["speed"]))
    rows = []
    for name in stages:
        cells = [Cell(name)]
        for run in record["runs"]:
            one = run["speed"].get(name)
            cells.append(Cell(f"{number(one['rate'])} {one['unit']}/s" if one else "not run", "number"))
        rows.append(tuple(cells))
    return Table(
        "Speed",
        ("Stage", *(run["name"] for run in record["runs"])),
        tuple(rows),
        "Each run's rates are those of the machine it was made on.",
    )


def doctor_table(record: JsonObject) -> Table:
    """What the self-checks found in each run."""
    rows = [
        (
            Cell(run["name"]),
            Cell(check["name"]),
            Cell("failed" if check["kind"] == "stop" else "warns"),
            Cell(check["detail"], "reason"),
        )
        for run in record["runs"]
        for check in run["doctor"]
    ] or [(Cell("all runs"), Cell(""), Cell("none"), Cell("No self-check that is in the records failed."))]
    return Table("Self-checks that did not pass", ("Run", "Check", "", "What it says"), tuple(rows))


def curves(record: JsonObject, what: str) -> dict[str, str] | None:
    """A line for each pair: cosine by layer, or similarity of geometry by relative depth; None where no pair has it."""
    rows = []
    for pair in record["pairs"]:
        label = " / ".join(pair["runs"])
        if what == "vectors" and pair["vectors"]:
            rows += [{"pair": label, "x": float(row["layer"]), "y": row["mean"]} for row in pair["vectors"]["by_layer"]]
        if what == "geometry" and pair["geometry"]:
            rows += [{"pair": label, "x": row["depth"], "y": row["r"]} for row in pair["geometry"]["by_depth"]]
        if what == "training" and pair["training"]:
            for name, key in (("emotions", "shift"), ("random directions", "random_shift")):
                rows += [
                    {"pair": f"{label}, {name}", "x": float(row["layer"]), "y": row[key]}
                    for row in pair["training"]["by_layer"]
                ]
    if not rows:
        return None
    title, x, y = {
        "training": (
            "How far the second model moves along the first one's vectors, layer by layer",
            "layer",
            "mean size of the shift (cosine)",
        ),
        "vectors": ("The same emotion in two runs of one model, layer by layer", "layer", "mean cosine"),
        "geometry": (
            "How alike the emotions' distances are, at the same relative depth",
            "depth, 0 first block to 1 last",
            "Spearman r",
        ),
    }[what]
    drawn = (
        alt.Chart(pl.DataFrame(rows))
        .mark_line(point=True)
        .encode(
            alt.X("x:Q", title=x), alt.Y("y:Q", title=y), alt.Color("pair:N", title=None, scale=alt.Scale(range=list(CATEGORY_COLOURS))),
            alt.StrokeDash("pair:N", title=None),
        )
        .properties(width=620, height=260)
    )  # fmt: skip
    svg = vl_convert.vegalite_to_svg(drawn.to_dict(), vl_version=VEGA_LITE)
    return {"title": title, "picture": svg_uri(svg)}
