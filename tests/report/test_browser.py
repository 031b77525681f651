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
