"""Requests: faults are asked again, pauses are honoured, redirects are not followed."""

from __future__ import annotations

import email.utils
import time

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.http_json import MOST_BYTES, retry_after
from lm.servers import Reply, completion, echo, serving
from lm.writers.serving import KEY, requests, texts

FAULTS = {
    "500": Reply(b"oops", 500), "503": Reply(b"", 503), "429": Reply(b"slow down", 429), "408": Reply(b"", 408), "broken json": Reply(b'{"choices": [{'),
    "no completion": Reply(b'{"object": "list"}'), "a list": Reply(b"[]"), "no choices": Reply(b'{"choices": []}'),
    "text is a number": Reply(b'{"choices": [{"message": {"content": 5}}]}'), "no utf-8": Reply(b"\xff\xfe\xff"),
    "cut body": Reply(completion("x")[:20], promise=len(completion("x"))), "empty body": Reply(b""),
    "deep json": Reply(b"[" * 200_000), "too long": Reply(b" " * (MOST_BYTES + 1)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_asked_again_and_after_some_tries_is_one_sentence(fault):
    with serving(lambda body, number: FAULTS[fault] if number < 2 else echo(body, number)) as seen:
        assert texts(seen, requests(1), concurrency=1)["r0"].text.startswith("Write story 0.")
        assert len(seen.bodies) == 3
    with serving(lambda body, number: FAULTS[fault]) as seen:
        with pytest.raises(
            UserError, match=r"no usable answer in 3 tries \(.+\); .* run the same command again"
        ) as caught:
            texts(seen, requests(1), tries=3)
        assert len(seen.bodies) == 3 and "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_server_that_hangs_or_drips_is_left_after_the_timeout():
    # A good answer takes milliseconds, and up to a second where every core is busy.
    for reply in (Reply(completion("late"), delay=6.0), Reply(completion("x" * 400), drip=0.02)):
        with serving(lambda body, number, reply=reply: reply if number == 0 else echo(body, number)) as seen:
            started = time.monotonic()
            assert texts(seen, requests(1), timeout=1.5)["r0"].text.startswith("Write story 0.")
            assert time.monotonic() - started < 5.0 and len(seen.bodies) == 2


def test_a_cut_answer_is_called_so():
    with (
        serving(lambda body, number: Reply(completion("x"), promise=len(completion("x")) + 9)) as seen,
        pytest.raises(UserError, match="cut off"),
    ):
        texts(seen, requests(1), tries=2)


def test_nobody_listening_is_one_sentence():
    with serving(echo) as seen:
        pass
    with pytest.raises(UserError, match=r"no usable answer in 2 tries .*refused"):
        texts(seen, requests(1), tries=2)


def test_retry_after_is_honoured_and_a_long_pause_is_told():
    limited = Reply(b"", 429, {"Retry-After": "0.4"})
    with serving(lambda body, number: limited if number == 0 else echo(body, number)) as seen:
        texts(seen, requests(1))
    assert 0.4 <= seen.times[1] - seen.times[0] < 2.0
    with (
        serving(lambda body, number: Reply(b"", 429, {"Retry-After": "86400"})) as seen,
        pytest.raises(UserError, match="pause of 86,400 s"),
    ):
        texts(seen, requests(1))
    assert len(seen.bodies) == 1


def test_the_pause_doubles():
    with serving(lambda body, number: Reply(b"", 500)) as seen, pytest.raises(UserError):
        texts(seen, requests(1), tries=5, first_wait=0.1)
    pauses = [later - earlier for earlier, later in zip(seen.times, seen.times[1:], strict=False)]
    for attempt, pause in enumerate(pauses):
        assert 0.05 * 2**attempt <= pause < 0.1 * 2**attempt + 0.3


def test_retry_after_reads_seconds_and_dates():
    assert retry_after("3") == 3.0 and retry_after("-1") == 0.0
    assert retry_after(email.utils.formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=2)
    assert [retry_after(value) for value in (None, "soon", "nan")] == [None, None, None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with serving(echo) as elsewhere:
        away = Reply(b"", status, {"Location": elsewhere.url + "/chat/completions"})
        with serving(lambda body, number: away) as seen, pytest.raises(UserError, match="redirects"):
            texts(seen, requests(1), key=KEY)
        assert not elsewhere.bodies  # the key must not travel on
