"""What the pages need to stand on their own: links that lead out of docs/ become the names of the files they lead to."""

from __future__ import annotations

import posixpath
import re
from typing import Any

LINK = re.compile(r"\[([^\]]+)\]\(([^)\s:]+)\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """`[how](../src/file.py)` as "how (`src/file.py`)": the site holds the documents, the repository the code."""

    def shown(found: re.Match[str]) -> str:
        text, target = found[1], found[2].partition("#")[0]
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), target))
        inside = path.startswith("docs/") and not path.startswith("docs/corpus-log")
        return found[0] if inside or not target else f"{text} (`{path}`)"

    return LINK.sub(shown, markdown)
