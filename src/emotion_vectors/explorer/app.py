"""The page: a chooser of runs on top, six tabs below. Wires the tabs; holds what all visitors share."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.themes import Base

from emotion_vectors.explorer.models import Models
from emotion_vectors.explorer.tabs import emotion_map, preferences, read, steer, stories, verdicts
from emotion_vectors.explorer.tabs.shared import Explorer
from emotion_vectors.explorer.views.overview import TITLE, overview

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Helvetica Neue", "Arial", "sans-serif")
TABS = (
    ("Read", read),
    ("Steer", steer),
    ("Preferences", preferences),
    ("Map", emotion_map),
    ("Stories", stories),
    ("Verdicts", verdicts),
)


def theme() -> Base:
    """A plain theme with the fonts of the visitor's own system; gradio's default theme asks another machine for fonts."""
    made = Base(
        primary_hue="blue", neutral_hue="gray", font=list(FONTS), font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"], radius_size="sm"
    )  # fmt: skip
    return made.set(
        button_primary_background_fill="#005a8f", button_primary_background_fill_hover="#00426a", button_primary_text_color="#ffffff",
        button_primary_background_fill_dark="#005a8f", button_primary_background_fill_hover_dark="#00426a", button_primary_text_color_dark="#ffffff",
        slider_color="#005a8f", block_label_text_color="#1f2328", block_title_text_color="#1f2328",
        block_label_text_color_dark="#e6edf3", block_title_text_color_dark="#e6edf3", slider_color_dark="#56b4e9",
    )  # fmt: skip


def asset(name: str) -> str:
    """One of the page's own files: style.css or page.js."""
    return (files("emotion_vectors.explorer") / "assets" / name).read_text(encoding="utf-8")


def make_page(folders: dict[str, Path], models: Models) -> gr.Blocks:
    """The page over the run folders, by name; see `runs.names`."""
    explorer = Explorer(folders, models)
    first = next(iter(folders))
    with gr.Blocks(title="emotion-vectors explorer", analytics_enabled=False) as page:
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300):
                about = gr.HTML(TITLE, elem_id="ev-about")
            chooser = gr.Dropdown(list(folders), value=first, label="Run", scale=1, min_width=220, elem_id="ev-run")

        def tell(name: str) -> str:
            return overview(explorer.run(name))

        def wanted(visit: gr.Request) -> Any:
            run = visit.query_params.get("run", first)
            return run if run in folders else first

        page.load(wanted, None, chooser, show_progress="hidden")
        gr.on([page.load, chooser.change], tell, chooser, about, show_progress="hidden")
        with gr.Tabs(overflow_behavior="wrap"):  # on a phone: two lines, in place of a menu that hides most of them
            for title, tab in TABS:
                with gr.Tab(title, render_children=True):
                    tab.build(explorer, chooser, page)
    page.queue(default_concurrency_limit=8, api_open=False)
    return page
