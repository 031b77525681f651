"""Who may reach the page: hosts, passwords, ports; and the command around it."""

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.explorer import serve


def basic(words):
    return "Basic " + base64.b64encode(words.encode()).decode()


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("192.168.1.5", False),
     ("::", False), ("localhost.evil.example", False)],
)  # fmt: skip
def test_only_loopback_needs_no_password(host, local):
    assert serve.is_loopback(host) == local
    serve.check_host(host, "secret")
    if local:
        serve.check_host(host, None)
    else:
        for nothing in (None, ""):
            with pytest.raises(UserError, match="--password"):
                serve.check_host(host, nothing)


@pytest.mark.parametrize(
    ("header", "right"),
    [(basic("me:secret"), True), (basic(":secret"), True), (basic("me:se:cret"), False), (basic("secret"), False), (basic("me:Secret"), False),
     ("", False), ("Basic ???", False), ("Bearer " + basic("me:secret"), False), ("basic " + basic("me:secret")[6:], True)],
)  # fmt: skip
def test_passwords(header, right):
    assert serve.authorised(header, "secret") == right


def test_a_taken_port_is_refused_and_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port}"):
            serve.free_port("127.0.0.1", port)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(serve, "FIRST_PORT", port)
            assert port < serve.free_port("127.0.0.1", None) < port + serve.PORTS


def answer_to(headers, host="127.0.0.1", password=None):
    """Status, headers and body that the guard gives to one request."""

    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(key.encode(), value.encode()) for key, value in headers.items()]}
    asyncio.run(serve.guarded(inner, host, password)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:7860", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example:7860", 421), ("", 421)],
)
def test_a_page_elsewhere_that_points_its_name_here_is_refused(host, status):
    headers = {"host": host} if host else {}
    assert answer_to(headers)[0] == status


def test_the_policy_is_on_every_answer_and_nothing_passes_without_the_password():
    for status, headers, body in (
        answer_to({"authorization": basic("me:wrong")}, "0.0.0.0", "secret"), answer_to({}, "0.0.0.0", "secret"),
    ):  # fmt: skip
        assert status == 401 and b"page" not in body and b"connect-src 'self'" in headers[b"content-security-policy"]
    status, headers, body = answer_to({"authorization": basic("me:secret")}, "0.0.0.0", "secret")
    assert status == 200 and body == b"page" and b"default-src 'self'" in headers[b"content-security-policy"]


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "emotion_vectors", "explore", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | options,
    )  # fmt: skip


@pytest.mark.slow
def test_mistakes_are_one_sentence_and_exit_2(tmp_path):
    for arguments, says in (([tmp_path / "nowhere"], "no folder"), ([tmp_path, "--host", "0.0.0.0"], "--password")):
        process = command(*arguments)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 2 and error.startswith("Error: ") and says in error and "Traceback" not in error


def test_without_gradio_it_says_what_to_install(toy_run, monkeypatch):
    from emotion_vectors.explorer.models import Models

    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match=r"pip install 'emotion-vectors\[ui\]'"):
        serve.application([toy_run], Models(), "127.0.0.1", None)


@pytest.mark.slow
def test_the_command_prints_its_address_serves_with_a_password_and_ends_with_130(toy_run):
    pytest.importorskip("gradio")
    process = command(toy_run, "--password", "secret")
    try:
        line = process.stdout.readline()
        assert line.startswith("Explorer: http://127.0.0.1:")
        address = line.split()[1]
        request = urllib.request.Request(address, headers={"Authorization": basic("me:secret")})
        for _ in range(100):
            try:
                page = urllib.request.urlopen(request, timeout=10).read()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        assert b"emotion-vectors explorer" in page
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(address, timeout=10)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130 and "Traceback" not in error, error
    finally:
        process.kill()
