"""The model card of a Hugging Face repository, generated from a run's record.

Every number comes from `results.json`. Texts that a model, a pack or a user wrote (names, reasons, emotions) are shown as
text: HTML and Markdown in them are escaped.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from emotion_vectors.record import Record

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
PAPER = "https://arxiv.org/abs/2604.07729"
LIMITS = """\
- The experiment asks what this model says and computes, not what it experiences. No verdict says that a model feels anything.
- A verdict is about one model, one set of stimuli and one layer. Most criteria rest on few items; the intervals show it.
- A vector is a direction that goes with an emotion's stories. It need not be the only one, nor cause what it goes with.
- The vectors fit the weights of the hash above. Other weights of the same name, and fine-tuned ones, have other directions."""

SERVING = """\
- `emotion-vectors export` writes these vectors for llama.cpp, EasySteer, vllm-lens, lm-evaluation-harness and steering-vectors.
- llama.cpp never steers block 0, and builds before its pull request 20653 (March 2026) load a control vector for some hybrid and mixture models
  (Qwen3.5, Qwen3.5-MoE and Qwen3-Next among them) and add nothing, without any message; PLaMo 2 and embedding models were left out there too.
  Compare answers with and without it at temperature 0."""


def text(value: Any) -> str:
    """A value as literal Markdown: one line, HTML and all Markdown punctuation escaped."""
    line = " ".join(str(value).split())
    return html.escape(re.sub(r"([\\`*_{}\[\]#!|~$])", r"\\\1", line), quote=False)


def model_card(record: Record, facts: Mapping[str, Any]) -> str:
    """The card of one run. `facts`: `emotions` (names), `layers`, `width`, `layer`, `kind` of the vectors file."""
    parts = [_front(record), _opening(record, facts), _loading(facts), _verdicts(record), _method(record, facts)]
    return (
        "\n\n".join([*parts, f"## Serving\n\n{SERVING}", f"## Limits\n\n{LIMITS}", _licence(record), _citation(record)])
        + "\n"
    )


def _front(record: Record) -> str:
    about: dict[str, Any] = {
        "library_name": "emotion-vectors",
        "license": "other",
        "tags": ["interpretability", "steering-vectors", "activation-steering", "emotion", "arxiv:2604.07729"],
    }
    # A revision says that the id is one of the hub's and not a local folder of two parts.
    if record.model.revision and HUB_ID.fullmatch(record.model.source):
        about["base_model"] = record.model.source
    return f"---\n{yaml.safe_dump(about, sort_keys=False, allow_unicode=True)}---"


def _opening(record: Record, facts: Mapping[str, Any]) -> str:
    model = record.model
    verdicts = Counter(criterion.verdict for criterion in record.criteria.values())
    unasked = f" ({verdicts['not asked']} could not be asked)" if verdicts["not asked"] else ""
    return (
        f"# Emotion vectors of {text(model.name)}\n\n"
        f"{len(facts['emotions'])} directions in the residual stream, one per emotion, at each of {facts['layers']} layers "
        f"(width {facts['width']}), with the results of an experiment on them: of its {len(record.criteria)} criteria "
        f"{verdicts['pass']} pass, {verdicts['fail']} fail and {verdicts['inconclusive']} are inconclusive{unasked}. Made with "
        f"emotion-vectors {text(record.version)} on {text(record.created[:10])}, in the design of Part 1 of "
        f"[Emotion Concepts and their Function in a Large Language Model]({PAPER}). This is a reproduction by others, "
        f"not by the paper's authors.\n\n{_caution(record)}"
        "| file | what |\n|---|---|\n"
        "| `vectors.safetensors` | the directions, raw and with neutral components removed, and the mean residual norms |\n"
        "| `results.json` | the record of the run: every number on this page, with settings and hashes |\n\n"
        f"Emotions: {', '.join(text(emotion) for emotion in facts['emotions'])}."
    )


def _caution(record: Record) -> str:
    """The sentence about vectors that don't agree with themselves, as a paragraph; nothing where they do."""
    said = record.vectors.caution if record.vectors else None
    return f"**{text(said)}**\n\n" if said else ""


def _loading(facts: Mapping[str, Any]) -> str:
    first = next((name for name in facts["emotions"] if re.fullmatch(r"[\w -]+", name)), None)
    example = f'vectors["{first}"]' if first else "vectors.at()[0]"
    return (
        "## How to load\n\n```python\n"
        "from emotion_vectors import EmotionVectors\n\n"
        'vectors = EmotionVectors.load("vectors.safetensors")\n'
        f"{example}  # ({facts['width']},) at layer {facts['layer']}\n"
        "vectors.unit(LAYER) @ residual  # projections of an activation on all emotions\n```\n\n".replace(
            "LAYER", str(facts["layer"])
        )
        + "`layer` l is the output of block l, counted from 0. Strength is in units of the layer's `residual_norm`: strength 0.5 "
        "adds half of that length along a unit vector."
    )


def _verdicts(record: Record) -> str:
    rows = ["| | criterion | value | 95 % interval | verdict | why |", "|---|---|---|---|---|---|"]
    for name, criterion in record.criteria.items():
        value = number(criterion.value) + (f" of {criterion.of}" if criterion.of else "")
        interval = criterion.interval
        shown = f"{number(interval[0])} to {number(interval[1])}" if interval else "not available"
        cells = (name, criterion.name, value, shown, criterion.verdict, criterion.reason)
        rows.append(f"| {' | '.join(text(cell) for cell in cells)} |")
    return (
        "## Results of the experiment\n\npass: better than chance, and the bar is reached. fail: no better than chance by its "
        "interval, or the whole interval misses the bar. not asked: the run lacks what the criterion needs. inconclusive: the rest.\n\n"
        + "\n".join(rows)
    )


def _method(record: Record, facts: Mapping[str, Any]) -> str:
    model, corpus, pack = record.model, record.corpus, record.stimuli
    rows = [
        ("model", model.name), ("source", model.source), ("SHA-256 of the weights", model.sha256),
        ("revision", model.revision or "none"), ("architecture", model.architecture), ("dtype", model.dtype),
        ("prompt format", model.prompt_format), ("analysis layer", facts["layer"]), ("vectors handed out", facts["kind"]),
        ("stories kept", "none" if corpus is None or corpus.kept is None else corpus.kept), ("written by", "not recorded" if corpus is None or corpus.writer is None else corpus.writer),
        ("stimuli", pack.pack if pack else "not recorded"), ("fingerprint of the run", record.fingerprint),
    ]  # fmt: skip
    adopted = record.vectors.adopted if record.vectors else None
    if adopted:
        rows.append(("directions taken from", f"{adopted.name}, SHA-256 {adopted.sha256} ({adopted.made_by})"))
    lines = ["| | |", "|---|---|", *(f"| {text(name)} | {text(value)} |" for name, value in rows)]
    settings = ", ".join(f"{text(name)} = {text(value)}" for name, value in record.settings.items())
    return "## Model and settings\n\n" + "\n".join(lines) + f"\n\nAll settings: {settings}."


def _licence(record: Record) -> str:
    return (
        "## Licence\n\nThe vectors were computed from the weights of "
        f"{text(record.model.name)} and from texts that a model wrote; the licences of those models may restrict their "
        "use, and whoever publishes this page must state one. The software is Apache-2.0."
    )


def _citation(record: Record) -> str:
    return (
        "## Citation\n\n```bibtex\n@article{sofroniew2026emotion,\n"
        "  title = {Emotion Concepts and their Function in a Large Language Model},\n"
        "  author = {Sofroniew and Kauvar and Saunders and Chen and others},\n"
        "  year = {2026},\n  eprint = {2604.07729},\n  archivePrefix = {arXiv}\n}\n```\n\n"
        f"and the software: emotion-vectors {text(record.version)}."
    )


def number(value: float | None) -> str:
    """Three significant digits; None is "not available"."""
    return "not available" if value is None else f"{value:.3g}"
