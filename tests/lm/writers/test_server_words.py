"""Refusals are told in the server's words."""

from __future__ import annotations

import json

import pytest

from emotion_vectors.errors import UserError
from lm.servers import Reply, echo, serving
from lm.writers.serving import requests, texts


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_told_at_once_in_the_servers_words(status):
    said = json.dumps({"error": {"message": "no model 'big-model' \x1b[31mhere\nsecond line"}}).encode()
    with (
        serving(lambda body, number: Reply(said, status)) as seen,
        pytest.raises(UserError, match=f"status {status}") as caught,
    ):
        texts(seen, requests(5), concurrency=1)
    assert len(seen.bodies) == 1
    assert r"no model 'big-model' \x1b[31mhere;" in str(caught.value) and "second" not in str(caught.value)


def test_long_refusals_are_shortened_and_plain_text_is_quoted():
    with (
        serving(lambda body, number: Reply(b"\n\n<b>bad</b> " + b"x" * 5000, 400)) as seen,
        pytest.raises(UserError) as caught,
    ):
        texts(seen, requests(1))
    assert "<b>bad</b> xxx" in str(caught.value) and len(str(caught.value)) < 400


ERRORS = {
    "error object": (b'{"error": {"message": "Insufficient credits. Add more.", "code": 402}, "user_id": "u"}', "Insufficient credits. Add more."),
    "error text": (b'{"error": "Insufficient credits"}', "Insufficient credits"),
    "choices null": (b'{"object": "error", "message": "The model `small` does not exist.", "choices": null}', "The model `small` does not exist."),
    "login page": (b"<!DOCTYPE html><html><title>Sign \n in</title></html>", 'a web page ("Sign in")'),
    "page without title": (b"\n<html></html>", "a web page and not with JSON"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_with_status_200_is_told_in_the_servers_words_at_the_first_request(kind):
    body, said = ERRORS[kind]
    with serving(lambda _, number: Reply(body)) as seen, pytest.raises(UserError) as caught:
        texts(seen, requests(30), concurrency=8)
    assert said in str(caught.value) and len(seen.bodies) == 1


def test_a_busy_server_that_says_so_with_status_200_is_asked_again():
    busy = Reply(b'{"error": {"message": "Rate limit exceeded", "code": 429}}')
    with serving(lambda body, number: busy if number == 0 else echo(body, number)) as seen:
        assert texts(seen, requests(1))["r0"].text.startswith("Write story 0.") and len(seen.bodies) == 2
