"""The stories tab."""

from __future__ import annotations

from typing import Any

import gradio as gr
import polars as pl

from emotion_vectors.explorer.markup import notice
from emotion_vectors.explorer.tabs.reading import read
from emotion_vectors.explorer.tabs.shared import Explorer, refreshes, told
from emotion_vectors.explorer.views import read as reading_view
from emotion_vectors.explorer.views import stories as view


def build(explorer: Explorer, chooser: gr.Dropdown, page: gr.Blocks) -> None:
    """The corpus with filters, one story, and its strongest tokens."""
    summary = gr.HTML(elem_id="ev-corpus")
    with gr.Row():
        emotion = gr.Dropdown(
            [view.EVERY], value=view.EVERY, label="Emotion", min_width=190, elem_id="ev-story-emotion"
        )
        state = gr.Dropdown(
            list(view.STATES), value=view.STATES[0], label="Show", min_width=190, elem_id="ev-story-state"
        )
        words = gr.Textbox("", label="Contains the words", min_width=190, elem_id="ev-story-words")
        number = gr.Number(1, label="Page", minimum=1, precision=0, min_width=80, elem_id="ev-story-page")
    chosen = gr.Dropdown([], label="Story", elem_id="ev-story-chosen")
    shown = gr.HTML(elem_id="ev-story")
    go = gr.Button("Find its strongest tokens", elem_id="ev-story-read")
    found = gr.HTML(elem_id="ev-story-tokens")
    listing = gr.State(("", 1))  # the words and the page of what is listed

    def stories(name: str) -> pl.DataFrame | None:
        return explorer.run(name).table("stories")

    def choose(name: str) -> list[Any]:
        table = stories(name)
        names = [] if table is None else table["emotion"].unique().sort().to_list()
        about = view.corpus_summary(explorer.run(name), table)
        return [
            about,
            gr.update(choices=[view.EVERY, *names], value=view.EVERY),
            *listed(name, view.EVERY, view.STATES[0], "", 1),
        ]

    def listed(name: str, feeling: str, which: str, holding: str, page_number: float | None) -> list[Any]:
        table = stories(name)
        if table is None:
            return [gr.update(choices=[], value=None), gr.update(label="Page", value=1), "", "", (holding, 1)]
        selected = view.select(table, feeling, which, holding)
        pages = view.pages(selected)
        at = min(max(int(page_number or 1), 1), pages)
        options = view.choices(selected, at)
        first = options[0][1] if options else None
        nothing = notice("info", "No story matches these filters.", "Choose another emotion or other words.")
        label = f"Page (of {pages}; {len(selected):,} stories)"
        return [
            gr.update(choices=options, value=first), gr.update(label=label, value=at),
            nothing if first is None else show(name, first), "", (holding, at),
        ]  # fmt: skip

    def first_page(name: str, feeling: str, which: str, holding: str) -> list[Any]:
        return listed(name, feeling, which, holding, 1)

    def typed(
        name: str, feeling: str, which: str, holding: str, page_number: float | None, before: tuple[str, int]
    ) -> Any:
        """Words or a page that somebody typed; a field that was only passed through changes nothing."""
        if (holding, page_number) == tuple(before):
            return [gr.skip()] * len(lists)
        return listed(name, feeling, which, holding, page_number if holding == before[0] else 1)

    def show(name: str, row: int | None) -> str:
        table = stories(name)
        if table is None or row is None:
            return ""
        story = table.row(int(row), named=True)
        prompts = explorer.run(name).table("story_prompts")
        asked = (
            None
            if prompts is None
            else prompts.filter(pl.col("prompt_sha256") == story["prompt_sha256"])["prompt"].to_list()
        )
        return view.story(story, asked[0] if asked else None)

    def strongest(name: str, row: int | None) -> str:
        table, run = stories(name), explorer.run(name)
        if table is None or row is None or run.vectors is None:
            return notice(
                "info",
                "This run has no vectors yet, so its stories can't be read.",
                "Run the same command again to continue.",
            )
        story = table.row(int(row), named=True)
        if story["emotion"] not in run.vectors.emotions:
            return notice("info", "This run has no vector of the story's emotion.")
        reading = read(explorer, name, story["text"], run.vectors.layer)
        drawn = reading_view.show(reading, story["emotion"], run.vectors.layer, "centred")
        return reading_view.in_sample(reading) + reading_view.tokens(drawn) + reading_view.passages(drawn)

    lists = [chosen, number, shown, found, listing]
    gr.on(refreshes(page, chooser), choose, chooser, [summary, emotion, *lists], show_progress="hidden")
    gr.on(
        [emotion.input, state.input],
        first_page,
        [chooser, emotion, state, words],
        lists,
        show_progress="hidden",
    )
    gr.on(
        [words.submit, words.blur, number.submit, number.blur],
        typed,
        [chooser, emotion, state, words, number, listing],
        lists,
        show_progress="hidden",
    )

    chosen.input(
        lambda name, row: [told(show)(name, row), ""], [chooser, chosen], [shown, found], show_progress="hidden"
    )
    go.click(told(strongest), [chooser, chosen], found)
