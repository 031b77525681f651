"""A record of another form is refused with how to go on."""

import datetime
from pathlib import Path

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.store.schema import SCHEMA, check_schema, timestamp


def test_the_form_of_this_version_passes():
    check_schema(SCHEMA, "The record")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (SCHEMA + 1, "pip install --upgrade"), (SCHEMA - 1, "--stories"), (None, "no schema number"), ("2", "no schema number"),
        (True, "no schema number"),
    ],
)  # fmt: skip
def test_another_form_says_what_to_do(found, says):
    with pytest.raises(UserError, match=says):
        check_schema(found, "The record", Path("runs/a"))


def test_times_are_utc_to_the_second():
    read = datetime.datetime.fromisoformat(timestamp())
    assert read.utcoffset() == datetime.timedelta(0) and read.microsecond == 0
    assert abs(datetime.datetime.now(datetime.UTC) - read) < datetime.timedelta(minutes=1)
