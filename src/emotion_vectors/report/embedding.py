"""What goes into a page so that nothing in it can run but the page's own scripts: pictures, data, scripts and the policy."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from functools import cache
from typing import Any

import altair
import vl_convert
from markupsafe import Markup

from emotion_vectors.report.topic import Rows

# The version that altair writes its specifications for, as vl-convert names it: v6.4.1 is "6.4".
VEGA_LITE = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def svg_uri(svg: str) -> str:
    """A picture as the address of an image, so that nothing in it can run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8')).decode('ascii')}"


def steady(svg: str) -> str:
    """The picture with its gradients numbered from 0: vl-convert numbers them through all pictures of a process."""
    numbers: dict[str, str] = {}
    return re.sub(r"gradient_\d+", lambda found: numbers.setdefault(found.group(), f"gradient_{len(numbers)}"), svg)


def script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: no `<`, `>` or `&`, so no text can end the element or open another."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def as_csv(rows: Rows) -> str:
    """`rows` as CSV text with a head. Text that a spreadsheet would take for a formula gets a leading apostrophe."""
    handle = io.StringIO()
    writer = csv.DictWriter(handle, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell for key, cell in row.items()}
        )
    return handle.getvalue()


@cache
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script. It must not hold anything that ends a script element early."""
    bundle = vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # pyright: ignore[reportCallIssue]  # its stub lacks the default
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise RuntimeError(
            "The Vega bundle of this vl-convert version can't be put into a page; install another version."
        )
    return bundle


def policy(*scripts: str) -> str:
    """A content security policy that loads nothing and runs only `scripts` (Vega compiles its expressions: unsafe-eval)."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
        for text in scripts
    )
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes} 'unsafe-eval'; base-uri 'none'; form-action 'none'"
