"""The corpus `ours`, which comes with this package: stories about 171 emotions on each of some topics, and neutral answers.

`ours/corpus.json` names its version and the SHA-256 of each file; tools/renew_corpus.py writes it. A text that was changed without
it is refused: a version stands for its texts. docs/corpus.md says how they were made.
"""

from __future__ import annotations

from pathlib import Path

from emotion_vectors.errors import UserError
from emotion_vectors.store.atomic import read_object
from emotion_vectors.store.run_folder import file_digest, fingerprint
from emotion_vectors.store.schema import JsonObject

NAME = "ours"
FOLDER = Path(__file__).parent / "ours"
MANIFEST = "corpus.json"
NEUTRAL = "neutral.jsonl"
HOW = (
    "Written by a large language model for this package, topic by topic and each topic in an order of its own, so that no style "
    "goes with an emotion; person, names, place, season, length and form were drawn independently of the emotion."
)


def dialogue(question: str, answer: str) -> str:
    """A question and its answer as the text that is read."""
    return f"Person: {question}\n\nAI: {answer}"


def story_files(folder: Path = FOLDER) -> list[Path]:
    """The files of stories, one for each topic, in the order of the topics."""
    return sorted(folder.glob("topic_*.jsonl"))


def manifest_of(folder: Path, version: str) -> JsonObject:
    """What `corpus.json` says of the texts in `folder` as they are now, as version `version`."""
    files = {path.name: file_digest(path) for path in [*story_files(folder), folder / NEUTRAL]}
    return {"name": NAME, "version": version, "licence": "Apache-2.0", "made": HOW, "files": files}


def identity(folder: Path = FOLDER) -> tuple[str, str]:
    """The version, and the SHA-256 over all files (of the canonical JSON of their names and hashes), wherever the folder is.

    Raises `UserError` where the texts are not those of that version.
    """
    known = read_object(folder / MANIFEST)
    found = manifest_of(folder, str(known.get("version")))
    if found["files"] != known.get("files"):
        given = known.get("files") or {}
        names = sorted({*found["files"], *given})
        changed = [name for name in names if found["files"].get(name) != given.get(name)]
        raise UserError(
            f"The corpus in {folder} is no longer version {known.get('version')} ({', '.join(changed[:3])}); install the package "
            "again, or give your own texts with --stories FILE and --neutral FILE."
        )
    return found["version"], fingerprint(found["files"])
