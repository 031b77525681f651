"""The map tab: a point or a name chooses an emotion."""

from __future__ import annotations

from typing import Any

import gradio as gr

from emotion_vectors.explorer.tabs.shared import Explorer, refreshes
from emotion_vectors.explorer.views import emotion_map as view

VALENCE = "Valence"
# A click on a point, or Enter on it, sends its emotion to the server.
CHOOSE = """
const send = (event) => {
  const point = event.target.closest('[data-emotion]');
  if (point) { event.preventDefault(); trigger('click', {emotion: point.dataset.emotion}); }
};
element.addEventListener('click', send);
element.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') send(event); });
"""


def build(explorer: Explorer, chooser: gr.Dropdown, page: gr.Blocks) -> None:
    """The map, and beside it what is near the chosen emotion and which tokens it promotes."""
    with gr.Row():
        emotion = gr.Dropdown([], label="Emotion", min_width=200, elem_id="ev-map-emotion")
        layer = gr.Slider(0, 1, step=1, value=0, label="Layer", min_width=200, elem_id="ev-map-layer")
        shown = gr.Dropdown([VALENCE], value=VALENCE, label="Marks show", min_width=200, elem_id="ev-map-shown")
    with gr.Row():
        with gr.Column(scale=3, min_width=340):
            drawn = gr.HTML(js_on_load=CHOOSE, elem_id="ev-map")
        with gr.Column(scale=2, min_width=300):
            near = gr.HTML(elem_id="ev-near")

    def choose(name: str) -> list[Any]:
        run = explorer.run(name)
        vectors = run.vectors
        if vectors is None:
            return [
                gr.update(choices=[], value=None),
                gr.update(value=0),
                gr.update(choices=[VALENCE], value=VALENCE),
                view.emotion_map(run, 0, None),
                "",
            ]
        first = "calm" if "calm" in vectors.emotions else vectors.emotions[0]
        return [
            gr.update(choices=list(vectors.emotions), value=first), gr.update(maximum=len(vectors.raw) - 1, value=vectors.layer),
            gr.update(choices=[VALENCE, *view.shades(run)], value=VALENCE), *draw(name, first, vectors.layer, VALENCE),
        ]  # fmt: skip

    def draw(name: str, chosen: str | None, at: float, marks: str | None) -> list[str]:
        run = explorer.run(name)
        where = min(int(at), len(run.vectors.raw) - 1) if run.vectors else 0
        return [view.emotion_map(run, where, chosen, marks), view.neighbours(run, chosen or "", where)]

    def pick(name: str, at: float, marks: str | None, event: gr.EventData) -> list[Any]:
        data = event._data if isinstance(event._data, dict) else {}
        run = explorer.run(name)
        chosen = data.get("emotion")
        if run.vectors is None or chosen not in run.vectors.emotions:
            return [gr.skip(), gr.skip(), gr.skip()]
        return [chosen, *draw(name, chosen, at, marks)]

    gr.on(refreshes(page, chooser), choose, chooser, [emotion, layer, shown, drawn, near], show_progress="hidden")
    gr.on(
        [emotion.input, layer.release, layer.input, shown.input],
        draw,
        [chooser, emotion, layer, shown],
        [drawn, near],
        show_progress="hidden",
    )
    drawn.click(pick, [chooser, layer, shown], [emotion, drawn, near], show_progress="hidden")
