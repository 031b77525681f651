"""Fill docs/planted.md: `python tools/planted_page.py RUN RUN_NONE` prints its tables and pictures both reports.

The two runs are those of `run --model planted` and `run --model planted-none`. Needs Chromium and playwright.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from emotion_vectors.planted import NAMES
from emotion_vectors.planted.measured import Row, compare
from emotion_vectors.planted.worlds import world
from emotion_vectors.vectors.file import EmotionVectors

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def main(folders: list[Path]) -> None:
    """Print both tables, then take the pictures."""
    records = [json.loads((folder / "results.json").read_text(encoding="utf-8")) for folder in folders]
    print("\n".join(verdicts(records)), end="\n\n")
    rows = [rows_of(name, folder, record) for name, folder, record in zip(NAMES, folders, records, strict=True)]
    print("\n".join(measured(rows)))
    for name, folder in zip(NAMES, folders, strict=True):
        picture(folder / "report.html", PICTURES / f"report-{name}.png")


def rows_of(name: str, folder: Path, record: dict) -> list[Row]:
    """Planted and measured values of one run."""
    vectors = EmotionVectors.load(folder)
    return compare(world(name), record, vectors.emotions, vectors.raw)


def verdicts(records: list[dict]) -> list[str]:
    """The eleven criteria of both runs as a Markdown table."""
    lines = [f"| | {' | '.join(f'`{name}` | verdict' for name in NAMES)} |", "|---" * 5 + "|"]
    for key, criterion in records[0]["criteria"].items():
        cells = [f"{key} {criterion['name'].lower()}"]
        for record in records:
            one = record["criteria"][key]
            value = f"{one['value']:.3g}" if one["of"] is None else f"{one['value']:g} of {one['of']}"
            cells += [f"{value} (chance {one['null']['value']:.3g}, p = {one['null']['p']:.2g})", one["verdict"]]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def measured(rows: list[list[Row]]) -> list[str]:
    """Planted and measured values of both runs as a Markdown table."""
    lines = [f"| | {' | '.join(f'{name}: planted | measured' for name in NAMES)} | tolerance |", "|---" * 6 + "|"]
    for pair in zip(*rows, strict=True):
        cells = [f"{value:.3f}" for row in pair for value in (row.planted, row.measured)]
        lines.append(f"| {pair[0].what} | {' | '.join(cells)} | {pair[0].tolerance:g} |")
    return lines


def picture(page_file: Path, out: Path) -> None:
    """The head of a report as wide as half a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1000, "height": 1500})
        page.goto(page_file.resolve().as_uri())
        page.screenshot(path=str(out), clip={"x": 0, "y": 0, "width": 1000, "height": 1500})
        browser.close()


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:3]])
