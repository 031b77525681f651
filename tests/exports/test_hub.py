"""The repository folder: a valid card whose numbers are the record's, nothing local in it, and an upload without secrets."""

from typing import ClassVar

import huggingface_hub
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.exports import hub


class Hub:
    """Stands in for huggingface_hub.HfApi; keeps what it is asked to upload."""

    calls: ClassVar[list] = []
    fails = None

    def __init__(self, token=None):
        self.token = token

    def create_repo(self, name, private, exist_ok):
        if Hub.fails:
            raise OSError(f"403 for https://user:{self.token}@hub\nheaders: Bearer {self.token}")
        assert private and exist_ok
        return f"https://hub/{name}"

    def upload_folder(self, repo_id, folder_path, allow_patterns, commit_message):
        Hub.calls.append((repo_id, folder_path, allow_patterns))


@pytest.fixture
def fake(monkeypatch):
    Hub.calls, Hub.fails = [], None
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")


def test_an_upload_takes_the_three_files_alone(fake, tmp_path):
    assert hub.push(tmp_path, "me/vectors") == "https://hub/me/vectors"
    assert Hub.calls == [("me/vectors", tmp_path, ["README.md", "vectors.safetensors", "results.json"])]


def test_without_credentials_one_sentence(fake, monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(UserError, match="no Hugging Face credentials") as caught:
        hub.push(tmp_path, "me/vectors")
    assert "\n" not in str(caught.value) and not Hub.calls


def test_the_token_is_in_no_error(fake, tmp_path):
    Hub.fails = True
    with pytest.raises(UserError, match="Can't upload") as caught:
        hub.push(tmp_path, "me/vectors")
    assert "hf_secret" not in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_an_impossible_repository_is_refused(fake, tmp_path):
    for name in ("vectors", "a/b/c", "../x", "a/b\nc"):
        with pytest.raises(UserError, match="not a repository id"):
            hub.push(tmp_path, name)
