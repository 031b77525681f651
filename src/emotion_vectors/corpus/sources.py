"""Where a run's imported texts are: the corpus of this package, a file, an address, or a data set of the Hugging Face hub.

Only found and hashed here; corpus/imported.py reads them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple, Protocol

from emotion_vectors.corpus import shipped
from emotion_vectors.errors import UserError, first_line
from emotion_vectors.store.remote import is_remote, local_copy
from emotion_vectors.store.run_folder import file_digest

FORMATS = (".parquet", ".jsonl", ".ndjson")
MOST_BYTES = 8 * 2**30
TEXT_COLUMNS = ("text", "story", "stories", "content")  # the usual names of the column with the texts
HUB_FILE = re.compile(r"(?P<set>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w.-]+))?:(?P<file>[^:]+)")


class Source(NamedTuple):
    """A corpus: its name for people, its file (None for a data set of the hub and for ours), and SHA-256 of its content.

    revision: commit of the hub. version: of ours. first: how many topics, or neutral texts, are read of ours; None for all.
    text_columns: names that the column with the texts may have, the first of them first.
    """

    name: str
    path: Path | None
    sha256: str
    revision: str | None = None
    version: str | None = None
    first: int | None = None
    text_columns: tuple[str, ...] = TEXT_COLUMNS

    @property
    def ours(self) -> bool:
        """Whether it is the corpus of this package."""
        return self.version is not None

    @property
    def label(self) -> str:
        """Its name, with its version where it has one."""
        return f"{self.name}, version {self.version}" if self.ours else self.name


class CorpusSettings(Protocol):
    """The settings that say which texts are imported; `emotion_vectors.settings.Settings` has them all."""

    @property
    def stories_from(self) -> str | None: ...  # noqa: D102
    @property
    def neutral_from(self) -> str | None: ...  # noqa: D102
    @property
    def topics(self) -> int: ...  # noqa: D102
    @property
    def neutral_texts(self) -> int: ...  # noqa: D102
    @property
    def text_column(self) -> str | None: ...  # noqa: D102


def stories_source(settings: CorpusSettings) -> Source | None:
    """The corpus of stories that the settings name, None where the stories are written."""
    found = None if settings.stories_from is None else locate_corpus(settings.stories_from)
    if found is None or found.ours:
        return found and found._replace(first=settings.topics)
    return found if settings.text_column is None else found._replace(text_columns=(settings.text_column,))


def neutral_source(settings: CorpusSettings) -> Source | None:
    """The corpus of neutral texts that the settings name, None where they are written."""
    found = None if settings.neutral_from is None else locate_corpus(settings.neutral_from)
    if found is None or found.ours:
        return found and found._replace(first=settings.neutral_texts)
    if settings.text_column is None:
        return found
    # A column that is named for the stories need not be there in another file, whose usual names count then.
    others = () if settings.stories_from in (None, shipped.NAME) else TEXT_COLUMNS
    return found._replace(text_columns=(settings.text_column, *others))


def locate_corpus(name: str) -> Source:
    """Find the file or the data set `name` and its hash; `UserError` where there is none or it can't be read."""
    if name == shipped.NAME:
        version, sha256 = shipped.identity()
        return Source(name, None, sha256, version=version)
    path = local_copy(name) if is_remote(name) else Path(name).expanduser()
    named = None if path.exists() else HUB_FILE.fullmatch(name)
    if named:
        return _hub_file(name, named["set"], named["revision"], named["file"])
    if path.suffix.lower() in FORMATS or path.exists():
        return Source(path.name, path, _file_sha256(path))
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(
            f"There is no corpus {name}; give '{shipped.NAME}', a .parquet or .jsonl file, a Hugging Face data set (user/name) or one "
            "file of it (user/name:path/file.parquet)."
        )
    return _data_set(name)


def _hub_file(name: str, data_set: str, revision: str | None, file: str) -> Source:
    """One file of a data set, downloaded once into the hub's cache; its content is its identity, its commit is recorded."""
    if Path(file).suffix.lower() not in FORMATS:
        raise UserError(
            f"{name} is not a corpus that can be read; name a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file of it."
        )
    # Imported here: what is on this machine needs no client of the hub.
    from huggingface_hub import hf_hub_download

    try:
        path = Path(hf_hub_download(data_set, file, repo_type="dataset", revision=revision))
    except Exception as error:  # the client and its transport raise many kinds, by version
        raise UserError(
            f"Can't get {file} of the data set '{data_set}' from the Hugging Face hub: {first_line(error)[:200]}; check the names, or "
            "download the file and give its path."
        ) from error
    folders = path.parts
    commit = folders[folders.index("snapshots") + 1] if "snapshots" in folders[:-2] else revision
    return Source(name, path, _file_sha256(path), commit)


def _data_set(name: str) -> Source:
    if importlib.util.find_spec("datasets") is None:
        raise UserError(
            f"There is no file {name}; to read it as a Hugging Face data set a package is needed: pip install datasets."
        )
    from huggingface_hub import HfApi

    try:
        revision = HfApi().dataset_info(name).sha
    except Exception as error:  # the hub's client raises errors of many libraries
        raise UserError(
            f"Can't find the data set '{name}' on the Hugging Face hub: {first_line(error)[:200]}"
        ) from error
    # A hub commit names the content exactly, so its id stands for the hash.
    return Source(name, None, hashlib.sha256(f"{name}@{revision}".encode()).hexdigest(), revision)


def unchanged(source: Source) -> None:
    """A text that somebody changed while it was read is not one of the run's identity: `UserError`."""
    if source.path is None and not source.ours:
        return
    if locate_corpus(shipped.NAME if source.path is None else str(source.path)).sha256 != source.sha256:
        raise UserError(
            f"{source.path or source.name} was changed while it was being read; run again with another --out."
        )


def _file_sha256(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise UserError(
            f"{path} is not a corpus that can be read; give a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."
        )
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path of the corpus.")
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path} is larger than {MOST_BYTES / 2**30:.0f} GiB; split it or take a part of it.")
    try:
        return file_digest(path)
    except OSError as error:
        raise UserError(f"Can't read the corpus {path}: {error.strerror or error}.") from error
