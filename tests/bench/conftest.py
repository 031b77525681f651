"""What the tests of this folder share."""

import json

import pytest

from bench.small import small


@pytest.fixture(scope="session")
def record(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "deep" / "bench.json"
    returned = small(out=out)
    written = json.loads(out.read_text())
    assert written == json.loads(json.dumps(returned))
    return written
