"""The documents say what the code does: generated pages, links, commands, file columns, examples that run."""

import itertools
import re
import runpy
import shlex
import sys
import types
from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import emotion_vectors.experiments
from emotion_vectors import settings
from emotion_vectors.cli import app
from emotion_vectors.cli.options import parse_assignments
from emotion_vectors.corpus.neutral import NEUTRAL_SCHEMA
from emotion_vectors.corpus.stories import STORY_SCHEMA
from emotion_vectors.record import Record
from emotion_vectors.report.topic import parts_of
from emotion_vectors.topics import TOPICS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(DOCS.rglob("*.md"))
EXPERIMENTS = {
    "stories": (), "vectors": (), "logit-lens": ("V1", "V2"), "scenarios": ("V3", "V4"), "numeric": ("V5", "V6"),
    "preferences": ("V7",), "correlation": ("V8", "V9"), "steering": ("V10", "V11"), "words-alone": (), "feels": (),
    "specificity": (), "words-out": (), "response-position": (), "speakers": (), "geometry": (), "clusters": (), "texts": (),
}  # fmt: skip
GENERATED = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def names(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


def blocks(page, language):
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def commands(page):
    """Every `emotion-vectors ...` command that a page shows, without what its comments and placeholders add."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    shown = re.findall(r"^\s*(emotion-vectors .*)$", text, re.MULTILINE) + re.findall(
        r"`(emotion-vectors [^`]+)`", text
    )
    return [shlex.split(line, comments=True)[1:] for line in shown if "..." not in line and "…" not in line]


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATED[name](), "run: python docs/generate.py"


def test_every_setting_and_preset_is_described():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name, field in settings.Settings.model_fields.items():
        assert f"`{name}`" in page and field.description.replace("|", "\\|") in page
    assert all(f"`{preset}`" in page for preset in settings.PRESETS)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target.parent == DOCS / "pictures" and not target.parent.exists():
            continue  # the picture is made from the first real run
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@cache
def help_of(*verb):
    """What the command line says of itself."""
    return CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_commands_are_ones_that_exist(page):
    for words in commands(page):
        verb = [
            word
            for word in words[:2]
            if re.fullmatch(
                r"run|vectors|export|import|bench|doctor|explore|examples|read|report|steer|settings|stimuli|verify|compare|screen|plan|status|clean",
                word,
            )
        ]
        assert verb or words[0].startswith("--"), f"no verb in {words}"
        shown = help_of(*verb)
        assert shown.exit_code == 0, f"emotion-vectors {' '.join(words)}"
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", shown.output), f"{' '.join(verb)} has no option {option}"
        for option, value in itertools.pairwise(words):
            if option == "--set" and value != "NAME=VALUE":
                settings.change(settings.demo(), **parse_assignments([value]))
            if option == "--preset":
                settings.preset(value)


def test_the_readme_shows_the_two_commands_and_every_preset():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make has no {target}"
    assert {"run", "test"} <= set(re.findall(r"\bmake (\w+)", text))
    assert ["run", "--preset", "demo", "--out", "runs/demo"] in commands(ROOT / "README.md")
    assert all(f"`{preset}`" in text for preset in settings.PRESETS)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_python_imports_of_the_package_work(page):
    if page.name == "CONTRIBUTING.md":
        pytest.skip("its example is run as a whole by the last test here")
    for block in blocks(page, "python"):
        for line in re.findall(r"^(?:from emotion_vectors.* import .*|import emotion_vectors.*)$", block, re.MULTILINE):
            exec(compile(line, str(page), "exec"), {})


def test_every_experiment_has_its_page_with_its_criteria():
    assert {page.stem for page in (DOCS / "experiments").glob("*.md")} == set(EXPERIMENTS)
    for name, criteria in EXPERIMENTS.items():
        text = (DOCS / "experiments" / f"{name}.md").read_text(encoding="utf-8")
        heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert heads == [
            "Question", "In and out", "Formula", "Source", *(["Verdict"] if criteria else []), "What it can't tell",
            "Settings", "Traps",
        ]  # fmt: skip
        assert all(re.search(rf"\b{criterion}\b", text) for criterion in criteria)
        listed = text.partition("## Settings")[2].partition("\n## ")[0]
        for setting in re.findall(r"`([a-z_]+)`", listed):
            assert setting in settings.Settings.model_fields, f"{name}: {setting} is no setting"


def test_the_record_page_names_every_column_of_the_texts():
    text = (DOCS / "record.md").read_text(encoding="utf-8")
    for column in STORY_SCHEMA | NEUTRAL_SCHEMA:
        assert f"`{column}`" in text, f"docs/record.md does not name the column {column}"


def test_every_field_of_the_record_has_a_sentence():
    places = {}
    find_places = runpy.run_path(str(DOCS / "generate.py"))["find_places"]
    for kind in (Record, *parts_of(TOPICS).values()):
        find_places(kind, kind.__name__, places)
    bare = [
        f"{kind.__name__}.{name}"
        for kind in places
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert len(places) > 80 and not bare, f"give these a description: {', '.join(bare)}"


def test_every_decision_has_its_date():
    text = (DOCS / "decisions.md").read_text(encoding="utf-8")
    heads = re.findall(r"^### .+$", text, re.MULTILINE)
    dated = re.findall(r"^### .+\n\n\*Recorded 20\d\d-[01]\d-[0-3]\d\.\*\n", text, re.MULTILINE)
    assert len(heads) == len(dated) > 50


def test_versions_agree():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert cited["version"] == emotion_vectors.__version__ and cited["license"] == "Apache-2.0"
    assert f"## [{cited['version']}] - {cited['date-released']}" in changes


def test_the_worked_example_of_contributing_works(monkeypatch):
    experiment, test = (block for block in blocks(ROOT / "CONTRIBUTING.md", "python") if "axis" in block)
    axis = types.ModuleType("emotion_vectors.experiments.axis")
    monkeypatch.setitem(sys.modules, axis.__name__, axis)  # pydantic looks up the types of fields there
    exec(compile(experiment, "the experiment in CONTRIBUTING.md", "exec"), axis.__dict__)
    monkeypatch.setattr(emotion_vectors.experiments, "axis", axis, raising=False)
    space = {}
    exec(compile(test, "the test in CONTRIBUTING.md", "exec"), space)
    examples = [value for name, value in space.items() if name.startswith("test_")]
    assert examples
    for example in examples:
        example()
