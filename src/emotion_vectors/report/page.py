"""The report of a run: one self-contained page that opens offline, and the figures as files.

`write_report` reads the record, and of the run's folder only the texts that a topic shows; it knows no experiment by name: topics bring their figures, tables and sentences. Model output and names are untrusted: the template escapes all text, data
inside script blocks has no `<`, and the page's own policy lets only its two known scripts run and loads nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
import vl_convert
from altair.utils import schemapi
from markupsafe import Markup

from emotion_vectors.record import Record, parse
from emotion_vectors.report import criteria, published
from emotion_vectors.report.about import abstract, caution, limits
from emotion_vectors.report.checks import check
from emotion_vectors.report.embedding import VEGA_LITE, as_csv, javascript, policy, script_json, steady, svg_uri
from emotion_vectors.report.palette import styled
from emotion_vectors.report.topic import Figure, Rows, Section, Table, Topic, cards, parts_of
from emotion_vectors.report.wording import number
from emotion_vectors.stats.scores import ELO_PER_NAT
from emotion_vectors.store.atomic import write_bytes, write_text
from emotion_vectors.store.schema import JsonObject

TEMPLATES = Path(__file__).parent / "templates"
_PNG_SCALE = 2.0


class Drawn(NamedTuple):
    """A figure of this run: its chart (None where the run has no data for it), the rows behind it, and its three sentences."""

    figure: Figure
    chart: Any | None
    rows: Rows
    seen: str
    chance: str
    published: str

    @property
    def number(self) -> int | str:
        """The figure's number or letter."""
        return self.figure.number

    @property
    def name(self) -> str:
        """File name without ending."""
        return self.figure.name

    @property
    def alternative(self) -> str:
        """Text for those who don't see the picture: what it is and what it shows."""
        return f"Figure {self.figure.number}, {self.figure.title}. {self.seen}"


def write_report(run_folder: Path, found: Mapping[str, Any] | Record, topics: Sequence[Topic]) -> list[Path]:
    """Write `report.html` and `figures/figure-N.svg`, `.png` (N: 1 to 8, a to e) into `run_folder`; return their paths, the page first.

    `found` is the record, parsed or as in results.json. Raises `ContradictoryRecord` for a record that contradicts itself,
    before anything is written, and `UserError` where a file can't be written.
    """
    record = found if isinstance(found, Record) else parse(found, parts_of(topics))
    check(record, topics)
    with schemapi.debug_mode(False):  # Altair's checks of each part; see `specification`
        drawn = figures(record, topics)
    specifications = {one.figure.number: specification(one.chart) for one in drawn if one.chart is not None}
    pictures = {
        number: steady(vl_convert.vegalite_to_svg(chart, vl_version=VEGA_LITE))
        for number, chart in specifications.items()
    }
    page = run_folder / "report.html"
    written = [page]
    for figure in (one.figure for one in drawn):
        if figure.number in pictures:
            vector, raster = (run_folder / "figures" / f"{figure.name}.{ending}" for ending in ("svg", "png"))
            write_text(vector, pictures[figure.number])
            write_bytes(raster, vl_convert.svg_to_png(pictures[figure.number], scale=_PNG_SCALE))
            written += [vector, raster]
    write_text(page, render(record, topics, drawn, specifications, pictures, run_folder))
    return written


def figures(record: Record, topics: Sequence[Topic]) -> list[Drawn]:
    """The figures of a record that passed `checks.check`, in their order; a lettered one only where the run has data for it."""
    found = sorted((figure for topic in topics for figure in topic.figures), key=lambda figure: figure.place)
    made = []
    for figure in found:
        chart = figure.chart(record)
        if chart is not None or isinstance(figure.number, int):
            styled_chart = None if chart is None else styled(chart)
            sentences = (figure.seen(record), figure.chance(record), figure.published(record))
            made.append(Drawn(figure, styled_chart, figure.rows(record), *sentences))
    return made


def tables(record: Record, topics: Sequence[Topic], section: str, *, folded: bool = False) -> list[Table]:
    """The tables of one section that this run has something for, in their order."""
    found = [one for topic in topics for one in topic.tables if (one.section, one.folded) == (section, folded)]
    made = (one.make(record) for one in sorted(found, key=lambda one: one.place))
    return [table for table in made if table is not None]


def texts(folder: Path | None, record: Record, topics: Sequence[Topic], section: str) -> list[Table]:
    """The tables of texts of one section; none without the run's folder."""
    if folder is None:
        return []
    made = (one.make(folder, record) for topic in topics for one in topic.texts if one.section == section)
    return [table for table in made if table is not None]


def templates(*folders: Path) -> jinja2.Environment:
    """Templates of these folders, the first that has one: every text is escaped, and a name that is not given is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def specification(chart: Any) -> JsonObject:
    """A chart as a Vega-Lite specification. Altair's check of it against the schema takes longer than drawing it; the
    tests make it instead.
    """
    return chart.to_dict(validate=False)


FIGURES = Section(
    "figures",
    "Figures",
    "Figures",
    "The numbers of the figures follow Hong (2026). Hover over a mark for its values. Units on this page: 1 nat (of log-odds) is "
    f"{ELO_PER_NAT:.1f} Elo points; an effect of 1 nat moves the steered half up by half of that and the other half down by as much.",
)
TABLES = Section("tables", "Method and tables", "Method and tables")
CORPUS = Section("corpus", "Corpus", "Corpus")


class _Shown(NamedTuple):
    """A figure as the template has it: its picture, its live chart and its data, where there are any."""

    drawn: Drawn
    picture: str | None = None
    specification: Markup | None = None
    data: str | None = None


class _Filled(NamedTuple):
    """A section with what is in it; `folded` are the tables behind a click."""

    section: Section
    figures: list[_Shown]
    tables: list[Table]
    folded: list[Table]


def render(
    record: Record,
    topics: Sequence[Topic],
    drawn: Sequence[Drawn],
    specifications: Mapping[int | str, JsonObject],
    pictures: Mapping[int | str, str],
    folder: Path | None = None,
) -> str:
    """The page as text. `pictures` are the SVG texts by figure number, shown until (or instead of) the live charts.

    `folder` is the run's, whose texts are shown. Tables are numbered in the order of the page.
    """
    environment = templates(TEMPLATES)
    environment.filters["unbroken"] = unbroken
    live = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    bundle = javascript()
    shown = [_shown(one, specifications.get(one.figure.number), pictures.get(one.figure.number)) for one in drawn]
    known, numbers = cards(topics), itertools.count(1)
    criteria_table = _numbered([criteria.criteria_table(record, known)], numbers)[0]
    return environment.get_template("report.html.j2").render(
        record=record,
        answers=criteria.answers(record, known),
        abstract=abstract(record, topics),
        caution=caution(record),
        verdicts=[criteria.verdict_line(record, card) for card in known],
        criteria=criteria_table,
        sections=_sections(record, topics, shown, folder, numbers),
        limits=limits(record, topics),
        published=published,
        citation=citation(record),
        number=number,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        bundle=Markup(bundle),
        live=Markup(live),
        policy=policy(bundle, live),
    )


def _sections(
    record: Record,
    topics: Sequence[Topic],
    shown: Sequence[_Shown],
    folder: Path | None,
    numbers: Iterator[int],
) -> list[_Filled]:
    """The sections with their figures and tables; one without any is left out unless it says what is missing."""
    made = []
    for section in (FIGURES, *(section for topic in topics for section in topic.sections), TABLES, CORPUS):
        found = _Filled(
            section,
            [one for one in shown if one.drawn.figure.section == section.key],
            _numbered([*tables(record, topics, section.key), *texts(folder, record, topics, section.key)], numbers),
            _numbered(tables(record, topics, section.key, folded=True), numbers),
        )
        if section.missing or found.figures or found.tables or found.folded:
            made.append(found)
    return made


def _numbered(found: Sequence[Table], numbers: Iterator[int]) -> list[Table]:
    return [replace(table, title=f"Table {next(numbers)}. {table.title}") for table in found]


def unbroken(text: str) -> str:
    """`text` with spaces that no line may end at: around an equals or comparison sign and before a percent sign."""
    return re.sub(r" ([=<>]) ", "\u00a0\\1\u00a0", text).replace(" %", "\u00a0%")


def citation(record: Record) -> str:
    """BibTeX entries of this run and of the paper, ready to copy. Braces in a model's name would end a field: left out."""
    model = record.model.name.translate({ord(mark): None for mark in "{}\\"})
    year = record.created[:4]
    return (
        f"@software{{emotion_vectors, title = {{emotion-vectors {record.version}}}, year = {{{year}}},\n"
        f"  note = {{Run on {model}, settings {record.fingerprint[:12]}}}}}\n"
        f"@article{{emotion_concepts, title = {{{published.PAPER_TITLE}}}, year = {{2026}},\n"
        f"  author = {{{published.PAPER_AUTHORS}}}, journal = {{{published.PAPER_ARXIV}}}}}"
    )


def _shown(drawn: Drawn, chart: JsonObject | None, picture: str | None) -> _Shown:
    if picture is None or chart is None:
        return _Shown(drawn)
    data = "data:text/csv;charset=utf-8," + quote(as_csv(drawn.rows))
    return _Shown(drawn, svg_uri(picture), script_json(chart), data)
