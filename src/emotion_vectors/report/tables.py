"""The tables of a report, as rows of text made from the record (and from published.py where a column says so)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emotion_vectors.report.checks import CRITERIA
from emotion_vectors.report.contradiction import parts
from emotion_vectors.report.published import CRITERIA as PUBLISHED
from emotion_vectors.report.published import PAPER_CATEGORIES, PAPER_MODEL, SEED_CATEGORIES, SEED_MODEL, Reported
from emotion_vectors.report.wording import fixed, interval, listing, measured, number, p_value, source_name

Record = dict[str, Any]
SYMBOLS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not asked": "–"}


@dataclass(frozen=True)
class Cell:
    """Text of a table cell; `kind` is a CSS class that never says more than the text does."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A caption, column heads and rows of cells; the first cell of a row is its head. `anchors` name the rows.

    `reasons`, one for each row, stand below their rows over the whole width.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    anchors: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def criteria_table(record: Record) -> Table:
    """Table 3: every criterion with value, threshold, interval, null, both verdicts, reason and the published values."""
    rows, reasons = [], []
    for name in CRITERIA:
        criterion, published = record["criteria"][name], PUBLISHED[name]
        seen = parts(criterion, "detectable").get("sentence")
        reason = " ".join(text for text in (criterion.get("reason"), criterion.get("note"), seen) if text)
        reasons.append(reason or "No reason recorded.")
        rows.append(
            (
                Cell(f"{name} {criterion['name']}"),
                Cell(_value(record, name, criterion), "number"),
                Cell(interval(criterion.get("interval")), "number"),
                Cell(_null(criterion), "null"),
                verdict_cell(criterion["verdict"]),
                _by_threshold(criterion),
                Cell(_reported(published.paper), "number"),
                Cell(_reported(published.seed), "number"),
                Cell(_reported(published.corrected), "number"),
            )
        )
    columns = (
        "Criterion",
        "Value",
        "95 % interval",
        "Null",
        "Verdict",
        "By the seed's threshold",
        "Paper",
        "Seed",
        "Seed, corrected",
    )
    note = (
        "The verdict asks what the interval allows and what chance gives; the seed's threshold is applied to the value alone, scaled where fewer "
        "emotions were run. For V2 to V5 that value is the seed's own statistic (five pairs, raw cosines of the first scenarios, templates "
        "without twins); the verdict is on a stronger one of ours. V10 passes only with the right sign."
    )
    return Table("Table 3. Verdicts", columns, tuple(rows), note, CRITERIA, tuple(reasons))


def verdict_cell(verdict: str) -> Cell:
    """A verdict as symbol and word."""
    return Cell(f"{SYMBOLS[verdict]} {verdict}", f"verdict {css(verdict)}")


def css(verdict: str) -> str:
    """The CSS class of a verdict."""
    return verdict.replace(" ", "-")


def _by_threshold(criterion: dict[str, Any]) -> Cell:
    verdict, own = verdict_cell(criterion["seed_verdict"]), criterion.get("seed")
    threshold = (own or criterion).get("threshold_text")
    if own and own["value"] is not None:
        out_of = f" of {number(own['of'])}" if own["of"] is not None else ""
        threshold = f"{number(own['value'])}{out_of} {own['unit']}, {threshold}"
    return Cell(
        f"{verdict.text} ({threshold})" if threshold else verdict.text, f"threshold {css(criterion['seed_verdict'])}"
    )


def _null(criterion: dict[str, Any]) -> str:
    null = criterion.get("null")
    if not null or (null.get("value") is None and null.get("p") is None):
        return "none"
    value = number(null["value"]) if null.get("value") is not None else ""
    p = p_value(null["p"]) if null.get("p") is not None else ""
    return f"{null['what']}: {', '.join(text for text in (value, p) if text)}"


def _value(record: Record, name: str, criterion: dict[str, Any]) -> str:
    """The value; of V11, which counts signs of the valence, also the count of signs of r, which is what the paper's figure shows."""
    text, by_r = measured(criterion), parts(record, "experiments", "steering").get("signs_by_correlation")
    if name != "V11" or by_r is None or criterion.get("value") is None:
        return text
    steered = len(parts(record, "experiments", "steering").get("emotions") or [])
    return f"{text} by valence, {number(by_r)}/{steered} by sign of r"


def _reported(value: Reported | None) -> str:
    if value is None:
        return "not given"
    text = f"{number(value.value)}/{value.of}" if value.of is not None else number(value.value)
    return f"{text} {value.counts}".strip()


def category_table(record: Record) -> Table | None:
    """Table 2: mean score of each category beside the paper's Table 9 and the seed's Table 2; None without preferences."""
    categories = parts(record, "experiments", "preferences").get("categories")
    if not categories:
        return None
    ordered = sorted(categories, key=lambda row: -row["bradley_terry"])
    rows = tuple(
        (
            Cell(row["category"]),
            Cell(fixed(row["bradley_terry"], 0), "number"),
            Cell(fixed(row["elo"], 0), "number"),
            Cell(_published_mean(PAPER_CATEGORIES, row["category"]), "number"),
            Cell(_published_mean(SEED_CATEGORIES, row["category"]), "number"),
        )
        for row in ordered
    )
    note = "Mean score of the category in Elo points. The paper's mean over all activities is 1500, everywhere else it is 1000: compare the order and the gaps."
    columns = ("Category", "This run, Bradley-Terry", "This run, Elo", f"Paper ({PAPER_MODEL})", f"Seed ({SEED_MODEL})")
    return Table("Table 2. Preference by category", columns, rows, note)


def _published_mean(means: dict[str, int], category: str) -> str:
    if category not in means:
        return "not given"
    return f"{number(means[category])} (rank {sorted(means.values(), reverse=True).index(means[category]) + 1})"


def lens_table(record: Record) -> Table | None:
    """Table 5: what each emotion's vector puts up and down in the vocabulary; None without the lens."""
    lens = parts(record, "experiments", "lens")
    if not lens.get("emotions"):
        return None
    rows = tuple(
        (
            Cell(row["emotion"]),
            Cell("yes" if row["hit"] else "no"),
            Cell(number(row.get("best_rank")), "number"),
            Cell(_tokens(row["top"])),
            Cell(_tokens(row["bottom"])),
        )
        for row in lens["emotions"]
    )
    other = lens.get("other") or {}
    norm = {True: "through the final norm", False: "without the final norm"}
    note = f"Own word among the top {lens['k']} tokens, {norm[bool(lens.get('through_norm'))]}."
    if other.get("count") is not None:
        note += f" {norm[bool(other.get('through_norm'))].capitalize()} it is {other['count']} of {lens['of']}."
    multi = lens.get("multi_word") or []
    if multi:
        hits = sum(bool(row["first_token_hit"]) for row in multi)
        note += f" {number(len(multi))} words have no form of one token; the first token of {number(hits)} of them is among the top."
    return Table(
        "Table 5. Logit lens of every emotion",
        ("Emotion", f"In the top {lens['k']}", "Best rank", "Raised most", "Lowered most"),
        rows,
        note,
    )


def _tokens(tokens: list[str]) -> str:
    return " ".join(f"‹{token}›" for token in tokens)


def pair_table(record: Record) -> Table | None:
    """Table 4: the published opposite pairs and ours; None without them."""
    lens = parts(record, "experiments", "lens")
    found = parts(lens, "opposites")
    rows = tuple(
        (
            Cell(f"{pair['a']} and {pair['b']}"),
            Cell(source),
            Cell(fixed(pair["dot"]), "number"),
            Cell(fixed(pair.get("cosine")), "number"),
        )
        for source, pairs in (("published", lens.get("pairs") or []), ("ours", found.get("pairs") or []))
        for pair in pairs
    )
    if not rows:
        return None
    columns = ("Pair", "List", "Dot product", "Cosine")
    return Table("Table 4. Opposite pairs in the logit lens", columns, rows, pairs_seen(record))


def pairs_seen(record: Record) -> str:
    """What the two lists of pairs give, with their nulls; "" for a record without ours."""
    lens = parts(record, "experiments", "lens")
    few, found = parts(lens, "pairs_test"), parts(lens, "opposites")
    if not found:
        return ""
    pieces = []
    if few.get("of"):
        chance = f"random pairs of emotions give {number(few['null'])}, {p_value(few['p'])}"
        best = f"; all {number(few['of'])} would have {p_value(few['best_p'])}"
        pieces.append(
            f"Of the published pairs {number(few['count'])} of {number(few['of'])} are negative ({chance}{best})."
        )
    if not found["of"]:
        return " ".join([*pieces, "No pair of ours has both of its words in this run."])
    within = found["within_valence"]
    pieces.append(
        f"Of ours, which give the verdict, {number(found['count'])} of {number(found['of'])} are (95 % interval "
        f"{interval(found['interval'])}); the same {number(found['words'])} words paired at random give {number(found['null'])} "
        f"({p_value(found['p'])}), with the partners exchanged among pairs of the same valences {number(within['null'])} "
        f"({p_value(within['p'])})."
    )
    return " ".join(pieces)


def corpus_table(record: Record) -> Table:
    """What was written or read, kept and dropped, with the reasons, and where imported texts come from."""
    corpus = parts(record, "corpus")
    rows: list[tuple[Cell, ...]] = []
    for what, part, written in (("Stories", corpus, "stories"), ("Neutral texts", parts(corpus, "neutral"), "texts")):
        if part.get(written) is None:
            continue
        wanted = (
            f"{number(part['kept'])} of {number(part['wanted'])} wanted"
            if part.get("wanted") is not None
            else number(part["kept"])
        )
        source = parts(part, "source")
        if source:
            rows.append((Cell(f"{what} from"), Cell(source_name(source))))
        rows.append((Cell(f"{what} {'read' if source else 'written'}"), Cell(number(part[written]), "number")))
        rows.append((Cell(f"{what} kept"), Cell(wanted, "number")))
        rows += [
            (Cell(f"{what} dropped: {reason}"), Cell(number(amount), "number"))
            for reason, amount in (part.get("dropped") or {}).items()
        ]
        if part.get("tokens") is not None and not source:
            rows.append(
                (Cell(f"Tokens written for {what.lower()}, kept or not"), Cell(number(part["tokens"]), "number"))
            )
    for key, text in (
        ("short_cells", "Pairs of emotion and topic without a full set of stories"),
        ("fewest_per_emotion", "Fewest stories of an emotion"),
    ):
        if corpus.get(key) is not None:
            rows.append((Cell(text), Cell(number(corpus[key]), "number")))
    return Table("Corpus: what was written, kept and dropped", ("What", "How many"), tuple(rows))


def doctor_table(record: Record) -> Table | None:
    """The self-checks of the run, with what each failed one found; None where none were recorded."""
    checks = parts(record, "doctor")
    rows, failed = [], []
    for name, result in checks.items():
        warns = result["kind"] == "warn"
        verdict = verdict_cell("pass" if result["passed"] else "inconclusive" if warns else "fail")
        rows.append(
            (
                Cell(f"{name}: {result['title']}"),
                verdict,
                Cell(_check_value(result["measured"]), "number"),
                Cell(_check_value(result["limit"]), "number"),
            )
        )
        if not result["passed"]:
            failed.append(f"{name}: {result['detail']}")
    note = "The limits and their reasons are in docs/doctor.md; a failed check marked ? makes the vectors, the preference criteria or the random controls doubtful and stops nothing."
    if failed:
        note += f" {' '.join(failed)}"
    if record.get("failed_checks_allowed"):
        note += " This run was told to go on with failed checks."
    columns = ("Check", "Result", "Measured", "Limit")
    return Table("Self-checks of the instrument", columns, tuple(rows), note) if rows else None


def _check_value(value: float | int | str) -> str:
    """A measured value or limit of a check: rounding errors are small, so they keep their power of ten."""
    if isinstance(value, str):
        return value
    small = isinstance(value, float) and 0 < abs(value) < 1e-2
    return f"{value:.1e}".replace("-", "−") if small else number(value)


def settings_table(record: Record) -> Table:
    """Every setting of the run."""
    settings = parts(record, "settings")
    rows = tuple(
        (Cell(name), Cell(listing([str(v) for v in value]) if isinstance(value, list) else str(value)))
        for name, value in settings.items()
    )
    return Table("All settings", ("Setting", "Value"), rows)


def timing_table(record: Record) -> Table | None:
    """How long each stage took; None where no stage was timed."""
    rows = tuple(
        (
            Cell(stage),
            Cell(f"{fixed(row.get('seconds'), 1)} s", "number"),
            Cell(f"{number(row.get('units'))} {row.get('unit', '')}", "number"),
            Cell(f"{number(row.get('rate'))} per second", "number"),
        )
        for stage, row in parts(record, "timings").items()
        if isinstance(row, dict)
    )
    return Table("Timings", ("Stage", "Time", "Work", "Rate"), rows) if rows else None
