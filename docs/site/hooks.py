"""What the pages need to stand on their own.

Links that lead out of docs/ become the names of the files they lead to, and the notebooks become pages, with the outputs that
they are kept with. `on_files` and `on_page_markdown` are called by mkdocs.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

LINK = re.compile(r"\[([^\]]+)\]\(([^)\s:]+)\)")
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """A page for each notebook: notebooks/NAME.md."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        content = "\n\n".join(cells(json.loads(path.read_text(encoding="utf-8"))))
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=content))
    return files


def cells(book: Any) -> Iterator[str]:
    """The Markdown of a notebook's cells and of what they show."""
    for cell in book["cells"]:
        source = "".join(cell["source"])
        yield fenced("python", source) if cell["cell_type"] == "code" else source.replace("](../docs/", "](../")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/svg+xml" in data:
                drawn = "".join(data["image/svg+xml"]).replace("\n", "")
                yield f'<div class="picture">{drawn}</div>'
            else:
                yield fenced("text", "".join(data.get("text/plain", output.get("text", ""))))


def fenced(language: str, text: str) -> str:
    """A block that no line of the text can end."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """`[how](../src/file.py)` as "how (`src/file.py`)": the site holds the documents, the repository the code."""

    def shown(found: re.Match[str]) -> str:
        text, target = found[1], found[2].partition("#")[0]
        here = posixpath.join("docs", posixpath.dirname(page.file.src_uri))
        path = posixpath.normpath(posixpath.join(here, target))
        if path.endswith(".ipynb"):
            return f"[{text}]({posixpath.relpath('docs/' + path.removesuffix('ipynb') + 'md', here)})"
        inside = path.startswith("docs/") and not path.startswith("docs/corpus-log")
        return found[0] if inside or not target else f"{text} (`{path}`)"

    return LINK.sub(shown, markdown)
