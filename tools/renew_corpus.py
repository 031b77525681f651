"""Write corpus.json of the corpus that ships with the package: its version and the SHA-256 of each file.

`python tools/renew_corpus.py VERSION`. Other texts need another version, because a run's record names only that and a hash; while a
version is not released yet, `--not-released` keeps its name for other texts.
"""

from __future__ import annotations

import argparse
import sys

from emotion_vectors.corpus import shipped
from emotion_vectors.store import atomic


def main() -> None:
    """Renew corpus.json, or say why not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="version of the texts as they are now")
    parser.add_argument("--not-released", action="store_true", help="the version may stand for other texts than it did")
    asked = parser.parse_args()
    path = shipped.FOLDER / shipped.MANIFEST
    wanted = shipped.manifest_of(shipped.FOLDER, asked.version)
    found = atomic.read_object(path) if path.exists() else {}
    if found.get("version") == asked.version and found.get("files") != wanted["files"] and not asked.not_released:
        sys.exit(f"The texts are not those of version {asked.version} any more; give them a new version.")
    atomic.write_json(path, wanted)
    version, sha256 = shipped.identity()
    print(f"Version {version}, SHA-256 {sha256}: {len(wanted['files'])} files.")


if __name__ == "__main__":
    main()
