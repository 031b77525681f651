"""The server writer against a real server in a thread that answers, delays, fails, cuts, hangs and lies."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path

import pytest
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.base import ModelFacts, Options, Request, Sampling
from emotion_vectors.lm.writers.choosing import choose_writer, make_writer
from emotion_vectors.lm.writers.server_writer import ServerWriter
from lm.servers import Reply, completion, echo, serving
from lm.writers.serving import KEY, SAMPLING, requests, texts, writer


def test_the_request_is_the_plain_message_with_its_own_seed():
    with serving(echo) as seen:
        done = texts(seen, requests(3), key=KEY)
    assert {one.text for one in done.values()} == {
        body["messages"][0]["content"] + f" / {body['seed']}" for body in seen.bodies
    }
    assert seen.paths == ["/v1/chat/completions"] * 3
    assert sorted(body["messages"][0]["content"] for body in seen.bodies) == [f"Write story {i}." for i in range(3)]
    for body in seen.bodies:
        assert (body["model"], body["temperature"], body["top_p"], body["max_tokens"]) == ("big-model", 0.7, 0.9, 33)
        number = int(body["messages"][0]["content"].split()[-1].rstrip("."))
        assert body["seed"] == (10_000_000_000 + number) % (2**31 - 1)  # what fits the smallest servers
    assert {head["Authorization"] for head in seen.headers} == {f"Bearer {KEY}"}
    assert all((one.tokens, one.finished) == (7, True) for one in done.values())


def test_without_a_key_no_authorization_is_sent():
    with serving(echo) as seen:
        texts(seen, requests(1))
    assert "Authorization" not in seen.headers[0]


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_the_server_never_sees_more_requests_at_once_than_allowed(concurrency):
    together = threading.Barrier(concurrency)

    def slow(body, number):
        # The first request goes alone; the next ones wait for each other, however busy this machine is.
        if 1 <= number <= concurrency:
            together.wait(timeout=60)
        return Reply(echo(body, number).body, delay=0.03)

    with serving(slow) as seen:
        done = texts(seen, requests(20), concurrency=concurrency, timeout=60.0)
    assert seen.most_inside == concurrency and len(done) == 20


def test_results_do_not_depend_on_the_order_in_which_answers_come():
    def uneven(body, number):
        return Reply(echo(body, number).body, delay=0.05 if number % 3 == 0 else 0.0)

    with serving(uneven) as seen:
        many = texts(seen, requests(12), concurrency=6)
        order = [one.key for one in writer(seen, concurrency=6).write(requests(12), SAMPLING)]
    with serving(echo) as seen:
        one_by_one = texts(seen, requests(12)[::-1], concurrency=1)
    assert many == one_by_one
    assert order != sorted(order, key=lambda key: int(key[1:]))  # they did come in another order


def test_empty_cut_and_uncounted_texts():
    replies = [Reply(completion(None)), Reply(completion("  ")), Reply(completion("a b c", None, "length"))]
    with serving(lambda body, number: replies[int(body["messages"][0]["content"][-2])]) as seen:
        done = texts(seen, requests(3), count_tokens=lambda text: 100 + len(text.split()))
    assert (done["r0"].text, done["r0"].finished) == ("", True)
    assert done["r1"].text == ""
    assert (done["r2"].text, done["r2"].tokens, done["r2"].finished) == ("a b c", 103, False)


def test_lone_surrogates_can_be_stored():
    with serving(lambda body, number: Reply(b'{"choices": [{"message": {"content": "a \\ud800 b"}}]}')) as seen:
        assert texts(seen, requests(1))["r0"].text == "a \N{REPLACEMENT CHARACTER} b"


def test_the_key_never_appears(caplog, capsys, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def leaking(body, number):
        if "0" in body["messages"][0]["content"]:
            return Reply(completion(f"The key is {KEY}."))
        return Reply(
            json.dumps({"error": {"message": f"Incorrect API key provided: {KEY} " + "y" * 300}}).encode(), 401
        )

    with serving(leaking) as seen:
        made = make_writer(tiny(), "server", Options(server_model="big-model", server_url=seen.url))
        assert [one.text for one in made.write(requests(1), SAMPLING)] == ["The key is [key]."]
        with pytest.raises(UserError) as caught:
            list(made.write([Request("a", (1,), 1, "Story one.")], SAMPLING))
    assert seen.headers[0]["Authorization"] == f"Bearer {KEY}"  # it was used
    shown = [str(caught.value), repr(caught.value), repr(made), repr(made._endpoint), made.name, repr(seen.bodies)]
    assert not any(KEY in one for one in [*shown, caplog.text, *capsys.readouterr()])
    assert "[key]" in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", KEY + "\r\nX-Evil: 1")
    with pytest.raises(UserError, match="OPENAI_API_KEY") as caught:
        make_writer(tiny(), "server", Options(server_model="big-model", server_url=seen.url))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:secret-word@127.0.0.1/v1", "http://127.0.0.1/v1?key=secret-word", "ftp://127.0.0.1", "127.0.0.1:8000", "http://",
        "file:///etc/passwd", "http://127.0.0.1:port/v1", "http://127.0.0.1/\nv1", "http://[::1", "",
    ],
)  # fmt: skip
def test_bad_urls_are_refused_without_showing_what_may_be_secret(url):
    with pytest.raises(UserError) as caught:
        ServerWriter(url, "big-model")
    assert "secret-word" not in str(caught.value)


def test_the_url_may_end_where_people_end_it():
    with serving(echo) as seen:
        for url in (seen.url, seen.url + "/", seen.url + "/chat/completions", seen.url.removesuffix("/v1")):
            list(ServerWriter(url, "m").write(requests(1), SAMPLING))
    assert set(seen.paths) == {"/v1/chat/completions"}


def test_what_is_missing_is_said():
    with pytest.raises(UserError, match="server_model=NAME"):
        make_writer(tiny(), "server", Options(server_url="http://127.0.0.1:1/v1"))
    with pytest.raises(UserError, match="EMOTION_VECTORS_SERVER"):
        make_writer(tiny(), "server", Options(server_model="big-model"))
    with serving(echo) as seen, pytest.raises(UserError, match="repetition_penalty=1"):
        list(writer(seen).write(requests(1), Sampling(repetition_penalty=1.1)))
    with serving(echo) as seen, pytest.raises(ValueError, match="no message"):
        list(writer(seen).write([Request("a", (1,), 1)], SAMPLING))


def test_the_url_comes_from_the_environment_too(monkeypatch):
    with serving(echo) as seen:
        monkeypatch.setenv("EMOTION_VECTORS_SERVER", seen.url)
        made = make_writer(tiny(), "server", Options(server_model="big-model"))
        assert made.name == "server big-model"
        assert len(list(made.write(requests(2), SAMPLING))) == 2
    assert choose_writer("server", ModelFacts(Path("x.gguf"), {}, "cpu")) == "server"


def test_stopping_early_asks_for_nothing_more():
    with serving(lambda body, number: Reply(echo(body, number).body, delay=0.02)) as seen:
        answers = writer(seen, concurrency=2).write(requests(50), SAMPLING)
        next(answers)
        answers.close()
        time.sleep(0.3)
        assert len(seen.bodies) <= 6
    assert all(thread.daemon for thread in threading.enumerate() if "work" in thread.name)


@pytest.mark.parametrize(("reason", "whole"), [("stop", True), (None, True), ("eos", True), ("content_filter", False), ("MAX_TOKENS", False), ("abort", False)])  # fmt: skip
def test_a_text_that_the_model_did_not_end_is_not_finished(reason, whole):
    with serving(lambda body, number: Reply(completion("a b c", None, reason))) as seen:
        assert texts(seen, requests(1))["r0"].finished is whole
