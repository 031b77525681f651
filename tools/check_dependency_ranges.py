"""Run a short part of the tests with the lowest and with the newest versions of the dependencies that pyproject.toml allows.

`python tools/check_dependency_ranges.py [lowest|newest] [--keep-torch]`, meant for once a week. `lowest` installs exactly the
lower bounds, `newest` whatever pip finds within the ranges. `--keep-torch` leaves out PyTorch, which then must be the version of
constraints.txt: its other versions may bring gigabytes of libraries for GPUs.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ("tests/stats", "tests/store", "tests/stimuli", "tests/vectors", "tests/lm/test_choices.py", "tests/lm/test_prompts.py",
         "tests/report/test_page.py", "tests/test_library.py")  # fmt: skip
NEEDED = ("pytest", "hypothesis", "choix", "evalica", "scikit-learn")  # of the extra `dev`, what these tests import


def requirements(kind: str) -> list[str]:
    """The package's requirements: the lower bound of each as `name==version`, or the ranges as they are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for one in project["optional-dependencies"]["dev"] if name_of(one) in NEEDED),
    ]
    return [re.sub(r">=([\w.]+).*", r"==\1", one) if kind == "lowest" else one for one in wanted]


def name_of(requirement: str) -> str:
    """The package's name in a requirement."""
    return re.split(r"[<>=!~\[ ]", requirement, maxsplit=1)[0]


def check(kind: str, keep_torch: bool) -> bool:
    """Whether the short tests pass in a new environment with these versions."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        wanted = [one for one in requirements(kind) if name_of(one) != "torch"]
        torch = [one for one in requirements(kind) if name_of(one) == "torch"]
        pinned = ["-c", str(ROOT / "constraints.txt"), "torch"]
        steps = [
            [python, "-m", "pip", "install", "--quiet", *(pinned if keep_torch else torch)],
            [python, "-m", "pip", "install", "--quiet", *wanted],
            [python, "-m", "pip", "install", "--quiet", "--no-deps", "-e", str(ROOT)],
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        ]
        return all(subprocess.run(step, cwd=ROOT, check=False).returncode == 0 for step in steps)


def main() -> None:
    """Both kinds, or the one that was asked for; exit code 1 where one fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", nargs="?", choices=("lowest", "newest"))
    parser.add_argument("--keep-torch", action="store_true")
    asked = parser.parse_args()
    kinds = [asked.kind] if asked.kind else ["lowest", "newest"]
    passed = {kind: check(kind, asked.keep_torch) for kind in kinds}
    for kind, good in passed.items():
        print(f"{kind}: {'passed' if good else 'FAILED'}")
    sys.exit(not all(passed.values()))


if __name__ == "__main__":
    main()
