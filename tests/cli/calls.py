"""Calls of the command line."""


def refused(done, *says):
    """Exit code 2, one sentence on stderr that says `says`, no traceback."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    last = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(last) == 1, done.stderr
    for word in says:
        assert word in done.stderr, done.stderr
