"""The record of a benchmark as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

from emotion_vectors.store.schema import JsonObject


def tables(record: JsonObject) -> Iterator[Table]:
    """The jobs; the engines that write; the growth. What was not measured is a dash with its reason in the record."""
    machine = record["machine"]
    model, accelerator = machine["model"], machine["accelerator"]
    where = accelerator["name"] if accelerator else f"{machine['processor']}, {machine['threads']} threads"
    yield _jobs(record["jobs"], f"{model['name']}, {model['dtype']} on {where}")
    engines = record["jobs"]["writing"].get("engines")
    if engines:
        yield _engines(engines)
    if any(record["growth"].get(job) for job in ("extraction", "steering")):
        yield _growth(record["growth"])


def _jobs(jobs: Mapping[str, JsonObject], title: str) -> Table:
    table = Table("job", "unit", "rate", "plain", "ratio", "limit", "of limit", "differ by", title=title)
    for name, job in jobs.items():
        plain, limit, check = job.get("plain", {}), job.get("limit", {}), job.get("check", {})
        table.add_row(
            name, job["unit"], shown(job["rate"]), shown(plain.get("rate")), shown(job["ratio_to_plain"], "x"),
            shown(limit.get("rate")), percent(job["fraction_of_limit"]),
            f"{check['largest_difference']:.1e}" if "largest_difference" in check else "-",
        )  # fmt: skip
    return table


def _engines(engines: Mapping[str, JsonObject]) -> Table:
    table = Table("engine", "tokens/s", "remark", title="Writing")
    for name, engine in engines.items():
        table.add_row(name, shown(engine["rate"]), engine.get("rate_reason", ""))
    return table


def _growth(growth: Mapping[str, list[JsonObject] | None]) -> Table:
    table = Table("job", "work", "seconds", "seconds per unit", "peak memory, MiB", "to 1x", title="Growth")
    for job in ("extraction", "steering"):
        rows = growth.get(job) or []
        for row in rows:
            table.add_row(
                job, f"{row['amount']:,} {row['unit']}", f"{row['seconds']:.1f}", f"{row['seconds'] / row['amount']:.3f}",
                f"{row['peak_bytes'] / 2**20:,.0f}", f"{row['peak_bytes'] / rows[0]['peak_bytes'] - 1:+.1%}",
            )  # fmt: skip
    return table


def shown(value: float | None, unit: str = "") -> str:
    """A rate or a ratio with about three digits, a dash for what was not measured."""
    if value is None:
        return "-"
    return f"{value:,.0f}{unit}" if abs(value) >= 100 else f"{value:.3g}{unit}"


def percent(value: float | None) -> str:
    """A fraction as a percentage, a dash for what was not measured."""
    return "-" if value is None else f"{value:.0%}"
