"""A new user's way through everything: a shell, the explorer and the report in a browser, and a notebook, on one toy run.

What a single view must do is tested beside it; here is what a person does one after the other. With EMOTION_VECTORS_SCREENSHOTS=FOLDER
every page is saved there, for somebody to look at.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from contrast import CONTRAST
from explorer import test_browser as explorer

from emotion_vectors import EmotionVectors

pytestmark = [*explorer.pytestmark, pytest.mark.slow]
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
TEXT = "I have lost the keys & <i>everything</i>, 100 % of it."


@pytest.fixture(scope="module")
def run(toy_run, tmp_path_factory):
    """A copy of the toy run, under the name that a user would give it."""
    return Path(shutil.copytree(toy_run[0], tmp_path_factory.mktemp("runs") / "mine"))


@pytest.fixture(scope="module")
def address(run):
    with explorer.serving([run]) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with explorer.chromium() as opened:
        yield opened


def saved(page, name):
    """Save a picture of the whole page where one is wanted."""
    if folder := os.environ.get("EMOTION_VECTORS_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, timeout=4 * explorer.PATIENCE)


def looked_at(page, name, width):
    """Every text can be read and nothing is beyond the right edge; a picture of it is saved."""
    page.wait_for_timeout(300)  # transitions of colours
    saved(page, name)
    found = page.evaluate(CONTRAST)
    # Texts in the report's figures stand on white in both designs, which the measure can't see.
    poor = [one for one in found["poor"] if " text." not in one]
    assert found["seen"] > 20 and not poor, (name, poor)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_in_a_shell(run, call, tmp_path):
    def said(*words):
        done = call(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    assert json.loads(said("plan", "--preset", "toy", "--json"))
    assert "V11" in said(
        "run", "--preset", "toy", "--device", "cpu", "--out", run
    )  # finished: nothing is computed again
    assert "V1" in said("report", run) or (run / "report.html").exists()
    assert "steering" in said("status", run)
    letter = tmp_path / "letter.txt"
    letter.write_text(TEXT)
    assert "reliability" in said("read", letter, "--vectors", run, "--device", "cpu")
    asked = ["steer", run, "How was your day?", "--max-tokens", "16", "--device", "cpu"]
    found = said(*asked, "--find-strength", "--emotion", "calm", "--json")
    strength = find_number(json.loads(found), "strength") or 0.05
    answer = json.loads(said(*asked, "--emotion", f"calm={strength}", "--json"))
    assert json.dumps(answer).count('"text"') >= 3
    out = tmp_path / "control"
    said("export", run, "--format", "gguf", "--emotions", "calm,desperate", "--out", out)
    assert sorted(file.name for file in out.iterdir()) == ["calm.gguf", "desperate.gguf"]
    assert call("export", run, "--format", "gguf", "--emotions", "calm", "--out", out).returncode == 2  # they are there


def find_number(value, name):
    """The first number under a name, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get(name), (int, float)):
            return value[name]
        value = list(value.values())
    found = [find_number(one, name) for one in value] if isinstance(value, list) else []
    return next((one for one in found if one is not None), None)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_the_explorer(run, address, browser, scheme, size):
    width, height = SIZES[size]
    asked = []
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(explorer.PATIENCE)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.locator("#ev-about .ev-facts").wait_for()
    for name in explorer.TABS:
        explorer.tab(page, name)
        if name == "Read":
            field = page.locator("#ev-emotion input")
            field.click()
            page.locator("[role=option]:visible").first.wait_for()
            page.keyboard.type("desp")
            explorer.expect(page.locator("[role=option]:visible").first).to_contain_text("desperate")
            field.press("Enter")
            explorer.expect(field).to_have_value("desperate")
            field.blur()
            page.locator("#ev-written textarea").fill(TEXT)
            explorer.read(page)
            shown = page.locator("#ev-coloured").inner_text()
            link = page.locator(".ev-share").get_attribute("href")
        if name == "Steer":
            explorer.set_number(page, "length", 12)
            page.locator("#ev-write").click()
            explorer.arm(page, "random direction").wait_for()
        if name == "Stories":
            page.locator("#ev-story-read").click()
            page.locator("#ev-story-tokens .ev-t").first.wait_for()
        looked_at(page, f"explorer-{name.lower()}-{size}-{scheme}", width)
    page.goto(address + link)
    page.locator("#ev-coloured .ev-t").first.wait_for()  # nothing is pressed
    assert page.locator("#ev-coloured").inner_text() == shown and "desperate" in shown
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)
    context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_the_report(run, browser, scheme, size):
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto((run / "report.html").as_uri())
    page.wait_for_function("!document.querySelector('[data-chart] > img')")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    looked_at(page, f"report-{size}-{scheme}", width)
    for place in page.locator("nav a").all():
        assert page.locator(place.get_attribute("href")).count() == 1
    context.close()


def test_in_a_notebook(run):
    notebooks = pytest.importorskip(
        "notebooks", reason="needs nbclient: pip install 'emotion-vectors[dev]'", exc_type=ImportError
    )
    cell = notebooks.nbformat.v4.new_code_cell
    book = notebooks.nbformat.v4.new_notebook(cells=[
        cell('RUN = ""'),
        cell("import altair as alt\nfrom emotion_vectors import EmotionVectors\nalt.renderers.enable('svg')\n"
             f"vectors = EmotionVectors.load(RUN)\nreading = vectors.read(vectors.own_model(), {TEXT!r})\nreading.top(3)"),
        cell("reading.plot()"),
    ])  # fmt: skip
    top, plot = [notebooks.shown(one)[-1] for one in notebooks.code(notebooks.execute(book, run))[1:]]
    vectors = EmotionVectors.load(run)
    names = [name for name, _ in vectors.read(vectors.own_model(), TEXT).top(3)]
    assert [name for name in vectors.emotions if name in top.text] == sorted(names, key=vectors.emotions.index)
    assert plot.kind == notebooks.SVG and names[0] in plot.text
