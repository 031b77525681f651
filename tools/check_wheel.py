"""Build the wheel, look at what is in it, install it into an empty environment, and run it there away from the sources.

`python tools/check_wheel.py`; exits with 1 and says what is wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "emotion_vectors/"
NEEDED = (
    "py.typed", "stimuli/data/ours/prompts.json", "stimuli/data/ours/activities.json", "report/templates/", "explorer/assets/page.js",
    "explorer/assets/style.css", "corpus/ours/corpus.json", "corpus/ours/neutral.jsonl", "corpus/ours/topic_00.jsonl",
)  # fmt: skip
LARGEST = 3_000_000  # bytes; a wheel with a model, a run or test data in it is larger


def main() -> None:
    """Build, look, install, run."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "empty", with_pip=True)
        python = place / "empty" / "bin" / "python"
        call(str(python), "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(place), str(ROOT))
        [wheel] = place.glob("*.whl")
        look(wheel)
        # Of the many files that are installed few are imported; those are compiled then.
        constraints = ("--no-compile", "-c", str(ROOT / "constraints.txt"))
        # torch first and alone, as the Makefile does: with the others pip would weigh its many builds against each other.
        call(str(python), "-m", "pip", "install", "--quiet", *constraints, "torch")
        call(str(python), "-m", "pip", "install", "--quiet", *constraints, str(wheel))
        command = str(python.with_name("emotion-vectors"))
        toy = ["run", "--preset", "toy", "--quiet", "--out"]
        ours = ["--stories", "ours", "--neutral", "ours"]  # the corpus that is in the wheel
        for words in (
            ["--version"],
            ["settings", "demo"],
            [*toy, "written", "--until", "vectors"],
            [*toy, "ours", *ours],
        ):
            call(command, *words, where=place)
        for made in ("written/vectors.safetensors", "ours/report.html"):
            if not (place / made).is_file():
                sys.exit(f"The installed command did not make {made}.")
    print("The wheel holds what it should, installs and runs.")


def look(wheel: Path) -> None:
    """Refuse a wheel with foreign files, or without the package's data."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    foreign = [name for name in names if not name.startswith(PACKAGE) and ".dist-info/" not in name]
    foreign += [name for name in names if "test" in Path(name).name or "/shared/" in name or "paper_pack" in name]
    missing = [need for need in NEEDED if not any(name.startswith(PACKAGE + need) for name in names)]
    if foreign or missing:
        sys.exit(f"The wheel holds {foreign[:5]} and lacks {missing}.")
    if wheel.stat().st_size > LARGEST:
        sys.exit(f"The wheel has {wheel.stat().st_size:,} bytes; {LARGEST:,} are allowed.")


def call(*command: str, where: Path | None = None) -> None:
    """Run a command; its failure ends the check."""
    print("$", *(Path(command[0]).name, *command[1:]), flush=True)
    if subprocess.run(command, cwd=where, check=False).returncode != 0:
        sys.exit(f"{Path(command[0]).name} {' '.join(command[1:3])} failed.")


if __name__ == "__main__":
    main()
