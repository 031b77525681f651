"""The same experiment on several models, one after the other, and the comparison of those that ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emotion_vectors import settings
from emotion_vectors.comparing.command import compare_runs
from emotion_vectors.errors import UserError
from emotion_vectors.pipeline import run_experiment


def screen_models(
    models: Sequence[str], preset: str, changes: dict[str, Any], out: Path, runtime: settings.Runtime, command: str, say: Callable[[str], None]
) -> tuple[bool, list[dict[str, str]]]:  # fmt: skip
    """Run each of `models` in a folder of its own under `out`; whether a comparison was written, and the models that failed.

    A model that fails is told to `say` and the others go on. Called again it resumes. Raises `UserError` for two models whose
    folders would have one name.
    """
    folders = {model: out / folder_name(model) for model in models}
    if len(set(folders.values())) < len(models):
        raise UserError(
            "Two of the models have the same name, or one is given twice; screen them into different --out folders."
        )
    done, failed = [], []
    for number, (model, folder) in enumerate(folders.items(), 1):
        say(f"Model {number} of {len(folders)}: {model}")
        try:
            run_experiment(settings.change(settings.preset(preset), model=model, **changes), folder, runtime, command)
        except UserError as error:
            failed.append({"model": model, "reason": str(error)})
            say(f"{model}: {error}")
        else:
            done.append(folder)
    if len(done) >= 2:
        compare_runs(done, out, failed=failed)
    return len(done) >= 2, failed


def folder_name(model: str) -> str:
    """A folder's name for a model: the last part of its path or id, without an ending."""
    last = Path(model.rstrip("/")).name
    return re.sub(r"[^\w.-]+", "-", last.removesuffix(".gguf")) or "model"
