"""Reading a page with Python's own HTML parser: visible text, script contents, and what it would load."""

from __future__ import annotations

from html.parser import HTMLParser

LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background"}


class Page(HTMLParser):
    """Texts outside scripts and styles, the contents of each script, loaded addresses and links."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element would load or link to."""
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.append((name, value or ""))
            if name in LOADING or (name == "href" and tag in ("link", "base", "image", "use")):
                self.loaded.append(value or "")
            elif name == "href":
                self.links.append(value or "")
        if tag in ("script", "style"):
            self._open.append((tag, dict(attrs)))
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Collect text where it belongs."""
        if not self._open:
            self.texts.append(data)
        elif self._open[-1][0] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)

    @property
    def text(self) -> str:
        """Visible text with single spaces."""
        return " ".join(" ".join(self.texts).split())
