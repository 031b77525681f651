"""`EmotionVectors.load("owner/name")` through the hub's own client, against a small server that speaks the hub's way."""

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants as hub
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.vectors.file import EmotionVectors
from vectors.worlds import make_vectors

COMMIT = "a" * 40


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub with `mood/vectors`, and `mood/empty` without the file; `asked` are the requests that reached it."""
    make_vectors().save(tmp_path / "there.safetensors")
    content, asked = (tmp_path / "there.safetensors").read_bytes(), []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path))
            there = self.path == "/mood/vectors/resolve/main/vectors.safetensors" or COMMIT in self.path
            self.send_response(200 if there else 404)
            if there:
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
            else:
                self.send_header("X-Error-Code", "EntryNotFound" if "/empty/" in self.path else "RepoNotFound")
            self.send_header("Content-Length", str(len(content) if there else 0))
            self.end_headers()
            if there and self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{running.server_port}"
    monkeypatch.setattr(hub, "ENDPOINT", endpoint)
    monkeypatch.setattr(hub, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the client waits longer and longer between its tries
    monkeypatch.chdir(tmp_path)
    running.asked = asked
    yield running
    stop(running)


def stop(server):
    server.shutdown()
    server.server_close()


def test_a_repository_is_downloaded_once_and_then_read_without_the_hub(server):
    wanted = make_vectors()
    found = EmotionVectors.load("mood/vectors")
    assert found.emotions == wanted.emotions and (found.projected == wanted.projected).all()
    assert (found.centre == wanted.centre).all()
    EmotionVectors.load("mood/vectors")
    downloads = [path for verb, path in server.asked if verb == "GET" and path.endswith(".safetensors")]
    assert len(downloads) == 1
    stop(server)
    assert (EmotionVectors.load("mood/vectors").raw == wanted.raw).all()


def test_what_is_here_goes_before_the_hub(server, tmp_path):
    (tmp_path / "mood" / "vectors").mkdir(parents=True)
    make_vectors(seed=5).save(tmp_path / "mood" / "vectors" / "vectors.safetensors")
    assert (EmotionVectors.load("mood/vectors").raw == make_vectors(seed=5).raw).all()
    assert server.asked == []


@pytest.mark.parametrize(
    "source, words",
    [
        ("mood/nothing", "has no repository 'mood/nothing' that you can see"),
        ("mood/empty", "'mood/empty' of the Hugging Face hub has no vectors.safetensors"),
    ],
)
def test_what_the_hub_lacks_is_refused_in_one_sentence(server, source, words):
    refused(source, words)
    assert server.asked


@pytest.mark.slow
def test_a_hub_out_of_reach_is_one_sentence(server):
    stop(server)
    refused("mood/vectors", "can't be reached for 'mood/vectors'")


@pytest.mark.parametrize("source", ["runs/demo/vectors.safetensors", "nothing", "/runs/demo", "../demo", "a/b/c"])
def test_what_is_no_repository_is_not_asked_for(server, source):
    refused(source, "There are no vectors at")
    assert server.asked == []


def refused(source, words):
    with pytest.raises(UserError, match=words) as caught:
        EmotionVectors.load(source)
    assert "\n" not in str(caught.value)
