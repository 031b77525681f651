"""The verdicts tab."""

from __future__ import annotations

import gradio as gr

from emotion_vectors.explorer.tabs.shared import Explorer, refreshes
from emotion_vectors.explorer.views import verdicts as view


def build(explorer: Explorer, chooser: gr.Dropdown, page: gr.Blocks) -> None:
    """All criteria of the chosen run."""
    shown = gr.HTML(elem_id="ev-verdicts")

    def show(name: str) -> str:
        return view.verdicts(explorer.run(name))

    gr.on(refreshes(page, chooser), show, chooser, shown, show_progress="hidden")
