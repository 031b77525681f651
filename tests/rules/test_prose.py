"""How the package writes: every string and comment of the source, every page of the docs, the notebooks and the page's templates."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "emotion_vectors"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILES = [
    *(page for page in PAGES if "corpus-log" not in page.parts),
    *sorted(SOURCE.rglob("*.py")),
    *sorted((SOURCE / "report" / "templates").glob("*.j2")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "tools").rglob("*.py")),
]

# The earlier reproduction is "Hong (2026)"; a seed is the random number, in these words.
REPRODUCTION = re.compile(
    r"(?i:\bthe\s+seed('s)?\b)(?!\s+(of (a |an |its |the )?(text|random|sampling|direction|halves|run)|and this code|alone|is even|`))"
    r"|(?i:\bseed('s|\s+(report|verdict|bar|threshold)s?)\b)|\bSeed:|(?i:\bpaper and seed\b)"
)
RANDOM_NUMBER = (
    "whether it keeps the seed is up to it",
    "(`max_tokens`, the seed, a temperature)",
    "Mistral calls the seed `random_seed`",
    "the stimuli, and the seed.",
    "with the seed of the direction",
)


def code_words(path: Path) -> str:
    """Comments and strings of a Python file, one a line; pieces of a joined string are joined."""
    text = path.read_text(encoding="utf-8")
    comments = [t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.COMMENT]
    joined = [re.sub(r"^# ?", "", comment) for comment in comments]
    inside = set()
    strings = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            strings.append("".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            strings.append(node.value)
    return " \n".join(joined) + "\n\n" + "\n\n".join(strings)


def words(path: Path) -> str:
    """What a file says to whom reads or runs it."""
    if path.suffix == ".py":
        return code_words(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def reproduction_called_a_seed(text: str) -> Iterator[str]:
    """The places where the earlier reproduction goes by the name of the random number."""
    for plain in RANDOM_NUMBER:
        text = text.replace(plain, "")
    for found in REPRODUCTION.finditer(text):
        yield " ".join(text[max(0, found.start() - 60) : found.end() + 60].split())


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_the_earlier_reproduction_has_its_name(path: Path) -> None:
    if path == Path(__file__):
        pytest.skip("it spells what it looks for")
    assert list(reproduction_called_a_seed(words(path))) == []


@pytest.mark.parametrize(
    "text",
    [
        "as the seed did",
        "the seed's bar",
        "The\nseed report",
        "Seed: 57 of 171",
        "its seed verdict is pass",
        "The seed came out",
    ],
)
def test_what_the_earlier_reproduction_was_called_is_found(text: str) -> None:
    assert list(reproduction_called_a_seed(text))


@pytest.mark.parametrize(
    "text",
    ["seed 0", "the seed of a text", "its seed and the sampling", "Seed of every random choice", "`seed_verdict`"],
)
def test_the_random_number_may_be_called_a_seed(text: str) -> None:
    assert list(reproduction_called_a_seed(text)) == []


# Phrases that no native reader writes; the generated pages take theirs from the source.
ODD = re.compile(r"\b(shall|dealt out|needs not be|so many as)\b")
WRITTEN = [
    page
    for page in PAGES
    if "corpus-log" not in page.parts and "<!-- Written by" not in page.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", WRITTEN, ids=[str(page.relative_to(ROOT)) for page in WRITTEN])
def test_pages_keep_to_plain_phrases(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("> "))  # others' words
    if page.name == "record.md":
        pytest.skip("its fields are described in the source")
    assert ODD.findall(text) == []
