"""A Hugging Face repository folder of a run, and its upload.

The folder holds `vectors.safetensors`, `README.md` (the card) and `results.json`. The record's local paths are shortened to
their last part, because the folder is meant to be published.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.exports.card import HUB_ID, model_card
from emotion_vectors.record import ContradictoryRecord, parse
from emotion_vectors.store import atomic
from emotion_vectors.store.records import read_record
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.file import EmotionVectors

FILES = ("README.md", "vectors.safetensors", "results.json")


def write_folder(run: Path, vectors: EmotionVectors, out: Path) -> list[Path]:
    """Write the repository folder of a finished run; the card comes last."""
    if not (run / "results.json").is_file():
        raise UserError(f"{run} has no results.json, from which the card is made; give the folder of a finished run.")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; --out needs a folder for this format.")
    record = read_record(run)
    facts = {
        "emotions": vectors.emotions, "layers": len(vectors.raw), "width": vectors.raw.shape[2], "layer": vectors.layer,
        "kind": vectors.kind,
    }  # fmt: skip
    try:
        record = without_paths(record)
        card = model_card(parse(record, {}), facts)
    except (KeyError, TypeError, AttributeError, ContradictoryRecord) as error:
        raise UserError(f"The record in {run} is damaged ({first_line(error)}); run it again.") from error
    vectors.save(out / "vectors.safetensors")
    atomic.write_json(out / "results.json", record)
    atomic.write_text(out / "README.md", card)
    return [out / name for name in FILES]


def without_paths(record: JsonObject) -> JsonObject:
    """The record without the command line, and with local paths of model, stimuli and texts cut to their last part."""

    def cut(value: Any) -> Any:
        local = isinstance(value, str) and re.search(r"[/\\]", value) and not HUB_ID.fullmatch(value)
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1] if local and "://" not in value else value

    settings = {name: cut(value) for name, value in record["settings"].items()}
    return record | {
        "command": "",
        "settings": settings,
        "model": record["model"] | {"source": cut(record["model"]["source"])},
    }


def push(folder: Path, repository: str, files: Sequence[str] = FILES) -> str:
    """Upload the folder's files to the Hugging Face repository `repository` (made private if new); its address.

    Needs credentials (`hf auth login` or the variable HF_TOKEN). They never appear in an error of ours.
    """
    from huggingface_hub import HfApi, get_token

    if not HUB_ID.fullmatch(repository):
        raise UserError(f"'{repository}' is not a repository id; write for example --push-to-hub name/emotion-vectors.")
    token = get_token()
    if not token:
        raise UserError(
            f"There are no Hugging Face credentials, so nothing was uploaded and {folder} is ready; "
            "log in with `hf auth login` or set HF_TOKEN, then run the command again."
        )
    api = HfApi(token=token)
    try:
        address = str(api.create_repo(repository, private=True, exist_ok=True))
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=list(files),
            commit_message="Add emotion vectors and their card",
        )
    except Exception as error:  # network, hub and file errors come from four libraries
        message = first_line(error).replace(token, "[token]")
        # The cause is left out on purpose: requests quoted in it carry the token.
        raise UserError(
            f"Can't upload to '{repository}': {message}; {folder} is ready, so run the command again."
        ) from None
    return address
