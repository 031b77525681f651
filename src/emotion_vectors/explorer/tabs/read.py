"""The read tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.markup import notice
from emotion_vectors.explorer.tabs.reading import read
from emotion_vectors.explorer.tabs.shared import Explorer, refreshes
from emotion_vectors.explorer.views import heat
from emotion_vectors.explorer.views import read as view

if TYPE_CHECKING:
    from emotion_vectors.vectors.reading import Reading

PLAIN, CHAT = "Plain text", "Chat (User: and Assistant: lines)"


class Kept(NamedTuple):
    """What this visitor read last."""

    run: str
    written: str
    form: str
    reading: Reading


def build(explorer: Explorer, chooser: gr.Dropdown, page: gr.Blocks) -> None:
    """A text on the left, the same text coloured on the right."""
    kept = gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            form = gr.Radio([PLAIN, CHAT], value=PLAIN, label="Read as", elem_id="ev-form")
            written = gr.Textbox(view.EXAMPLE_TEXT, label="Text", lines=7, max_lines=16, elem_id="ev-written")
            with gr.Row(equal_height=True):
                # On a phone Read has the whole width, and the two examples share the row below.
                go = gr.Button("Read", variant="primary", min_width=250, elem_id="ev-read")
                example_text = gr.Button("Example text", size="sm", min_width=90)
                example_chat = gr.Button("Example chat", size="sm", min_width=90, elem_id="ev-example-chat")
            emotion = gr.Dropdown([], label="Emotion", elem_id="ev-emotion")
            layer = gr.Slider(0, 1, step=1, value=0, label="Layer", elem_id="ev-layer")
            scale = gr.Radio(
                [(title, key) for key, title in view.SCALES.items()], value="centred", label="Scale", elem_id="ev-scale"
            )
            template = gr.Checkbox(
                False, label="Strongest tokens also from the chat template's own", elem_id="ev-template"
            )
        with gr.Column(scale=3, min_width=320):
            coloured = gr.HTML(elem_id="ev-coloured")
            strongest = gr.HTML(elem_id="ev-summary")
            share = gr.HTML(elem_id="ev-share")
            with gr.Accordion("Heat map: tokens × emotions, tokens × layers", open=False):
                kind = gr.Radio(
                    [heat.EMOTIONS, heat.LAYERS], value=heat.EMOTIONS, label="Heat map of", elem_id="ev-heat-kind"
                )
                draw = gr.Button("Draw", size="sm", elem_id="ev-heat-draw")
                picture = gr.HTML(elem_id="ev-heat")
            with gr.Accordion("Every token as a table", open=False):
                table = gr.HTML(elem_id="ev-tokens")
    results = [coloured, strongest, table, share]

    def not_here(visit: gr.Request, name: str) -> str:
        vectors = explorer.run(name).vectors
        if vectors is None:
            return ""
        return heat.elsewhere(visit.query_params, name, explorer.folders, vectors.emotions, len(vectors.raw))

    def choose(name: str, visit: gr.Request) -> list[Any]:
        vectors = explorer.run(name).vectors
        asked = heat.linked(visit.query_params, name)
        empty = [not_here(visit, name) + view.waiting(vectors is not None), "", "", "", None, ""]
        put = [gr.skip(), gr.skip()] if asked is None else [CHAT if asked.form == "chat" else PLAIN, asked.written]
        if vectors is None:
            return [gr.update(choices=[], value=None), gr.update(value=0), *empty, *put]
        first = "calm" if "calm" in vectors.emotions else vectors.emotions[0]
        at = vectors.layer
        if asked is not None:
            first = asked.emotion if asked.emotion in vectors.emotions else first
            at = asked.layer if asked.layer is not None and asked.layer < len(vectors.raw) else at
        layers = gr.update(maximum=len(vectors.raw) - 1, value=at)
        return [
            gr.update(choices=list(vectors.emotions), value=first, label=vectors.concept.capitalize()),
            layers,
            *empty,
            *put,
        ]

    def read_linked(
        visit: gr.Request, name: str, text: str, how: str, feeling: str, at: float, unit: view.Scale, own: bool
    ) -> list[Any]:  # fmt: skip
        if heat.linked(visit.query_params, name) is None or explorer.run(name).vectors is None:
            return [gr.skip()] * 5
        coloured, *others = read_now(name, text, how, feeling, at, unit, own)
        return [not_here(visit, name) + coloured, *others]

    def draw_heat(name: str, state: Kept | None, feeling: str, at: float, of: str) -> str:
        if state is None or state.run != name or int(at) not in state.reading.layers:
            return notice("info", "Press Read first.", "The heat map shows the text that was read last.")
        return heat.heat_map(state.reading, feeling, int(at), of)

    def read_now(name: str, text: str, how: str, feeling: str, at: float, unit: view.Scale, own: bool) -> list[Any]:
        try:
            reading = read(explorer, name, view.parse(text, how == CHAT), int(at))
            return [
                *drawn(explorer, name, reading, feeling, int(at), unit, own),
                shared(name, text, how, feeling, at),
                Kept(name, text, how, reading),
            ]
        except UserError as error:
            return [notice("error", str(error)), "", "", "", None]

    def draw_again(name: str, state: Kept | None, feeling: str, at: float, unit: view.Scale, own: bool) -> list[Any]:
        if state is None or state.run != name:
            return [gr.skip()] * 5
        if int(at) not in state.reading.layers:
            return read_now(name, state.written, state.form, feeling, at, unit, own)
        return [
            *drawn(explorer, name, state.reading, feeling, int(at), unit, own),
            shared(name, state.written, state.form, feeling, at),
            gr.skip(),
        ]

    asked_for = [chooser, written, form, emotion, layer, scale, template]
    gr.on(
        refreshes(page, chooser), choose, chooser, [emotion, layer, *results, kept, picture, form, written], show_progress="hidden"
    ).then(read_linked, asked_for, [*results, kept], show_progress_on=coloured)  # fmt: skip
    draw.click(draw_heat, [chooser, kept, emotion, layer, kind], picture, show_progress_on=picture)
    go.click(
        read_now, [chooser, written, form, emotion, layer, scale, template], [*results, kept], show_progress_on=coloured
    )
    gr.on(
        [emotion.input, layer.release, layer.input, scale.input, template.input], draw_again, [chooser, kept, emotion, layer, scale, template], [*results, kept],
        show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    example_text.click(lambda: [PLAIN, view.EXAMPLE_TEXT], None, [form, written], show_progress="hidden")
    example_chat.click(lambda: [CHAT, view.EXAMPLE_CHAT], None, [form, written], show_progress="hidden")


def shared(name: str, written: str, how: str, emotion: str, layer: float) -> str:
    """The link to one reading."""
    return heat.link(name, written, "chat" if how == CHAT else "text", emotion, int(layer))


def drawn(
    explorer: Explorer, name: str, reading: Reading, emotion: str, layer: int, scale: view.Scale, template: bool
) -> list[str]:
    """Coloured tokens, summary and table of one reading."""
    shown, vectors = view.show(reading, emotion, layer, scale), explorer.run(name).vectors
    calibration = None if vectors is None else vectors.calibration
    columns = [] if vectors is None else [vectors.index(one) for one in reading.emotions]
    return [
        view.in_sample(reading) + view.control(reading) + view.tokens(shown),
        view.summary(shown, calibration, columns) + view.passages(shown, 5, template),
        view.token_table(shown),
    ]
