"""The preferences tab."""

from __future__ import annotations

from typing import Any

import gradio as gr
import polars as pl

from emotion_vectors.experiments.steering.record import Steering
from emotion_vectors.explorer.markup import notice
from emotion_vectors.explorer.runs import Run
from emotion_vectors.explorer.tabs.shared import Explorer, refreshes, told
from emotion_vectors.explorer.views import preferences as view

# A click on an activity, or Enter on it, asks for the pairs behind its score.
CHOOSE = """
element.addEventListener('click', (event) => {
  const link = event.target.closest('[data-row]');
  if (link) trigger('click', {row: Number(link.dataset.row)});
});
"""
UNSTEERED = "nothing (unsteered scores only)"


def build(explorer: Explorer, chooser: gr.Dropdown, page: gr.Blocks) -> None:
    """Every activity with its scores, and the pairs behind the score of one."""
    with gr.Row():
        steered = gr.Dropdown(
            [UNSTEERED], value=UNSTEERED, label="Steered with", min_width=220, elem_id="ev-steered-with"
        )
        category = gr.Dropdown([view.EVERY], value=view.EVERY, label="Category", min_width=160, elem_id="ev-category")
        sort = gr.Dropdown(list(view.SORTS), value=view.SORTS[0], label="Sort", min_width=200, elem_id="ev-sort")
    listed = gr.HTML(js_on_load=CHOOSE, elem_id="ev-activities")
    activity = gr.Dropdown([], label="Show the pairs behind the score of", elem_id="ev-activity")
    pairs = gr.HTML(elem_id="ev-pairs")

    def choose(name: str) -> list[Any]:
        run = explorer.run(name)
        scores = run.table("scores")
        if scores is None:
            nothing = [
                gr.update(choices=[UNSTEERED], value=UNSTEERED),
                gr.update(choices=[view.EVERY], value=view.EVERY),
            ]
            return [
                *nothing,
                gr.update(choices=[], value=None),
                notice("info", *run.lacks(*view.NOT_YET)),
                "",
            ]
        labels = [condition.label for condition in _conditions(run)]
        with_ = labels[0] if labels else UNSTEERED
        activities = [(text, row) for row, text in enumerate(scores["text"].to_list())]
        first = int(scores["nats"].arg_max() or 0)
        return [
            gr.update(choices=[UNSTEERED, *labels], value=with_),
            gr.update(choices=[view.EVERY, *scores["category"].unique(maintain_order=True).to_list()], value=view.EVERY),
            gr.update(choices=activities, value=first),
            told(show)(name, with_, view.EVERY, view.SORTS[0]), told(show_pairs)(name, with_, first),
        ]  # fmt: skip

    def show(name: str, with_: str, wanted: str, order: str) -> str:
        run = explorer.run(name)
        scores, condition = run.table("scores"), _condition(run, with_)
        if scores is None:
            return notice("info", *run.lacks(*view.NOT_YET))
        rows = view.ordered(view.scored(scores, _asked(run, condition)), wanted, order)
        return view.usable(run) + view.activities_table(rows, condition)

    def show_pairs(name: str, with_: str, row: int | None) -> str:
        run = explorer.run(name)
        scores = run.table("scores")
        if scores is None or row is None:
            return ""
        return view.pairs_table(scores, _asked(run, _condition(run, with_)), int(row))

    def pick(name: str, with_: str, event: gr.EventData) -> list[Any]:
        row = event._data.get("row") if isinstance(event._data, dict) else None
        scores = explorer.run(name).table("scores")
        if scores is None or not isinstance(row, int) or not 0 <= row < len(scores):
            return [gr.skip(), gr.skip()]
        return [row, told(show_pairs)(name, with_, row)]

    listed.click(pick, [chooser, steered], [activity, pairs], show_progress="hidden")
    gr.on(
        refreshes(page, chooser), choose, chooser, [steered, category, activity, listed, pairs], show_progress="hidden"
    )
    gr.on(
        [steered.input, category.input, sort.input],
        told(show),
        [chooser, steered, category, sort],
        listed,
        show_progress="hidden",
    )
    gr.on(
        [steered.input, activity.input], told(show_pairs), [chooser, steered, activity], pairs, show_progress="hidden"
    )


def _settings(run: Run) -> tuple[int, float]:
    """The layer and strength that the run itself steers with."""
    found = run.part(Steering)
    return (found.layer, float(found.strength)) if found else (run.vectors.layer if run.vectors else 0, 0.5)


def _conditions(run: Run) -> list[view.Steered]:
    return view.conditions(run.table("steering"), *_settings(run))


def _condition(run: Run, label: str) -> view.Steered | None:
    return next((condition for condition in _conditions(run) if condition.label == label), None)


def _asked(run: Run, condition: view.Steered | None) -> pl.DataFrame:
    choices = run.table("choices")
    assert choices is not None  # scores are made from it
    return view.asked(choices, run.table("steering"), _settings(run)[0], condition)
