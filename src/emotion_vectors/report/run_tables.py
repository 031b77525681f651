"""Tables of the run itself: corpus, self-checks, settings and timings."""

from __future__ import annotations

from emotion_vectors.record import Record
from emotion_vectors.record.run import Check, Corpus, Neutral
from emotion_vectors.report.criteria import verdict_cell
from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import fixed, listing, number, source_name


def corpus_table(record: Record) -> Table:
    """What was written or read, kept and dropped, with the reasons, and where imported texts come from."""
    corpus = record.corpus or Corpus()
    neutral = corpus.neutral or Neutral()
    rows: list[tuple[Cell, ...]] = []
    for what, part, total in (("Stories", corpus, corpus.stories), ("Neutral texts", neutral, neutral.texts)):
        if total is None:
            continue
        wanted = (
            f"{number(part.kept)} of {number(part.wanted)} wanted" if part.wanted is not None else number(part.kept)
        )
        if part.source:
            rows.append((Cell(f"{what} from"), Cell(source_name(part.source))))
        rows.append((Cell(f"{what} {'read' if part.source else 'written'}"), Cell(number(total), "number")))
        rows.append((Cell(f"{what} kept"), Cell(wanted, "number")))
        rows += [
            (Cell(f"{what} dropped: {reason}"), Cell(number(amount), "number"))
            for reason, amount in part.dropped.items()
        ]
        if part.tokens is not None and not part.source:
            rows.append((Cell(f"Tokens written for {what.lower()}, kept or not"), Cell(number(part.tokens), "number")))
    for amount, text in (
        (corpus.short_cells, "Pairs of emotion and topic without a full set of stories"),
        (corpus.fewest_per_emotion, "Fewest stories of an emotion"),
    ):
        if amount is not None:
            rows.append((Cell(text), Cell(number(amount), "number")))
    return Table("Corpus: what was written, kept and dropped", ("What", "How many"), tuple(rows))


def doctor_table(record: Record) -> Table | None:
    """The self-checks of the run, with what each failed one found; None where none were recorded."""
    rows, failed = [], []
    for name, check in record.doctor.items():
        verdict = verdict_cell("pass" if check.passed else "inconclusive" if check.kind == "warn" else "fail")
        rows.append(
            (
                Cell(f"{name}: {check.title}"),
                verdict,
                Cell(_check_value(check.measured), "number"),
                Cell(_limit(check), "number"),
            )
        )
        if not check.passed:
            failed.append(f"{name}: {check.detail}")
    note = "The limits and their reasons are in docs/doctor.md. A failed check marked ? does not stop the run; read the vectors, the preference criteria or the random controls with caution."
    if failed:
        note += f" {' '.join(failed)}"
    if record.failed_checks_allowed:
        note += " This run was told to continue with failed checks."
    columns = ("Check", "Result", "Measured", "Limit")
    return Table("Self-checks of the instrument", columns, tuple(rows), note) if rows else None


def _check_value(value: float | int | str) -> str:
    """A measured value or limit of a check: rounding errors are small, so they keep their power of ten."""
    if isinstance(value, str):
        return value
    small = isinstance(value, float) and 0 < abs(value) < 1e-3
    return f"{value:.1e}".replace("-", "−") if small else number(value)


def _limit(check: Check) -> str:
    """The limit with its sign, told from which side of it a result passed or failed."""
    measured, limit = check.measured, check.limit
    if isinstance(measured, str) or isinstance(limit, str):
        return _check_value(limit)
    if measured == limit:  # of this many things all must be right; an amount of error may reach its limit
        return f"all {number(limit)}" if isinstance(limit, int) and limit else f"at most {_check_value(limit)}"
    return f"at {'most' if (measured < limit) == check.passed else 'least'} {_check_value(limit)}"


def settings_table(record: Record) -> Table:
    """Every setting of the run."""
    rows = tuple(
        (Cell(name), Cell(listing([str(v) for v in value]) if isinstance(value, list) else str(value)))
        for name, value in record.settings.items()
    )
    return Table("All settings", ("Setting", "Value"), rows)


def timing_table(record: Record) -> Table | None:
    """How long each stage took; None where no stage was timed."""
    rows = tuple(
        (
            Cell(stage),
            Cell(f"{fixed(row.seconds, 1)} s", "number"),
            Cell(f"{number(row.units)} {row.unit}", "number"),
            Cell(f"{number(row.rate)} per second", "number"),
        )
        for stage, row in record.timings.items()
    )
    return Table("Timings", ("Stage", "Time", "Work", "Rate"), rows) if rows else None
