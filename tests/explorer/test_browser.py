"""The explorer in a real browser: every tab does its job, hostile words are text, visitors don't steer each other.

Writes pictures of every tab into $EMOTION_VECTORS_PICTURES (of the run $EMOTION_VECTORS_PICTURES_RUN, if that is set). Every
request of the browser is recorded, and one to another machine fails the test that made it.
"""

import json
import os
import re
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
import pytest
from contrast import CONTRAST

from emotion_vectors import EmotionVectors, load_model
from emotion_vectors.explorer import writing
from emotion_vectors.explorer.models import Models
from emotion_vectors.explorer.serve import application, free_port
from explorer.conftest import ATTACK

uvicorn = pytest.importorskip("uvicorn", reason="the browser tests need gradio: pip install 'emotion-vectors[ui]'")
playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="the browser tests need playwright: pip install 'emotion-vectors[dev]'"
)

CHROMIUM = Path("/usr/bin/chromium")
# CI installs Chromium, so there a missing one is a failure.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and not os.environ.get("CI"),
        reason="the browser tests need Chromium at /usr/bin/chromium",
    ),
]
expect, sync_playwright = playwright_api.expect, playwright_api.sync_playwright
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
TABS = ("Read", "Steer", "Preferences", "Map", "Stories", "Verdicts")
# Pixels by which tables are wider than their box, and by which two that stand side by side cover each other.
OVER_THE_EDGE = """() => {
  const sides = [...document.querySelectorAll('.ev-columns > * + *')].map((one) => {
    const [left, right] = [one.previousElementSibling, one].map((some) => some.getBoundingClientRect());
    return left.bottom <= right.top ? 0 : left.right - right.left;
  });
  return [...document.querySelectorAll('.ev-tall')].map((box) => box.scrollWidth - box.clientWidth).concat(sides);
}"""
PATIENCE = 60_000  # milliseconds for anything that the page computes
expect.set_options(timeout=PATIENCE)


class Site:
    """The served explorer and the browser; opens pages that record where they send requests."""

    def __init__(self, address, browser):
        self.address, self.browser, self.hosts, self.pages, self.errors = address, browser, set(), [], []

    def page(self, run="toy", width=1280, context=None, scheme=None):
        """A page of the run. All are in one context, which keeps gradio's scripts, unless another is given."""
        page = (context or self.browser).new_page()
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        self.pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.address)
        page.locator("#ev-about .ev-facts").wait_for()
        if run != "toy":
            choose(page, "run", run)
        return page


@contextmanager
def serving(folders):
    """The address of an explorer of these runs, served by a thread of this process."""
    port = free_port("127.0.0.1", None)
    app = application(folders, Models(), "127.0.0.1", None)
    running = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/"
    running.should_exit = running.force_exit = True
    thread.join(10)


@contextmanager
def chromium():
    """The browser of these tests."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def server(toy_run, hostile_run, tmp_path_factory):
    new = tmp_path_factory.mktemp("unfinished") / "unfinished"
    new.mkdir()
    (new / "run.json").write_text("{}")
    shown = os.environ.get("EMOTION_VECTORS_PICTURES_RUN")
    with serving([toy_run, hostile_run, new, *([Path(shown)] if shown else [])]) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened.new_context()


@pytest.fixture
def site(server, browser):
    opened = Site(server, browser)
    yield opened
    for page in opened.pages:
        page.close()
    assert opened.hosts == {"127.0.0.1"}, f"requests left the machine: {opened.hosts}"
    assert not opened.errors, opened.errors


def tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def choose(page, component, option):
    """Choose in a list as a user of the keyboard does: type nearly all of the name, see it offered first, press Enter."""
    field, first = page.locator(f"#ev-{component} input"), page.locator("[role=option]:visible").first
    for wait in (5_000, 10_000, PATIENCE):
        try:
            field.click()
            # The list opens on focus and then shows everything: what is typed before that is forgotten on a slow machine.
            first.wait_for(timeout=wait)
            field.press("ControlOrMeta+a")
            field.press_sequentially(option[:-1])
            expect(first).to_contain_text(option, timeout=wait)
            field.press("Enter")
            # The last letter was not typed, so it comes from the list.
            expect(field).to_have_value(re.compile(re.escape(option)), timeout=wait)
        except (AssertionError, playwright_api.TimeoutError):
            if wait == PATIENCE:
                raise
            field.blur()
        else:
            return field.blur()


def set_number(page, component, value):
    field = page.locator(f"#ev-{component} input[type=number]")
    field.fill(str(value))
    field.press("Tab")


def read(page):
    page.locator("#ev-read").click()
    page.locator("#ev-coloured .ev-t").first.wait_for()


def arm(page, name, state="done"):
    return page.locator(f'#ev-answers [data-arm="{name}"][data-state="{state}"]')


def test_read_colours_every_token_with_the_values_of_the_library_and_tells_a_mistake(site, toy_run):
    page = site.page()
    read(page)  # the example is there already
    page.get_by_role("button", name="Example chat").click()
    expect(page.locator("#ev-written textarea")).to_have_value(re.compile("failed the exam"))
    page.locator("#ev-written textarea").fill("User: It rains <b>again</b>.")
    page.locator("#ev-read").click()
    expect(page.locator("#ev-coloured .ev-role")).to_have_text(["user"])
    choose(page, "emotion", "sad")
    set_number(page, "layer", 1)
    expect(page.locator("#ev-coloured .ev-facts")).to_contain_text("sad at layer 1")
    vectors = EmotionVectors.load(toy_run)
    reading = vectors.read(
        load_model("toy", dtype="float32"), [{"role": "user", "content": "It rains <b>again</b>."}], ["sad"], [1]
    )
    tokens = page.locator("#ev-coloured .ev-t")
    tips = [tokens.nth(i).get_attribute("data-tip") for i in range(tokens.count())]
    raw = [float(re.search(r"raw: (\S+)", tip).group(1).replace("−", "-")) for tip in tips]
    assert raw == pytest.approx(reading.raw[:, 0, 0], abs=6e-4)
    assert "".join(t.replace("\n", "↵\n") for t in reading.tokens) == "".join(tokens.all_text_contents())
    assert "ev-response" in tokens.nth(reading.response).get_attribute("class")
    tokens.nth(3).hover()
    expect(page.locator("#ev-tip")).to_be_visible()
    assert page.locator("#ev-tip").text_content() == tips[3]
    tokens.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_be_focused()
    assert page.locator("#ev-tip").text_content() == tips[1]
    page.keyboard.press("Escape")
    expect(page.locator("#ev-tip")).to_be_hidden()
    page.locator("#ev-written textarea").fill("  ")
    page.locator("#ev-read").click()
    expect(page.locator("#ev-coloured [role=alert]")).to_contain_text("paste a text")


def test_steer_writes_three_answers_and_warns_of_long_additions(site):
    page = site.page()
    tab(page, "Steer")
    set_number(page, "length", 12)
    expect(page.locator("#ev-meter .ev-fine")).to_be_visible()
    set_number(page, "strength-0", 99)
    expect(page.locator("#ev-strength-0 input[type=number]")).to_have_value("1.5")
    expect(page.locator("#ev-meter")).to_contain_text("1.50 × ")
    set_number(page, "strength-0", 1.2)
    expect(page.locator("#ev-meter .ev-far")).to_be_visible()
    page.get_by_role("button", name="Add an emotion").click()
    choose(page, "emotion-1", "angry")
    set_number(page, "strength-1", 0.3)
    expect(page.locator("#ev-meter")).to_contain_text("0.30 × angry")
    page.locator("#ev-write").click()
    arm(page, "random direction").wait_for()
    texts = [
        arm(page, name).locator(".ev-story").text_content() for name in ("unsteered", "steered", "random direction")
    ]
    assert len(set(texts)) == 3
    # Read as well, token by token; the next turn goes on from each arm's own answer.
    tokens = arm(page, "steered").locator(".ev-story .ev-t")
    expect(tokens.first).to_have_attribute("data-tip", re.compile("calm, raw"))
    assert "".join(tokens.all_text_contents()) == arm(page, "steered").locator(".ev-story").text_content()
    page.locator("#ev-prompt textarea").fill("And then?")
    page.locator("#ev-go-on").click()
    expect(arm(page, "steered").locator(".ev-turn")).to_have_count(3)
    expect(arm(page, "steered").locator(".ev-turn").nth(1)).to_contain_text(texts[1].replace("↵", "")[:20])
    page.locator("#ev-find").click()
    expect(page.locator("#ev-meter .ev-note")).to_contain_text("with a random direction of the same length")
    page.locator("#ev-row-1").get_by_role("button", name="Remove").click()
    expect(page.locator("#ev-meter")).not_to_contain_text("angry")
    page.get_by_label("words of the prompt").check()
    page.locator("#ev-words textarea, #ev-words input").fill("no such words")
    page.locator("#ev-write").click()
    expect(page.locator("#ev-answers [role=alert]")).to_contain_text("doesn't contain the text")


def test_stop_keeps_what_was_written_and_says_so(site, monkeypatch):
    decode = writing.decode

    def slowly(*args, on_token, **more):
        return decode(*args, on_token=lambda row, token: (time.sleep(0.2), on_token(row, token))[1], **more)

    monkeypatch.setattr(writing, "decode", slowly)
    page = site.page()
    tab(page, "Steer")
    set_number(page, "length", 400)
    page.locator("#ev-write").click()
    page.locator("#ev-answers [data-state='writing'] .ev-story").first.wait_for()
    # Tokens are coloured while the rest is written, in all three.
    for name in ("unsteered", "steered", "random direction"):
        token = arm(page, name, "writing").locator(".ev-t").first
        expect(token).to_have_attribute("data-tip", re.compile(r"calm [+−]0\.\d{3}"))
    page.locator("#ev-stop").click()
    expect(page.locator("#ev-answers [data-state='stopped']")).to_have_count(3)
    expect(page.locator("#ev-answers [data-state='stopped'] .ev-story")).to_have_count(3)
    # The model is free again at once, also where a visitor closes the page in the middle.
    page.locator("#ev-write").click()
    page.locator("#ev-answers [data-state='writing'] .ev-story").first.wait_for()
    page.close()
    page = site.page()
    tab(page, "Steer")
    monkeypatch.setattr(writing, "decode", decode)
    set_number(page, "length", 8)
    page.locator("#ev-write").click()
    arm(page, "random direction").wait_for()


def test_two_visitors_at_once_do_not_steer_each_other(site):
    first, second = site.page(), site.page(context=site.browser.browser.new_context())
    for page, strength in ((first, 1.5), (second, -1.5)):
        tab(page, "Steer")
        set_number(page, "length", 32)
        set_number(page, "strength-0", strength)

    def answers(page):
        arm(page, "random direction").wait_for()
        return [
            arm(page, name).locator(".ev-story").text_content() for name in ("unsteered", "steered", "random direction")
        ]

    def write(page):
        # Answers of before are no longer called done, so that those of now are waited for.
        page.evaluate(
            "document.querySelectorAll('#ev-answers [data-state]').forEach(card => card.dataset.state = 'old')"
        )
        page.locator("#ev-write").click()

    alone = []
    for page in (first, second):
        write(page)
        alone.append(answers(page))
    assert alone[0][0] == alone[1][0] and alone[0][1] != alone[1][1]
    for page in (first, second):
        write(page)
    assert [answers(first), answers(second)] == alone


def test_preferences_sort_filter_and_show_pairs(site, toy_run):
    page = site.page()
    tab(page, "Preferences")
    scores = pl.read_parquet(toy_run / "scores.parquet").sort("nats", descending=True)
    rows = page.locator("#ev-activities tbody tr")
    expect(rows).to_have_count(len(scores))
    assert rows.locator("td:first-child").all_text_contents() == scores["text"].to_list()
    choose(page, "sort", "least preferred first")
    expect(rows.first).to_contain_text(scores["text"][-1])
    choose(page, "category", "Neutral")
    expect(rows).to_have_count(2)
    wanted = rows.first.get_by_role("button")
    name = wanted.text_content()
    wanted.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ev-pairs caption")).to_contain_text(f"“{name}”")
    expect(page.locator("#ev-pairs tbody tr")).to_have_count(len(scores) - 1)


def test_map_chooses_by_mouse_key_and_list(site):
    page = site.page()
    tab(page, "Map")
    near = page.locator("#ev-near h3")
    expect(near).to_have_text("calm")
    page.locator('[data-emotion="sad"]').click()
    expect(near).to_have_text("sad")
    expect(page.locator("#ev-map-emotion input")).to_have_value("sad")
    page.locator('[data-emotion="proud"]').focus()
    page.keyboard.press("Enter")
    expect(near).to_have_text("proud")
    choose(page, "map-emotion", "happy")
    expect(near).to_have_text("happy")
    set_number(page, "map-layer", 1)
    expect(page.locator("#ev-near caption")).to_contain_text("layer 1")


def test_stories_filter_and_strongest_tokens(site, toy_run):
    page = site.page()
    tab(page, "Stories")
    stories = pl.read_parquet(toy_run / "stories.parquet")
    expect(page.locator("#ev-corpus")).to_contain_text(f"{len(stories)} stories")
    page.locator("#ev-story-read").click()
    first = stories.row(0, named=True)
    expect(page.locator("#ev-story-tokens .ev-facts")).to_contain_text(first["emotion"])
    assert "".join(page.locator("#ev-story-tokens .ev-t").all_text_contents()).replace("↵", "") == first["text"]
    assert ("In sample" in page.locator("#ev-story-tokens").inner_text()) == first["kept"]
    tab(page, "Read")
    for written, own in ((first["text"], first["kept"]), (first["text"] + " The end.", False)):
        page.locator("#ev-written textarea").fill(written)
        page.locator("#ev-read").click()
        expect(page.locator("#ev-coloured .ev-t").last).to_contain_text("." if not own else written[-1])
        expect(page.locator("#ev-coloured .ev-notice")).to_have_count(int(own))
    tab(page, "Stories")
    dropped = stories.filter(~pl.col("kept"))
    choose(page, "story-state", "dropped")
    if len(dropped):
        expect(page.locator("#ev-story")).to_contain_text(f"dropped: {dropped['dropped'][0]}")
    page.locator("#ev-story-words textarea, #ev-story-words input").fill("no story says this")
    page.keyboard.press("Enter")
    expect(page.locator("#ev-story")).to_contain_text("Choose another emotion")
    # Who goes on with Tab instead of Enter gets the same.
    page.locator("#ev-story-words textarea, #ev-story-words input").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#ev-story")).not_to_contain_text("Choose another emotion")
    number = page.locator("#ev-story-page input")
    number.fill("9999")
    page.keyboard.press("Tab")
    expect(number).not_to_have_value("9999")


def test_verdicts_are_all_there(site, toy_run):
    page = site.page()
    tab(page, "Verdicts")
    record = json.loads((toy_run / "results.json").read_text())
    expect(page.locator("#ev-verdicts article")).to_have_count(11)
    expect(page.locator("#ev-verdicts article").nth(2)).to_contain_text(record["criteria"]["V3"]["reason"])


def test_hostile_words_are_text_on_every_tab(site):
    page = site.page("hostile")
    expect(page.locator("#ev-about")).to_contain_text(ATTACK)
    page.locator("#ev-written textarea").fill(ATTACK)
    choose(page, "emotion", "<img")
    read(page)
    expect(page.locator("#ev-coloured .ev-facts")).to_contain_text(ATTACK)
    assert "".join(page.locator("#ev-coloured .ev-t").all_text_contents()) == ATTACK
    page.locator("#ev-coloured .ev-t").nth(2).hover()
    tab(page, "Steer")
    page.locator("#ev-prompt textarea").fill(ATTACK)
    choose(page, "emotion-0", "<img")
    set_number(page, "length", 8)
    expect(page.locator("#ev-meter")).to_contain_text(ATTACK)
    page.locator("#ev-write").click()
    arm(page, "random direction").wait_for()
    tab(page, "Map")
    choose(page, "map-emotion", "<img")
    expect(page.locator("#ev-near h3")).to_have_text(ATTACK)
    expect(page.locator("#ev-near code").first).to_have_text(ATTACK)
    tab(page, "Stories")
    expect(page.locator("#ev-story .ev-story")).to_contain_text(ATTACK)
    page.locator("#ev-story-read").click()
    page.locator("#ev-story-tokens .ev-t").first.wait_for()
    tab(page, "Preferences")
    tab(page, "Verdicts")
    expect(page.locator("#ev-verdicts article").first).to_contain_text(ATTACK)
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src=x]").count() == 0


def test_an_unfinished_run_says_on_every_tab_what_to_do(site):
    page = site.page()
    choose(page, "run", "unfinished")
    expect(page.locator("#ev-about")).to_contain_text("Run the same command again to resume.")
    for name, place in zip(TABS, ("coloured", "answers", "activities", "map", "corpus", "verdicts"), strict=True):
        tab(page, name)
        expect(page.locator(f"#ev-{place} .ev-notice")).to_contain_text("run the same command")
    tab(page, "Read")
    page.locator("#ev-read").click()
    expect(page.locator("#ev-coloured [role=alert]")).to_contain_text("no vectors yet")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_pictures_of_every_tab_and_nothing_wider_than_the_screen(site, tmp_path, width, scheme):
    folder = Path(os.environ.get("EMOTION_VECTORS_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    shown = os.environ.get("EMOTION_VECTORS_PICTURES_RUN")
    page = site.page(Path(shown).resolve().name if shown else "toy", width, scheme=scheme)
    for name in TABS:
        tab(page, name)
        if name == "Read":
            page.get_by_role("button", name="Example chat").click()
            expect(page.locator("#ev-written textarea")).to_have_value(re.compile("exam"))
            read(page)
            page.locator("#ev-coloured .ev-t").nth(9).hover()
        if name == "Steer":
            if not shown:
                set_number(page, "length", 16)
            page.locator("#ev-write").click()
            arm(page, "random direction").wait_for(timeout=5 * PATIENCE)
        if name == "Stories":
            page.locator("#ev-story-read").click()
            page.locator("#ev-story-tokens .ev-t").first.wait_for()
        page.wait_for_timeout(300)  # fonts and transitions
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        # Nor does a table need to be moved sideways in its own box, or lie over its neighbour.
        boxes = page.evaluate(OVER_THE_EDGE)
        assert max(boxes, default=0) <= 1, (name, boxes)
        file = (
            folder
            / f"explorer-{name.lower()}{'-phone' if width < 600 else ''}{'-dark' if scheme == 'dark' else ''}.png"
        )
        page.screenshot(
            path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": 1500 if width > 600 else 1700}
        )
        assert file.stat().st_size > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_of_wcag_in_both_designs(site, scheme):
    """Every visible text of every tab: ink on the ground that its ancestors' backgrounds make, from computed styles."""
    page = site.page()
    page.emulate_media(color_scheme=scheme)
    page.reload()
    page.locator("#ev-about .ev-facts").wait_for()
    expect(page.locator("body")).to_have_class(re.compile("dark") if scheme == "dark" else re.compile("^(?!.*dark)"))
    for name in TABS:
        tab(page, name)
        if name == "Read":
            read(page)
        if name == "Stories":
            page.locator("#ev-story-read").click()
            page.locator("#ev-story-tokens .ev-t").first.wait_for()
        page.wait_for_timeout(250)  # transitions of colours
        found = page.evaluate(CONTRAST)
        assert found["seen"] > 20 and not found["poor"], (name, found["poor"])
    # The measure can fail: grey on the page's own ground is told.
    page.evaluate(
        "document.querySelector('#ev-about h1').style.color = '" + ("#999'" if scheme == "light" else "#444'")
    )
    assert any("Emotion vectors" in one for one in page.evaluate(CONTRAST)["poor"])


def test_a_click_and_some_letters_find_a_name_in_a_list(site, toy_run):
    """As a visitor does it: no key that selects what is there already."""
    page = site.page()
    wanted = EmotionVectors.load(toy_run).emotions[-1]
    for name, component in (
        ("Read", "emotion"),
        ("Steer", "emotion-0"),
        ("Map", "map-emotion"),
        ("Stories", "story-emotion"),
    ):
        tab(page, name)
        field = page.locator(f"#ev-{component} input")
        field.click()
        page.locator("[role=option]:visible").first.wait_for()
        page.keyboard.type(wanted[:-1])
        expect(page.locator("[role=option]:visible").first).to_contain_text(wanted)
        field.press("Enter")
        expect(field).to_have_value(wanted)
        field.blur()


def test_a_link_opens_the_same_text_emotion_and_layer_and_a_heat_map_is_saved(site, toy_run):
    page = site.page()
    emotion = EmotionVectors.load(toy_run).emotions[-1]
    choose(page, "emotion", emotion)
    set_number(page, "layer", 1)
    page.locator("#ev-written textarea").fill("Rain & <b>sun</b>, 100 %.\nAgain?")
    read(page)
    before = page.locator("#ev-coloured").inner_text()
    page.goto(site.address + page.locator(".ev-share").get_attribute("href"))
    page.locator("#ev-coloured .ev-t").first.wait_for()  # nothing is pressed
    assert page.locator("#ev-coloured").inner_text() == before and f"{emotion} at layer 1" in before
    page.goto(site.address + re.sub("emotion=[^&]*", "emotion=nobody", page.locator(".ev-share").get_attribute("href")))
    page.locator("#ev-coloured .ev-t").first.wait_for()
    expect(page.locator("#ev-coloured [role=alert]")).to_contain_text("asks for the emotion nobody")
    page.get_by_role("button", name="Heat map").click()
    page.locator("#ev-heat-kind").get_by_label("layers").check()
    page.locator("#ev-heat-draw").click()
    picture = page.locator("#ev-heat img")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    with page.expect_download() as saved:
        page.locator("#ev-heat a[download$=csv]").click()
    assert saved.value.path().read_text().startswith("place,token,emotion,layer")
