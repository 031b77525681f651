"""What all tabs share: the runs, the models, and how a user's mistake is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.markup import notice
from emotion_vectors.explorer.models import Models
from emotion_vectors.explorer.runs import Run, open_run


class Explorer:
    """The runs of this page and their models. A run is read again when its files have changed."""

    def __init__(self, folders: dict[str, Path], models: Models) -> None:
        self.folders, self.models = folders, models
        self._open: dict[str, tuple[tuple[float, ...], Run]] = {}

    def run(self, name: str) -> Run:
        """The run called `name` as it is on disk now."""
        if name not in self.folders:
            raise gr.Error("There is no such run; choose one from the list.")
        path = self.folders[name]
        stamp = (
            (path.stat().st_mtime,)
            if path.is_file()
            else tuple(
                (path / file).stat().st_mtime if (path / file).exists() else 0.0
                for file in ("results.json", "vectors.safetensors", "stages")
            )
        )
        if name not in self._open or self._open[name][0] != stamp:
            self._open[name] = (stamp, open_run(name, path))
        return self._open[name][1]


def told(make: Callable[..., str]) -> Callable[..., str]:
    """`make`, except that a user's mistake becomes a box with its sentence in place of the result."""

    def shown(*arguments: Any) -> str:
        try:
            return make(*arguments)
        except UserError as error:
            return notice("error", str(error))

    return shown


def refreshes(page: gr.Blocks, chooser: gr.Dropdown) -> list[Any]:
    """The events after which a tab shows another run: the page is opened, another run is chosen."""
    return [page.load, chooser.change]
