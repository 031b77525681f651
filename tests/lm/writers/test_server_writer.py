"""The server writer against a real server in a thread that answers, delays, fails, cuts, hangs and lies."""

from __future__ import annotations

import email.utils
import json
import logging
import threading
import time
from pathlib import Path

import pytest
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import Request, Sampling, ServerWriter, choose_writer, make_writer
from emotion_vectors.lm.writers.http_json import MOST_BYTES, retry_after
from lm.servers import Reply, completion, echo, serving

SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=33)
KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("EMOTION_VECTORS_SERVER", raising=False)


def requests(count):
    return [Request(f"r{i}", (1, 2), 10_000_000_000 + i, f"Write story {i}.") for i in range(count)]


def writer(seen, **options):
    return ServerWriter(seen.url, "big-model", **({"timeout": 5.0, "first_wait": 0.01} | options))


def texts(seen, wanted, **options):
    return {one.key: one for one in writer(seen, **options).write(wanted, SAMPLING)}


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


# What servers say (OpenAI's, Mistral's and vLLM's forms), the field that they refuse, what is sent instead, what the record says.
FORMS = {
    "tokens": ({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}, ["max_tokens"], {"max_completion_tokens": 33}, "max_completion_tokens"),
    "seed": ({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, ["seed"], {"random_seed": 10_000_000_000 % (2**31 - 1)}, "random_seed"),
    "no seed": ({"error": {"message": "Unknown field: {}"}}, ["seed", "random_seed"], {}, "no seed"),
    "temperature": ({"error": {"message": "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported."}}, ["temperature"], {}, "no temperature"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMS)
def test_a_field_that_a_server_refuses_is_sent_in_its_other_form_and_recorded(kind):
    said, refused, instead, told = FORMS[kind]

    def choosy(body, number):
        for name in refused:
            if name in body:
                return Reply(json.dumps(said).replace("{}", name).encode(), 400)
        return Reply(completion("A story."))

    with serving(choosy) as seen:
        made = writer(seen, concurrency=8)
        assert len(list(made.write(requests(12), SAMPLING))) == 12
        assert len(list(made.write(requests(3), SAMPLING))) == 3
    assert len(seen.bodies) == 15 + len(refused), "each form is tried once and remembered"
    assert not set(refused) & set(seen.bodies[-1])
    assert instead.items() <= seen.bodies[len(refused)].items()
    assert made.name == f"server big-model ({told})"


def test_a_value_that_a_server_refuses_is_for_the_user_to_mend():
    said = json.dumps({"error": {"message": "temperature must be at most 0.5"}}).encode()
    with serving(lambda body, number: Reply(said, 400)) as seen, pytest.raises(UserError, match=r"at most 0\.5"):
        texts(seen, requests(3))
    assert len(seen.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with serving(echo) as elsewhere:
        away = Reply(b"", status, {"Location": elsewhere.url + "/chat/completions"})
        with serving(lambda body, number: away) as seen, pytest.raises(UserError, match="redirects"):
            texts(seen, requests(1), key=KEY)
        assert not elsewhere.bodies  # the key must not travel on


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
        made = make_writer(tiny(), "server", server_model="big-model", server_url=seen.url)
        assert [one.text for one in made.write(requests(1), SAMPLING)] == ["The key is [key]."]
        with pytest.raises(UserError) as caught:
            list(made.write([Request("a", (1,), 1, "Story one.")], SAMPLING))
    assert seen.headers[0]["Authorization"] == f"Bearer {KEY}"  # it was used
    shown = [str(caught.value), repr(caught.value), repr(made), repr(made._endpoint), made.name, repr(seen.bodies)]
    assert not any(KEY in one for one in [*shown, caplog.text, *capsys.readouterr()])
    assert "[key]" in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", KEY + "\r\nX-Evil: 1")
    with pytest.raises(UserError, match="OPENAI_API_KEY") as caught:
        make_writer(tiny(), "server", server_model="big-model", server_url=seen.url)
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
        make_writer(tiny(), "server", server_url="http://127.0.0.1:1/v1")
    with pytest.raises(UserError, match="EMOTION_VECTORS_SERVER"):
        make_writer(tiny(), "server", server_model="big-model")
    with serving(echo) as seen, pytest.raises(UserError, match="repetition_penalty=1"):
        list(writer(seen).write(requests(1), Sampling(repetition_penalty=1.1)))
    with serving(echo) as seen, pytest.raises(ValueError, match="no message"):
        list(writer(seen).write([Request("a", (1,), 1)], SAMPLING))


def test_the_url_comes_from_the_environment_too(monkeypatch):
    with serving(echo) as seen:
        monkeypatch.setenv("EMOTION_VECTORS_SERVER", seen.url)
        made = make_writer(tiny(), "server", server_model="big-model")
        assert made.name == "server big-model"
        assert len(list(made.write(requests(2), SAMPLING))) == 2
    assert choose_writer("server", Path("x.gguf"), "llama", "cpu") == "server"


def test_stopping_early_asks_for_nothing_more():
    with serving(lambda body, number: Reply(echo(body, number).body, delay=0.02)) as seen:
        answers = writer(seen, concurrency=2).write(requests(50), SAMPLING)
        next(answers)
        answers.close()
        time.sleep(0.3)
        assert len(seen.bodies) <= 6
    assert all(thread.daemon for thread in threading.enumerate() if "work" in thread.name)
