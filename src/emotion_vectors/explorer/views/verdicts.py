"""The verdicts tab: V1 to V11 as cards with value, interval, null and reason."""

from __future__ import annotations

from emotion_vectors.explorer.markup import notice, text
from emotion_vectors.explorer.runs import Run
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.report.wording import interval, measured, number, p_value

SIGNS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not asked": "–"}


def verdicts(run: Run) -> str:
    """All criteria of a run, or what to do to get them."""
    if run.record is None:
        return notice(
            "info",
            *run.lacks("verdicts", "They are judged at the end of a run; run the same command again to continue."),
        )
    tally = run.record.tally()
    summary = ", ".join(
        f"{tally.get(verdict, 0)} {verdict}" for verdict in SIGNS if verdict != "not asked" or tally.get(verdict)
    )
    cards = "".join(_card(criterion) for criterion in run.record.criteria.values())
    return f'<p class="ev-facts">Our verdict: <b>{summary}</b>. The verdict of Hong (2026), the earlier reproduction, looks at the value alone. In the pictures, value and 95 % interval are blue, chance is dashed and the bar is black.</p><div class="ev-cards">{cards}</div>'


def _card(criterion: Criterion) -> str:
    null = criterion.null
    chance = "none"
    if null is not None and null.value is not None:
        chance = f"{number(null.value)} for {text(null.what)}, {p_value(null.p)}"
    rows = {
        "Value": f"<b>{text(measured(criterion).removesuffix(' Elo points'))}</b> {text(criterion.unit)}",
        "Bar": text(criterion.threshold_text),
        "95 % interval": text(interval(criterion.interval)),
        "By chance": chance,
        "Hong (2026)": _badge(criterion.seed_verdict),
    }
    facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items())
    remarks = (criterion.note, criterion.detectable and criterion.detectable.sentence)
    note = "".join(f'<p class="ev-note">{text(remark)}</p>' for remark in remarks if remark)
    return (
        f'<article class="ev-card"><h3><span>{text(criterion.id)}</span> {text(criterion.name)} {_badge(criterion.verdict)}</h3>'
        f"{_interval(criterion)}<dl>{facts}</dl><p>{text(criterion.reason)}</p>{note}</article>"
    )


def _badge(verdict: str) -> str:
    return f'<span class="ev-badge ev-{text(verdict.replace(" ", "-"))}"><i aria-hidden="true">{SIGNS.get(verdict, "?")}</i> {text(verdict)}</span>'


def _interval(criterion: Criterion) -> str:
    """Value with its interval (blue), chance (grey line) and bar (black line) on one axis; the same stands below as numbers."""
    value, bounds, null, bar = criterion.value, criterion.interval, criterion.null, criterion.threshold
    if value is None or bounds is None:
        return ""
    marks = (
        [value, *bounds]
        + ([null.value] if null and null.value is not None else [])
        + ([bar] if isinstance(bar, int | float) else [])
    )
    low, high = min(marks), max(marks)
    room = (high - low) or 1.0

    def x(mark: float) -> str:
        return f"{10 + 280 * (mark - low) / room:.1f}"

    parts = [
        '<line x1="4" x2="296" y1="13" y2="13" stroke="var(--ev-grid)"/>',
        f'<line x1="{x(bounds[0])}" x2="{x(bounds[1])}" y1="13" y2="13" stroke="var(--ev-blue)" stroke-width="5" stroke-linecap="round"/>',
    ]
    if null and null.value is not None:
        parts.append(
            f'<line x1="{x(null.value)}" x2="{x(null.value)}" y1="4" y2="22" stroke="var(--ev-rule)" stroke-width="2" stroke-dasharray="3 2"/>'
        )
    if isinstance(bar, int | float):
        parts.append(f'<line x1="{x(bar)}" x2="{x(bar)}" y1="4" y2="22" stroke="var(--ev-ink)" stroke-width="2"/>')
    parts.append(
        f'<circle cx="{x(value)}" cy="13" r="5" fill="var(--ev-blue)" stroke="var(--ev-paper)" stroke-width="1.5"/>'
    )
    return f'<svg class="ev-interval" viewBox="0 0 300 26" role="img" aria-label="value and interval (blue), chance (dashed), bar (black)">{"".join(parts)}</svg>'
