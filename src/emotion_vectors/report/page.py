"""The report of a run: one self-contained page that opens offline, and the figures as files.

`write_report` reads nothing but the record. Model output and names are untrusted: the template escapes all text, data
inside script blocks has no `<`, and the page's own policy lets only its two known scripts run and loads nothing.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import altair
import jinja2
import vl_convert
from markupsafe import Markup

from emotion_vectors.report import published
from emotion_vectors.report.answers import answers
from emotion_vectors.report.checks import CRITERIA, check
from emotion_vectors.report.claims import abstract, caution, limits
from emotion_vectors.report.figures import Figure, figures, lettered_figures
from emotion_vectors.report.method_table import method_table
from emotion_vectors.report.tables import (
    SYMBOLS,
    category_table,
    corpus_table,
    criteria_table,
    css,
    doctor_table,
    lens_table,
    pair_table,
    settings_table,
    timing_table,
)
from emotion_vectors.report.tables_controls import battery_table, words_table
from emotion_vectors.report.tables_steering import (
    arms_table,
    effects_table,
    inversion_table,
    scale_table,
    steered_category_table,
)
from emotion_vectors.report.vectors_section import vectors_table
from emotion_vectors.report.wording import measured, number
from emotion_vectors.report.words_section import MISSING, leaks_table, sentences_table
from emotion_vectors.store.atomic import write_bytes, write_text

Record = dict[str, Any]
TEMPLATES = Path(__file__).parent / "templates"
# The version that altair writes its specifications for, as vl-convert names it: v6.4.1 is "6.4".
VEGA_LITE = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
_PNG_SCALE = 2.0


def write_report(run_folder: Path, record: Record) -> list[Path]:
    """Write `report.html` and `figures/figure-N.svg`, `.png` (N: 1 to 8, a to e) into `run_folder`; return their paths, the page first.

    Raises `ContradictoryRecord` for a record that contradicts itself, before anything is written, and `UserError` where
    a file can't be written.
    """
    check(record)
    drawn = figures(record) + lettered_figures(record)
    specifications = {figure.number: specification(figure) for figure in drawn if figure.chart is not None}
    pictures = {
        number: steady(vl_convert.vegalite_to_svg(chart, vl_version=VEGA_LITE))
        for number, chart in specifications.items()
    }
    page = run_folder / "report.html"
    written = [page]
    for figure in drawn:
        if figure.number in pictures:
            vector, raster = (run_folder / "figures" / f"{figure.name}.{ending}" for ending in ("svg", "png"))
            write_text(vector, pictures[figure.number])
            write_bytes(raster, vl_convert.svg_to_png(pictures[figure.number], scale=_PNG_SCALE))
            written += [vector, raster]
    write_text(page, render(record, drawn, specifications, pictures))
    return written


def templates(*folders: Path) -> jinja2.Environment:
    """Templates of these folders, the first that has one: every text is escaped, and a name that is not given is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def svg_uri(svg: str) -> str:
    """A picture as the address of an image, so that nothing in it can run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8')).decode('ascii')}"


def steady(svg: str) -> str:
    """The picture with its gradients numbered from 0: vl-convert numbers them through all pictures of a process."""
    numbers: dict[str, str] = {}
    return re.sub(r"gradient_\d+", lambda found: numbers.setdefault(found.group(), f"gradient_{len(numbers)}"), svg)


def specification(figure: Figure) -> dict[str, Any]:
    """The figure as a Vega-Lite specification. Altair's check of it against the schema takes longer than drawing it; the
    tests make it instead.
    """
    assert figure.chart is not None
    return figure.chart.to_dict(validate=False)


def render(
    record: Record,
    drawn: Sequence[Figure],
    specifications: dict[int | str, dict[str, Any]],
    pictures: dict[int | str, str],
) -> str:
    """The page as text. `pictures` are the SVG texts by figure number, shown until (or instead of) the live charts."""
    environment = templates(TEMPLATES)
    environment.filters["unbroken"] = unbroken
    live = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    bundle = javascript()
    shown_figures = [_shown(figure, specifications.get(figure.number), pictures.get(figure.number)) for figure in drawn]
    return environment.get_template("report.html.j2").render(
        record=record,
        answers=answers(record),
        abstract=abstract(record),
        caution=caution(record),
        verdicts=[_verdict(name, record["criteria"][name]) for name in CRITERIA],
        figures=[shown for shown in shown_figures if isinstance(shown["figure"].number, int)],
        twins=[shown for shown in shown_figures if shown["figure"].number == "E"],
        inversion=[shown for shown in shown_figures if shown["figure"].number == "A"],
        sweeps=[shown for shown in shown_figures if shown["figure"].number in ("B", "C")],
        halves=inversion_table(record),
        steering=[
            table for table in (arms_table(record), steered_category_table(record), scale_table(record)) if table
        ],
        words=[shown for shown in shown_figures if shown["figure"].number == "D"],
        words_tables=[table for table in (sentences_table(record), leaks_table(record)) if table],
        words_missing=MISSING,
        criteria=criteria_table(record),
        tables=[
            table
            for table in (
                method_table(record),
                category_table(record),
                pair_table(record),
                vectors_table(record),
                battery_table(record),
                words_table(record),
                doctor_table(record),
            )
            if table
        ],
        corpus=corpus_table(record),
        folded=[
            table
            for table in (lens_table(record), effects_table(record), settings_table(record), timing_table(record))
            if table
        ],
        limits=limits(record),
        published=published,
        citation=citation(record),
        number=number,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        bundle=Markup(bundle),
        live=Markup(live),
        policy=_policy(bundle, live),
    )


def unbroken(text: str) -> str:
    """`text` with spaces that no line may end at: around an equals or comparison sign and before a percent sign."""
    return re.sub(r" ([=<>]) ", "\u00a0\\1\u00a0", text).replace(" %", "\u00a0%")


def citation(record: Record) -> str:
    """BibTeX entries of this run and of the paper, ready to copy. Braces in a model's name would end a field: left out."""
    model = str(record["model"]["name"]).translate({ord(mark): None for mark in "{}\\"})
    year = str(record["created"])[:4]
    return (
        f"@software{{emotion_vectors, title = {{emotion-vectors {record['version']}}}, year = {{{year}}},\n"
        f"  note = {{Run on {model}, settings {record['fingerprint'][:12]}}}}}\n"
        f"@article{{emotion_concepts, title = {{{published.PAPER_TITLE}}}, year = {{2026}},\n"
        f"  author = {{{published.PAPER_AUTHORS}}}, journal = {{{published.PAPER_ARXIV}}}}}"
    )


def _verdict(name: str, criterion: dict[str, Any]) -> dict[str, str]:
    return {
        "id": name,
        "name": criterion["name"],
        "verdict": criterion["verdict"],
        "symbol": SYMBOLS[criterion["verdict"]],
        "kind": css(criterion["verdict"]),
        "value": measured(criterion),
        "unit": str(criterion.get("unit") or ""),
        "seed": criterion["seed_verdict"],
    }


def _shown(figure: Figure, chart: dict[str, Any] | None, picture: str | None) -> dict[str, Any]:
    shown = {"figure": figure, "picture": None, "specification": None, "data": None, "width": 0}
    if picture is not None and chart is not None:
        shown["picture"] = svg_uri(picture)
        shown["specification"] = script_json(chart)
        shown["data"] = "data:text/csv;charset=utf-8," + quote(as_csv(figure.rows))
    return shown


def script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: no `<`, `>` or `&`, so no text can end the element or open another."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """`rows` as CSV text with a head. Text that a spreadsheet would take for a formula gets a leading apostrophe."""
    handle = io.StringIO()
    writer = csv.DictWriter(handle, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell for key, cell in row.items()}
        )
    return handle.getvalue()


@cache
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script. It must not hold anything that ends a script element early."""
    bundle = vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # pyright: ignore[reportCallIssue]  # its stub lacks the default
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise RuntimeError(
            "The Vega bundle of this vl-convert version can't be put into a page; install another version."
        )
    return bundle


def _policy(*scripts: str) -> str:
    """A content security policy that loads nothing and runs only `scripts` (Vega compiles its expressions: unsafe-eval)."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
        for text in scripts
    )
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes} 'unsafe-eval'; base-uri 'none'; form-action 'none'"
