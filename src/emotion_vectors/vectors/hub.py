"""Where a vectors file is: a run folder, a file, an address such as s3://, or a repository of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store.remote import exists, is_remote, local_copy
from emotion_vectors.vectors.calibration import FILE as CALIBRATION

FILE = "vectors.safetensors"
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find(source: str | Path) -> Path:
    """The file of `source`; what exists here goes before the hub, whose file is downloaded once into the hub's cache.

    Raises `UserError` for what is neither here nor the name of a repository (`owner/name`) that has such a file.
    """
    if isinstance(source, str) and is_remote(source):
        return _elsewhere(source if source.endswith(".safetensors") else f"{source.rstrip('/')}/{FILE}")
    path = Path(source).expanduser()
    path = path / FILE if path.is_dir() else path
    if path.is_file():
        return path
    if path.name == FILE or not isinstance(source, str) or not REPOSITORY.fullmatch(source):
        raise UserError(
            f"There are no vectors at {path}; give a finished run folder, a {FILE} file or a Hugging Face id."
        )
    # Imported here: what is on this machine needs no client of the hub.
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(source, FILE))
    except Exception as error:  # the client and its transport raise many kinds, by version
        raise UserError(
            f"There are no vectors at {path}, and {_reason(error, source)}; "
            f"give a finished run folder, a {FILE} file, or the id of a repository that has one."
        ) from error


def _elsewhere(url: str) -> Path:
    """A copy of the vectors file at an address, with the calibration that may be next to it."""
    found = local_copy(url)
    beside = f"{url.rpartition('/')[0]}/{CALIBRATION}"
    if exists(beside):
        local_copy(beside)
    else:
        found.with_name(CALIBRATION).unlink(missing_ok=True)  # of other vectors that were at this address
    return found


def _reason(error: Exception, repository: str) -> str:
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError

    if isinstance(error, RepositoryNotFoundError):
        return f"the Hugging Face hub has no repository '{repository}' that you can see"
    if isinstance(error, LocalEntryNotFoundError):
        return f"the Hugging Face hub can't be reached for '{repository}', which was not downloaded before"
    if isinstance(error, EntryNotFoundError):
        return f"the repository '{repository}' of the Hugging Face hub has no {FILE}"
    return f"the Hugging Face hub does not serve '{repository}' ({first_line(error)})"
