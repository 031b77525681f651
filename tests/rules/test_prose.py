"""How the package writes: every string and comment of the source, every page of the docs, the notebooks and the page's templates."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from functools import cache
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


@cache
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


def test_the_earlier_reproduction_has_its_name() -> None:
    # Taking a file apart is slow, and most files have no such word.
    some = [path for path in FILES if path != Path(__file__) and "seed" in path.read_text(encoding="utf-8").lower()]
    found = {path: list(reproduction_called_a_seed(words(path))) for path in some}
    assert {str(path.relative_to(ROOT)): places for path, places in found.items() if places} == {}


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


# Phrases that no native reader writes, by what to write instead. Each has a case below that it must find.
ODD = {
    "must, should, or the present tense": r"\bshall\b",
    "shuffled, or assigned at random": r"\b(?:dealt|deals?|dealing)\s(?:\w+\s){0,4}?out\b",
    "at random": r"\bby lot\b",
    "resampled": r"\bdrawn again\b",
    "subtracted, or removed": r"\btaken off\b",
    "do not overlap": r"\b(?:lie|lies|lay|lying) apart\b",
    "next to, or in the same folder as": r"\b(?:lie|lies|lay|stands?|stood) beside\b",
    "need not be": r"\bneeds not\b",
    "is not a ...": r"(?i)(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|better\b|worse\b|larger\b|smaller\b|higher\b|other\b)(?=\w|`)",
    "is not, or does not have, before its noun": r"\b(?:that|which)(?: \w+){1,3} (?:has|have|had) not(?=[.,;:)]|$)",
    "does not have the form": r"\bhas no form\b",
    "contains no, or has no": r"\bholds? no (?!more\b|longer\b)",
    "this many, or as many": r"(?i)\b(?:first|print|about|of|for|over|least) so many\b",
    "resumes": r"\b(?:go|goes|going|went) on where\b",
    "run the same command again": r"(?i)\bg(?:ive|iven|ives) (?:(?:the|its|this|same|own|run) ){0,3}command(?: there)? again\b|\b(?:may|can) be given again\b",
    "emotion-vectors": r"\b(?:of|by) this tool\b|\bnone of this tool\b",
    "whose own": r"\b(?:the|an) own\b",
    "in the expected direction": r"\b(?:the expected way|the way that was expected)\b",
    "separated by commas": r"\bwith (?:commas|spaces) between\b",
    "95th percentile": r"\b\d+ % point\b",
    "made from": r"\bvectors (?:are|were) made of\b",
    "fix": r"\bmend(?:ed|s|ing)?\b",
}
EXAMPLES = (
    "what the model shall answer", "scores dealt out to other activities", "the null deals the labels out", "owners drawn by lot",
    "emotions drawn again with all their texts", "each probe's mean taken off", "the intervals lie apart", "the file lies beside the report",
    "the number stands beside it", "it needs not be whole", "C is no folder", "whether Vectors are no `Exception`", "stories about emotions that the pack has not.",
    "'--set x' has no form name=value", "the folder holds no record", "the first so many topics", "Print so many passages", "the same command goes on where it was",
    "give the run command there again", "Give its run command again.", "can be killed and may be given again", "is no vectors file of this tool", "the own word rises",
    "curves that go the expected way", "names with commas between", "the 95 % point of chance", "the texts that the vectors were made of", "mend that and start again",
)  # fmt: skip
PLAIN = (
    "there is no folder", "There is no chat template", "it is no longer there", "the null is no better than chance", "who reads rows holds no more than their groups",
    "so many branches go in rows of a few", "dealing with hubs", "goes on to the next", "the run that the settings have not changed since", "its own word", "at a fixed point",
    "stories made of words", "recommend another layer", "95 % interval", "given a layer", "a text that it has not read before",
)  # fmt: skip
SHOWN = [
    path
    for path in FILES
    if not {"tests", "tools"} & set(path.relative_to(ROOT).parts[:1])
    and not (path.suffix == ".md" and "<!-- Written by" in path.read_text(encoding="utf-8").partition("\n## ")[0])
]


def odd_phrases(text: str) -> list[str]:
    """What to write instead, and the place, of each phrase that should be written otherwise; quotes of others (`> `) are theirs."""
    text = " ".join(" ".join(line for line in text.splitlines() if not line.startswith("> ")).split())
    return [
        f"{better}: {text[max(0, found.start() - 60) : found.end() + 60]}"
        for better, pattern in ODD.items()
        for found in re.finditer(pattern, text)
    ]


def test_strings_and_pages_keep_to_plain_phrases() -> None:
    found = {path: odd_phrases(words(path)) for path in SHOWN}
    assert {str(path.relative_to(ROOT)): places for path, places in found.items() if places} == {}


def test_each_odd_phrase_is_found_and_plain_english_is_not() -> None:
    assert [text for text in EXAMPLES if not odd_phrases(text)] == []
    found = {line.partition(":")[0] for text in EXAMPLES for line in odd_phrases(text)}
    assert found == set(ODD)
    assert [odd_phrases(text) for text in PLAIN if odd_phrases(text)] == []
