"""The fault test in short: two kills of the real command at random moments; `make faults` does fifty and damages files too."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[1] / "tools" / "faults.py"


def test_a_run_that_is_killed_at_random_moments_ends_as_one_that_was_not():
    done = subprocess.run(
        [sys.executable, str(TOOL), "--kills", "2", "--minutes", "8"], capture_output=True, text=True, check=False
    )
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0 and last.startswith("passed: ") and "0 wrong" in last, done.stdout + done.stderr
    assert "finished runs" in last and any(name in last for name in ("SIGKILL", "SIGTERM", "SIGINT"))
