"""The command that makes vectors."""

from typer.testing import CliRunner

from emotion_vectors.cli import app

TEXTS = {
    "pirate": [f"Arr, the sea be rough today, and me {word} needs a new sail before the wind turns." for word in "ship boat sloop raft brig crew".split()],
    "plain": [f"The sea is rough today, and my {word} needs a new sail before the wind turns." for word in "ship boat sloop raft brig crew".split()],
}  # fmt: skip


def call(*words):
    found = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "120", "TERM": "dumb"})
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found
