"""What training changed, as sentences and a table of the comparison's page."""

from __future__ import annotations

from emotion_vectors.report.topic import Cell, Table
from emotion_vectors.report.wording import count, fixed, interval, number, p_value, signed
from emotion_vectors.store.schema import JsonObject

MOST = 5  # emotions at each end of the table
PUBLISHED = (0.83, 0.67)  # paper, r of the mean cosines of base and post-trained model: neutral and challenging prompts


def training_seen(runs: list[str], found: JsonObject) -> list[str]:
    """Sentences about the second run's model read with the first one's vectors."""
    first, second = runs
    said = [
        f"Before and after training: the models of {first} and {second} at the response position of {count(found['prompts'], 'scenario')}, "
        f"both read with the vectors of {first} at layer {found['layer']}. {_profile(found)} {_within(found)}",
        _shift(found),
    ]
    if len(set(found["formats"])) > 1:
        said.append(
            f"The prompts have a different format in each ({' and '.join(found['formats'])}), so part of the shift can be the format's."
        )
    return said


def _profile(found: JsonObject) -> str:
    part = found["profile"]
    if part is None:
        return "The emotions' mean cosines have no spread, so there is no r."
    random = f"; random directions {_middle(part['random'])}" if part["random"] else ""
    neutral, challenging = PUBLISHED
    return (
        f"The emotions' mean cosines before and after correlate with r = {fixed(part['r'])} (95 % interval "
        f"{interval(part['interval'], 2)}; "
        f"{fixed(part['exchanged'])} with the emotions shuffled, {p_value(part['p'])}{random}; paper {fixed(neutral)} over neutral "
        f"and {fixed(challenging)} over challenging prompts)."
    )


def _within(found: JsonObject) -> str:
    part = found["within"]
    if part is None:
        return "Within the emotions there is no spread."
    random = f"; random directions {_middle(part['random'])}" if part["random"] else ""
    return (
        f"Within the emotions, the differences between scenarios agree with r = {fixed(part['r'])} ({interval(part['interval'], 2)}; "
        f"{fixed(part['shuffled'])} with the scenarios shuffled, {p_value(part['p'])}{random})."
    )


def _middle(band: dict[str, float]) -> str:
    return interval([band["low"], band["high"]], 2)


def _shift(found: JsonObject) -> str:
    """How many emotions move, beside random directions, and from where to where."""
    emotions = found["emotions"]
    order = sorted(emotions, key=lambda one: one["shift"])
    ends = [f"{one['emotion']} {_moved(one)}" for one in (order[0], order[-1])]
    return (
        f"The mean cosine of an emotion shifts by {fixed(found['shift'], 3)} (size, on average), that of a random direction by "
        f"{fixed(found['random_shift'], 3)}. {number(found['beyond'])} of {count(len(emotions), 'emotion')} shift by more than 95 % of random "
        f"directions do, with an interval that excludes 0; by chance at most about {number(round(0.05 * len(emotions), 1))} would. "
        f"The shifts run from {' to '.join(ends)}."
    )


def _moved(one: JsonObject) -> str:
    return f"{signed(one['shift'], 3)} ({interval(one['interval'], 3)})"


def training_table(runs: list[str], found: JsonObject | None) -> Table | None:
    """The emotions that training moved most, up and down; None without the comparison."""
    if not found:
        return None
    order = sorted(found["emotions"], key=lambda one: one["shift"], reverse=True)
    shown = order if len(order) <= 2 * MOST else [*order[:MOST], *order[-MOST:]]
    rows = tuple(
        (Cell(one["emotion"]), Cell(fixed(one["before"], 3), "number"), Cell(fixed(one["after"], 3), "number"), Cell(_moved(one), "number"))
        for one in shown
    )  # fmt: skip
    note = (
        f"Vectors of {runs[0]}. Interval: scenarios resampled. 95 % of random directions shift by less than "
        f"{fixed(found['random_95'], 3)}. Which emotions move most differs between prompts and between ways to score; the paper's "
        "list was not found again elsewhere."
    )
    return Table(
        "Mean cosine at the response position, highest and lowest shift",
        ("Emotion", runs[0], runs[1], "Shift (95 %)"), rows, note,
    )  # fmt: skip
