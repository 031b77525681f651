"""Case 12: servers that report their errors with status 200 or in forms of their own (xaibo#36, openai-agents-python#604)."""

import json

import pytest
from lm.servers import Reply, completion, serving

from cases.saved import refusal
from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.base import Request, Sampling
from emotion_vectors.lm.writers.server_writer import ServerWriter

pytestmark = pytest.mark.case
REASON = "Insufficient credits. Add more at the provider."


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def ask(seen, count=20, **options):
    made = ServerWriter(seen.url, "small", **{"timeout": 5.0, "first_wait": 0.01, "tries": 3} | options)
    return list(
        made.write([Request(f"r{n}", (1,), n, f"Write story {n}.") for n in range(count)], Sampling(max_new_tokens=9))
    )


def reply(body, status=200, **headers):
    return Reply(body if isinstance(body, bytes) else json.dumps(body).encode(), status, headers)


# What comes in place of a text, and what of it must reach the user.
TOLD = {
    "error object": (reply({"error": {"message": REASON, "code": 402}, "user_id": "u"}), REASON),
    "error beside choices": (reply({"error": {"message": REASON}, "choices": []}), REASON),
    "error as text": (reply({"error": REASON}), REASON),
    "choices null": (reply({"object": "error", "message": REASON, "choices": None}), REASON),
    "message and code": (reply({"code": 40301, "message": REASON, "data": None}), REASON),
    "msg": (reply({"code": "10013", "msg": REASON}), REASON),
    "detail": (reply({"detail": REASON}), REASON),
    "list of errors": (reply({"errors": [{"message": REASON}]}), REASON),
    "base_resp": (reply({"choices": None, "base_resp": {"status_code": 1008, "status_msg": REASON}}), REASON),
    "error_msg": (reply({"error_code": 17, "error_msg": REASON}), REASON),
    "nested": (reply({"error": {"error": {"type": "not_found", "message": REASON}}}), REASON),
    "in the choice": (reply({"choices": [{"error": {"message": REASON, "code": 402}, "finish_reason": "error", "message": {"content": ""}}]}), REASON),
    "error without a word": (reply({"error": {"code": 402}}), "no reason"),
    "web page": (reply(b"<!DOCTYPE html><html><title>Sign in</title></html>"), "Sign in"),
    "plain text": (reply(b"Invalid API key: ask the administrator\n"), "Invalid API key: ask the administrator"),
    "stream": (reply(b'data: {"choices": []}\n\n'), "data: {"),
    "page with status 403": (reply(b"<html><head><title>Access denied</title></head></html>", 403), "Access denied"),
    "problem with status 400": (reply({"type": "about:blank", "title": "Bad request", "detail": REASON}, 400), REASON),
    "quota with status 429": (reply({"error": {"message": "You exceeded your current quota, check your plan and billing.", "code": "insufficient_quota"}}, 429), "current quota"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TOLD)
def test_the_servers_own_reason_is_told_after_the_first_request(kind):
    answer, said = TOLD[kind]
    with serving(lambda body, number: answer) as seen, pytest.raises(UserError) as caught:
        ask(seen)
    assert said in str(caught.value) and len(seen.bodies) == 1 and "\n" not in str(caught.value)


# A server that is busy, in its own words: it is asked again, and what it said is told if it stays so.
BUSY = {
    "code 429": (reply({"error": {"message": "Slow down", "code": 429}}), "Slow down"),
    "type": (reply({"error": {"message": "We are sorry", "type": "overloaded_error"}}), "We are sorry"),
    "words": (reply({"message": "Rate limit reached, please try again in 2s"}), "Rate limit reached"),
    "text": (reply(b"upstream timed out"), "upstream timed out"),
    "in the choice": (reply({"choices": [{"error": {"message": "Provider unavailable", "code": 502}, "finish_reason": "error", "message": {"content": "Once"}}]}), "Provider unavailable"),
    "status 500": (reply({"error": {"message": "CUDA out of memory"}}, 500), "CUDA out of memory"),
    "status 503": (reply({"detail": "Model is loading"}, 503), "Model is loading"),
    "quota a minute": (reply({"error": {"message": "Quota exceeded, retry in 3s"}}, 429), "Quota exceeded"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BUSY)
def test_a_server_that_is_busy_is_asked_again_and_quoted_if_it_stays_so(kind):
    answer, said = BUSY[kind]
    with serving(lambda body, number: answer if number < 2 else Reply(completion("A story."))) as seen:
        assert [one.text for one in ask(seen, 1)] == ["A story."] and len(seen.bodies) == 3
    with serving(lambda body, number: answer) as seen, pytest.raises(UserError, match="in 3 tries") as caught:
        ask(seen)
    assert said in str(caught.value) and len(seen.bodies) == 3


def test_an_answer_is_no_error_for_fields_that_say_all_is_well():
    good = json.loads(completion("A story.")) | {
        "error": None,
        "message": "ok",
        "base_resp": {"status_code": 0, "status_msg": "success"},
    }
    with serving(lambda body, number: reply(good)) as seen:
        assert [one.text for one in ask(seen, 3)] == ["A story."] * 3 and len(seen.bodies) == 3


def test_a_run_stops_with_the_reason_after_one_request(tmp_path):
    with serving(lambda body, number: TOLD["error object"][0]) as seen:
        said = refusal(
            "run", "--preset", "toy", "--set", "writer=server", "--set", "server_model=small", "--server", seen.url, "--out", tmp_path / "run", "--quiet", "--device", "cpu"
        )  # fmt: skip
    assert REASON in said and len(seen.bodies) == 1
