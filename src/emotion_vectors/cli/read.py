"""`emotion-vectors read`: scores of many texts and chats, and the strongest passages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from emotion_vectors.cli.options import Adapter, Device, Quantize, Quiet
from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from emotion_vectors.lm.model import LanguageModel
    from emotion_vectors.progress import Reporter
    from emotion_vectors.vectors.calibration import Calibration
    from emotion_vectors.vectors.file import EmotionVectors

LISTED = 10  # emotions of a single message
FEW = 5  # emotions whose passages are shown where none are named

# Counts that are said only where there is something to say: of one, of several, and the column that says which.
NOTED = {
    "problems": ("not read", "not read", "problem"),
    "bad": ("damaged line left out", "damaged lines left out", ""),
    "with_control_tokens": (
        "message or text contains control tokens of the template", "messages or texts contain control tokens of the template", "control_tokens",
    ),
    "with_thoughts": ("message read without its thoughts", "messages read without their thoughts", "thought_tokens"),
    "with_other_parts": (
        "message read without its pictures, sounds or files", "messages read without their pictures, sounds or files", "other_parts",
    ),
    "in_sample": ("in sample (the vectors were made from this very text, so its scores mean nothing)",
                  "in sample (the vectors were made from these very texts, so their scores mean nothing)", ""),
    "texts_beside_messages": ("text not read because its row has messages too", "texts not read because their rows have messages too", ""),
}  # fmt: skip

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Texts or chats: .txt, .jsonl or .parquet files; logs of Inspect (.eval, .json) or a folder of them.",
        show_default=False,
    ),
]


def read(
    files: Files,
    vectors: Annotated[
        str, typer.Option(metavar="RUN", help="Run folder, vectors.safetensors file or Hugging Face id.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Model to read with; default the one that the vectors come from.")
    ] = None,
    adapter: Adapter = None,
    quantize: Quantize = None,
    emotions: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Emotions, separated by commas; default all, of which the strongest are shown."
        ),
    ] = None,
    layer: Annotated[int | None, typer.Option(help="Layer to read at, from 0; default the analysis layer.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write all scores to this table, .parquet or .jsonl; can be resumed."
        ),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Write one row per token instead of one per message; needs --out.")
    ] = False,
    layers: Annotated[
        str | None, typer.Option(help="With --tokens, the layers to read: `12`, `10-14,20` or `all`; default --layer.")
    ] = None,
    most_rows: Annotated[
        int,
        typer.Option("--most-rows", min=1, help="With --tokens, refuse a table with more than about this many rows."),
    ] = 50_000_000,
    top: Annotated[
        int | None, typer.Option(min=0, max=20, help="Passages to print per emotion; default 3, or 0 with --out.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=64, help="Maximum tokens read at once; default the model's context, at most 8192.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count damaged lines and continue.")] = False,
    device: Device = "auto",
    tokens_per_batch: Annotated[
        int, typer.Option(min=1, help="Maximum tokens in a batch; does not change results.")
    ] = 4096,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; default all cores.")] = None,
    quiet: Quiet = False,
) -> None:
    """Read texts or chats with emotion vectors: scores per message, ranked among neutral texts."""
    import torch

    from emotion_vectors.progress import Reporter
    from emotion_vectors.transcripts.job import Order, read_files
    from emotion_vectors.transcripts.sources import survey, unfolded
    from emotion_vectors.transcripts.tokens import require_moderate
    from emotion_vectors.vectors.layers import parse_layers

    _require_together(tokens, layers, out, top)
    if threads:
        torch.set_num_threads(threads)
    reporter = Reporter(quiet)
    loaded, names, chosen = vectors_for(vectors, emotions, layer)
    files = unfolded(files)
    held = survey(files, skip_bad)  # a bad line is told before the model is loaded
    every = (
        ()
        if not tokens
        else (chosen,)
        if layers is None
        else tuple(parse_layers(layers, len(loaded.raw), loaded.layers))
    )
    for one in every:
        loaded.at(one)
    if tokens:
        require_moderate(held, len(names), len(every), most_rows)
    lm, calibration = load_reader(loaded, model, quantize, adapter, device, reporter)
    order = Order(tuple(files), names, chosen, window_of(lm, window), skip_bad, every)
    try:
        record = read_files(order, loaded, lm, calibration, out, reporter, tokens_per_batch, held)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped; run the same command again to resume." if out else "Stopped.")
        raise typer.Exit(130) from None
    if said := record["reliability"]["caution"]:
        Console(stderr=True, highlight=False).print(said, markup=False, soft_wrap=True)
    _show(record, names, (0 if out else 3) if top is None else top, everything=emotions is None and top is None)
    _summary(record, out)


def _require_together(tokens: bool, layers: str | None, out: Path | None, top: int | None) -> None:
    """Refuse options that don't go together, before anything is loaded."""
    if tokens and out is None:
        raise UserError("--tokens writes a table; say where with --out tokens.parquet.")
    if tokens and top:
        raise UserError("--tokens writes every token and prints no passages; leave --top or --tokens out.")
    if layers is not None and not tokens:
        raise UserError("--layers goes with --tokens; messages are read at one layer, --layer.")


def vectors_for(source: str, emotions: str | None, layer: int | None) -> tuple[EmotionVectors, tuple[str, ...], int]:
    """The vectors, and which of their emotions (None: all) are read at which of their layers (None: the analysis layer)."""
    from emotion_vectors.vectors.file import EmotionVectors
    from emotion_vectors.vectors.named import parse_names

    loaded = EmotionVectors.load(source)
    names = loaded.emotions if emotions is None else parse_names(emotions)
    chosen = loaded.layer if layer is None else layer
    loaded.at(chosen)
    for name in names:
        loaded.index(name)
    return loaded, names, chosen


def load_reader(
    vectors: EmotionVectors,
    model: str | None,
    quantize: str | None,
    adapter: str | None,
    device: str,
    reporter: Reporter,
) -> tuple[LanguageModel, Calibration | None]:
    """The model to read with, other weights than the vectors' only where asked for, and the neutral texts' scores if it read them."""
    from emotion_vectors.vectors.loading import load_model_of

    if name := model or vectors.header.get("model"):
        reporter.say(f"Loading {name} ...")
    lm = load_model_of(
        vectors.header,
        device,
        model,
        quantize,
        adapter,
        others=True,
        remedy="add --model to read with other weights",
        say=reporter.say,
    )
    vectors.check_fits(lm)
    calibration = vectors.calibration if lm.sha256 == vectors.header.get("model_sha256") else None
    reporter.say(_reference(vectors, calibration is not None))
    return lm, calibration


def _reference(vectors: EmotionVectors, used: bool) -> str:
    """What percentiles are among, or why there are none."""
    if used and vectors.calibration is not None:
        return f"Percentiles are among {vectors.calibration.texts} neutral texts."
    if vectors.calibration is not None:
        return "The neutral texts were read with other weights, so there are no percentiles."
    return (
        "These vectors come without scores of neutral texts, so there are no percentiles; repeat their run to add them."
    )


def window_of(lm: LanguageModel, asked: int | None, usual: int | None = None) -> int:
    """How many tokens are read at once; `usual` (None: the model's context, at most 8192) where nobody asked."""
    from emotion_vectors.lm.limits import context_of
    from emotion_vectors.transcripts.scores import usual_window

    context = context_of(lm)
    if asked is not None and context is not None and asked > context:
        raise UserError(f"--window {asked} is more than the {context} tokens that {lm.name} can read at once.")
    return asked or min(usual_window(lm), usual or usual_window(lm))


def _show(record: dict[str, Any], emotions: tuple[str, ...], top: int, everything: bool) -> None:
    """The strongest passages. Where nobody said of which emotions, those of a few, and of a single message a short list."""
    from emotion_vectors.transcripts.shown import heading, leading, listed, marked, title

    console = Console(highlight=False)
    if everything and top and len(emotions) > FEW:
        if record["counts"]["messages"] == 1:
            console.print(listed(record, LISTED))
            return
        emotions = leading(record, FEW)
        console.print(
            f"The {FEW} emotions with the strongest passages; choose others with --emotions, or write all to a table with --out."
        )
    for emotion in emotions if top else ():
        found = [passage for passage in record["passages"] if passage["emotion"] == emotion][:top]
        if found:
            console.rule(title(emotion, record["reliability"]["emotions"][emotion]), align="left")
        for number, passage in enumerate(found, start=1):
            console.print(heading(passage, number), soft_wrap=True)
            console.print(marked(passage))


def _summary(record: dict[str, Any], out: Path | None) -> None:
    from emotion_vectors.report.wording import count

    counts = record["counts"]
    parts = [", ".join(count(counts[f"{name}s"], name) for name in ("text", "message", "token"))]
    for name, (one, several, column) in NOTED.items():
        if counts.get(name):
            where = f" (see the column {column})" if column and out is not None else ""
            parts.append(f"{count(counts[name], one, several)}{where}")
    Console(stderr=True, highlight=False).print("; ".join(parts) + ".", markup=False, soft_wrap=True)
    if out is not None:
        print(f"Scores: {out}")
