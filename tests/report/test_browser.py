"""The page in a browser: readable in both designs, on a phone and on paper, and its figures saved without its folder."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST

from report.reports import Written

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium")]
Opening = Callable[..., Any]


@pytest.fixture(scope="module")
def opened(full: Written, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opening]:
    """The report alone in a folder, without its figures, in a window of its own."""
    alone = tmp_path_factory.mktemp("alone") / "report.html"
    shutil.copy(full.files[0], alone)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def opening(width: int = 1160, **more: Any) -> Any:
            page = browser.new_page(viewport={"width": width, "height": 900}, **more)
            page.goto(alone.as_uri())
            page.wait_for_function("!document.querySelector('[data-chart] > img')")
            return page

        yield opening
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_of_wcag_in_both_designs(opened: Opening, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    # Inside a figure the colours of the data are marks, not text to read; what is written there is on white in both designs.
    grounds = page.evaluate(
        "[...document.querySelectorAll('.live svg > rect, .chart')].map((one) => getComputedStyle(one).fill)"
    )
    assert grounds
    found = page.evaluate(CONTRAST)
    poor = [one for one in found["poor"] if " text." not in one]
    assert found["seen"] > 500 and not poor
    page.evaluate("document.querySelector('h1').style.color = '" + ("#999'" if scheme == "light" else "#444'"))
    assert any(" H1." in one for one in page.evaluate(CONTRAST)["poor"])
    page.close()


@pytest.mark.parametrize("width", [390, 1160])
def test_the_page_does_not_scroll_sideways(opened: Opening, width: int) -> None:
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
    )
    assert wide == 0 if width > 1000 else wide > 5
    page.close()


def test_figures_are_saved_from_the_page_alone(opened: Opening, full: Written, tmp_path: Path) -> None:
    page = opened()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for kind in ("svg", "png", "csv"):
        with page.expect_download() as saving:
            page.locator(f"#figure-3 .files a[download$={kind}]").click()
        saving.value.save_as(tmp_path / f"saved.{kind}")
        assert saving.value.suggested_filename == f"figure-3.{kind}"
    written = full.folder / "figures" / "figure-3.svg"
    assert (tmp_path / "saved.svg").read_text(encoding="utf-8") == written.read_text(encoding="utf-8")
    data = (tmp_path / "saved.png").read_bytes()
    width = float(ElementTree.fromstring(written.read_text(encoding="utf-8")).attrib["width"])
    assert data.startswith(b"\x89PNG") and int.from_bytes(data[16:20], "big") == pytest.approx(2 * width, abs=2)
    assert (tmp_path / "saved.csv").read_text(encoding="utf-8").startswith("emotion,")
    assert not [url for url in asked if not url.startswith("data:")]
    page.close()


SPARSE = 1 / 3  # of a page: less than that is nearly empty


def printed(page: Any, path: Path) -> Any:
    """The page as an opened PDF on A4."""
    pdfium = pytest.importorskip("pypdfium2", reason="the printed page is looked at with pypdfium2")
    page.emulate_media(media="print")
    page.pdf(path=path, format="A4")
    return pdfium.PdfDocument(path)


def faults_of_print(paper: Any, heads: list[str]) -> list[str]:
    """Pages other than the last with little on them, and pages that end with a heading."""
    found = []
    for number, sheet in enumerate(paper, 1):
        grey = sheet.render(scale=0.5, grayscale=True).to_numpy()
        dark = (grey.reshape(len(grey), -1) < 245).any(axis=1).nonzero()[0]
        reached = dark.max() / (sheet.get_height() / 2) if len(dark) else 0
        if number < len(paper) and reached < SPARSE:
            found.append(f"page {number} ends after {reached:.0%}")
        last = sheet.get_textpage().get_text_bounded().strip().splitlines()[-1].strip()
        if any(head.endswith(last) and len(last) > 12 for head in heads):
            found.append(f"page {number} ends with a heading: {last}")
    return found


def test_on_paper_no_page_is_nearly_empty_and_none_ends_with_a_heading(opened: Opening, tmp_path: Path) -> None:
    page = opened()
    heads = page.evaluate(
        "[...document.querySelectorAll('h2, h3, caption')].map((one) => one.textContent.replace(/\\s+/g, ' ').trim())"
    )
    assert len(heads) > 30
    paper = printed(page, tmp_path / "report.pdf")
    assert len(paper) > 20 and not faults_of_print(paper, heads)
    # Both are told: every figure on a page of its own, every heading at the foot of a page.
    page.add_style_tag(content="@media print{figure{break-after:page!important}h3{break-after:page!important}}")
    told = "; ".join(faults_of_print(printed(page, tmp_path / "worse.pdf"), heads))
    assert "ends after" in told and "with a heading" in told
    page.close()


def test_paper_is_light_and_shows_what_is_folded(opened: Opening) -> None:
    page = opened(color_scheme="dark")
    hidden = """[...document.querySelectorAll('table')].filter((one) => !one.checkVisibility({contentVisibilityAuto: true})
        || one.getBoundingClientRect().height < 20).length"""
    assert page.evaluate(hidden) > 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(hidden) == 0
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(31, 35, 40)"
    pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    # The same without the rule has as many pages less as the folded tables are long.
    page.add_style_tag(
        content="@media print{details::details-content{content-visibility:hidden!important;display:none!important}}"
    )
    assert pages > len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    page.close()
