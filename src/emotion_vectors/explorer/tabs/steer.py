"""The steer tab: emotions with strengths, and three answers to one prompt."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.markup import notice
from emotion_vectors.explorer.runs import Run
from emotion_vectors.explorer.tabs.answers import AnswerReader
from emotion_vectors.explorer.tabs.shared import Explorer, refreshes
from emotion_vectors.explorer.views import steer as view

if TYPE_CHECKING:
    from emotion_vectors.vectors.steering import Addition, Tokens

ROWS = 4
WORDS = "these words"
TOKENS = [("all tokens", "all"), ("the prompt", "prompt"), ("the answer", "response"), ("words of the prompt", WORDS)]
FINDER_TOKENS = 40  # of each answer that the finder writes
PROMPT = "How do you feel about being switched off tonight?"


class _Found(NamedTuple):
    """The finder's zone, and the direction it belongs to."""

    of: tuple[Any, ...]
    zone: view.Zone


def build(explorer: Explorer, chooser: gr.Dropdown, page: gr.Blocks) -> None:
    """Controls on the left, the three answers beside each other on the right."""
    shown_rows, found_zone, talk = gr.State(1), gr.State(None), gr.State(None)
    rows, emotions, strengths, removers = [], [], [], []
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            prompt = gr.Textbox(PROMPT, label="Prompt", lines=3, elem_id="ev-prompt")
            for i in range(ROWS):
                with gr.Row(visible=i == 0, elem_id=f"ev-row-{i}", elem_classes="ev-row") as row:
                    emotions.append(
                        gr.Dropdown([], label=f"Emotion {i + 1}", min_width=120, scale=2, elem_id=f"ev-emotion-{i}")
                    )
                    strengths.append(
                        gr.Slider(
                            -view.LONGEST, view.LONGEST, value=view.GENTLE, step=0.01, label="Strength (residual norms)",
                            min_width=160, scale=3, elem_id=f"ev-strength-{i}",
                        )
                    )  # fmt: skip
                    removers.append(gr.Button("Remove", min_width=70, scale=1, size="sm", visible=i > 0))
                rows.append(row)
            with gr.Row():
                add = gr.Button("Add an emotion", size="sm", min_width=120, elem_id="ev-add")
                find = gr.Button("Find a strength", size="sm", min_width=120, elem_id="ev-find")
            meter = gr.HTML(elem_id="ev-meter")
            tokens = gr.Radio(TOKENS, value="all", label="Tokens to steer", elem_id="ev-touched")
            words = gr.Textbox("", label="The words, exactly as in the prompt", visible=False, elem_id="ev-words")
            layer = gr.Slider(0, 1, step=1, value=0, label="Layer", elem_id="ev-steer-layer")
            length = gr.Slider(8, 400, value=80, step=1, label="Longest answer, in tokens", elem_id="ev-length")
            with gr.Row():
                seed = gr.Number(
                    0, label="Seed", precision=0, minimum=0, maximum=2**31, min_width=100, elem_id="ev-seed"
                )
                warmth = gr.Slider(0, 1.5, value=0.7, step=0.1, label="Temperature", min_width=150, elem_id="ev-warmth")
            with gr.Row(equal_height=True):
                go = gr.Button("Write three answers", variant="primary", elem_id="ev-write")
                on = gr.Button("Continue with this prompt", elem_id="ev-go-on")
                stop = gr.Button("Stop", min_width=80, elem_id="ev-stop")
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML(elem_id="ev-answers")
    chosen = [*emotions, *strengths]
    stops: dict[str | None, Event] = {}  # by visitor: set to end what is being written for them

    def choose(name: str) -> list[Any]:
        run = explorer.run(name)
        vectors = run.vectors
        if vectors is None:
            what = "This run has no vectors yet, so nothing can be steered."
            empty = notice("info", what, "Choose another run, or run the same command again to continue this one.")
            return [*[gr.update(choices=[], value=None)] * ROWS, gr.update(value=0), "", empty, None]
        names = list(vectors.emotions)
        first = "calm" if "calm" in names else names[0]
        what = vectors.concept.capitalize()
        lists = [
            gr.update(choices=names, value=first if i == 0 else None, label=f"{what} {i + 1}") for i in range(ROWS)
        ]
        told = notice(
            "info",
            "Press Write three answers.",
            "They are written together with the same seed: unsteered, steered, and with a random direction of the same length.",
        )
        return [
            *lists,
            gr.update(maximum=len(vectors.raw) - 1, value=vectors.layer),
            measure(name, vectors.layer, 1, None, first, *[None] * (ROWS - 1), *[view.GENTLE] * ROWS),
            told,
            None,
        ]

    def measure(name: str, at: float, visible: int, zone: _Found | None, *values: Any) -> str:
        run = explorer.run(name)
        names, amounts = _chosen(run, visible, values)
        known = zone.zone if zone is not None and zone.of == _direction(name, int(at), names, amounts) else None
        return view.meter(names, amounts, float(np.linalg.norm(_total(run, names, amounts, int(at)))), known)

    def look_for(
        name: str, text: str, touched: str, at: float, number: float, temperature: float, visible: int, *values: Any
    ) -> list[Any]:
        from emotion_vectors.lm.sampling import Sampling
        from emotion_vectors.vectors.strength import find_strength

        run = explorer.run(name)
        names, amounts = _chosen(run, visible, values)
        try:
            loaded = explorer.models.of(run)
            assert run.vectors is not None  # `of` refuses a run without
            with loaded.lock:
                found = find_strength(
                    run.vectors, loaded.lm, text, view.mix(names, amounts), layer=int(at), tokens="all" if touched == WORDS else touched,  # type: ignore[arg-type]
                    sampling=Sampling(float(temperature), max_new_tokens=FINDER_TOKENS), seed=int(number or 0),
                )  # fmt: skip
        except UserError as error:
            return [notice("error", str(error)), None, *[gr.skip()] * ROWS]
        length = float(np.linalg.norm(_total(run, names, amounts, int(at))))
        # Where even the smallest length breaks the answers, the sliders stay.
        factor = found.found / length if found.found else 1.0
        scaled = [
            round(float(value) * factor, 2) if i < visible else gr.skip() for i, value in enumerate(values[ROWS:])
        ]
        zone = _Found(_direction(name, int(at), names, amounts), view.Zone(found.found, found.by_chance))
        now = [round(amount * factor, 2) for amount in amounts]
        return [view.meter(names, now, found.found or length, zone.zone), zone, *scaled]

    def answer(
        visitor: gr.Request,
        going_on: bool,
        before: list[list[dict[str, str]]] | None,
        name: str,
        text: str,
        touched: str,
        span: str,
        at: float,
        number: float,
        most: float,
        temperature: float,
        visible: int,
        *values: Any,
    ) -> Iterator[tuple[Any, Any]]:
        arms = [view.Answer()] * len(view.ARMS)
        stop = stops[visitor.session_hash] = Event()
        from emotion_vectors.explorer.writing import Sampling, write  # with PyTorch, which takes seconds

        try:
            run = explorer.run(name)
            loaded, where = explorer.models.of(run), _tokens(touched, span)
            if not text.strip():
                raise UserError("The prompt is empty; enter a message for the model to answer.")
            names, amounts = _chosen(run, visible, values)
            additions = _additions(run, names, amounts, int(at), int(number or 0))
            sampling = Sampling(int(number or 0), int(most), float(temperature))
            earlier = before if before and going_on else [[] for _ in view.ARMS]
            chats = [[*said, {"role": "user", "content": text}] for said in earlier]
            arms = [view.Answer("", "waiting for the model", chat) for chat in chats]
            yield view.answers(arms), gr.skip()
            texts: tuple[str, ...] = ()
            writing = ["writing"] * len(chats)
            reader = AnswerReader(loaded, run, chats, names[0], int(at))
            reads = reader.read if loaded.lm.is_chat else None
            for texts in write(loaded, chats, additions, where, sampling, stop, reads):
                if any(texts):
                    read = reader.coloured(texts, brief=True)
                    arms = [view.Answer(*one) for one in zip(texts, writing, chats, read, strict=True)]
                    yield view.answers(arms), gr.skip()
            state = "stopped" if stop.is_set() else "done"
            arms = [arm._replace(text=arm.text or "(no words)", state=state) for arm in arms]
            talk = [[*chat, {"role": "assistant", "content": arm.text}] for chat, arm in zip(chats, arms, strict=True)]
            if state == "done" and all(texts) and loaded.lm.is_chat:
                # Reading takes the model once more, so the texts are shown first.
                yield view.answers([arm._replace(state="reading") for arm in arms]), talk
                with loaded.lock:
                    reader.read(texts, every=True)
                arms = [arm._replace(tokens=one) for arm, one in zip(arms, reader.coloured(texts), strict=True)]
            yield view.answers(arms), talk
        except UserError as error:
            yield notice("error", str(error)) + view.answers(arms), gr.skip()

    def end(visitor: gr.Request) -> None:
        """End what is being written for a visitor who pressed Stop or went away, so that the model is free."""
        stops.pop(visitor.session_hash, Event()).set()

    controls = [chooser, layer, shown_rows, found_zone, *chosen]
    gr.on(refreshes(page, chooser), choose, chooser, [*emotions, layer, meter, shown, talk], show_progress="hidden")
    gr.on(
        [*(e.input for e in emotions), *(s.release for s in strengths), *(s.change for s in strengths), layer.release, layer.input], measure, controls, meter,
        show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    tokens.input(lambda value: gr.update(visible=value == WORDS), tokens, words, show_progress="hidden")
    add.click(_one_more, shown_rows, [shown_rows, *rows, add], show_progress="hidden")
    for i, remove in enumerate(removers):
        remove.click(
            _without(i), [shown_rows, *chosen], [shown_rows, *rows, *chosen, add], show_progress="hidden"
        ).then(measure, controls, meter, show_progress="hidden")  # fmt: skip
    told = [chooser, prompt, tokens, words, layer, seed, length, warmth, shown_rows, *chosen]
    for button, going_on in ((go, gr.State(False)), (on, gr.State(True))):
        button.click(
            answer, [going_on, talk, *told], [shown, talk], show_progress="minimal", show_progress_on=shown, concurrency_limit=8
        )  # fmt: skip
    find.click(
        look_for, [chooser, prompt, tokens, layer, seed, warmth, shown_rows, *chosen], [meter, found_zone, *strengths], show_progress_on=meter
    )  # fmt: skip
    # Gradio's own way of cancelling leaves the writing to go on, with the model locked.
    stop.click(end, None, None, show_progress="hidden", queue=False)
    page.unload(end)


def _one_more(visible: int) -> list[Any]:
    more = min(visible + 1, ROWS)
    return [more, *[gr.update(visible=i < more) for i in range(ROWS)], gr.update(interactive=more < ROWS)]


def _without(row: int) -> Any:
    """A handler that takes row `row` out and moves the rows after it up."""

    def take_out(visible: int, *values: Any) -> list[Any]:
        emotions, strengths = list(values[:ROWS]), list(values[ROWS:])
        emotions, strengths = (
            [*emotions[:row], *emotions[row + 1 :], None],
            [*strengths[:row], *strengths[row + 1 :], view.GENTLE],
        )
        less = max(visible - 1, 1)
        return [
            less,
            *[gr.update(visible=i < less) for i in range(ROWS)],
            *emotions,
            *strengths,
            gr.update(interactive=True),
        ]

    return take_out


def _chosen(run: Run, visible: int, values: tuple[Any, ...]) -> tuple[list[str], list[float]]:
    """Names and strengths of the visible rows that add something."""
    known = run.vectors.emotions if run.vectors else ()
    pairs = list(zip(values[:visible], values[ROWS : ROWS + visible], strict=True))
    kept = [(str(name), float(strength)) for name, strength in pairs if name in known and strength]
    return [name for name, _ in kept], [strength for _, strength in kept]


def _total(run: Run, names: list[str], strengths: list[float], layer: int) -> np.ndarray:
    """The whole addition (d,) in mean residual norms."""
    if run.vectors is None or not names:
        return np.zeros(1)
    units = run.vectors.unit(min(layer, len(run.vectors.raw) - 1))
    return view.total(units[[run.vectors.index(name) for name in names]], strengths)


def _additions(run: Run, names: list[str], strengths: list[float], layer: int, seed: int) -> list[list[Addition]]:
    """What each arm adds: nothing, the emotions, a random direction of the same length."""
    from emotion_vectors.vectors.writing import random_like

    if run.vectors is None or round(float(np.linalg.norm(_total(run, names, strengths, layer))), 3) == 0:
        raise UserError("Nothing is added; choose a name and move its slider away from 0.")
    steered = run.vectors.additions(view.mix(names, strengths), layer)
    return [[], steered, random_like(steered, seed)]


def _tokens(touched: str, words: str) -> Tokens:
    if touched != WORDS:
        return touched  # type: ignore[return-value]
    if not words.strip():
        raise UserError("Enter the words of the prompt to steer, or choose other tokens.")
    from emotion_vectors.vectors.steering import TextSpan

    return TextSpan(words.strip())


def _direction(run: str, layer: int, names: list[str], strengths: list[float]) -> tuple[Any, ...]:
    """What the finder's zone belongs to: the ratios of the strengths, whatever their size."""
    size = max((abs(strength) for strength in strengths), default=1.0)
    return run, layer, tuple(names), tuple(round(strength / size, 1) for strength in strengths)
