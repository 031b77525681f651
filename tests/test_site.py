"""The site: it builds without a warning, asks nobody else for anything, and its tutorial and its list of errors are true."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_docs import DOCS, ROOT, blocks, commands
from typer.testing import CliRunner

import emotion_vectors
from emotion_vectors.cli import app

EXTERNAL = re.compile(r"""(?:src|srcset)=["']?https?://|<link[^>]+href=["']?https?://|url\(["']?https?://""")


@pytest.mark.slow
def test_the_site_builds_and_no_page_asks_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.rglob("*.html")) + sorted(tmp_path.rglob("*.css"))
    assert len(pages) > 40
    for page in pages:
        assert not EXTERNAL.search(page.read_text(encoding="utf-8")), f"{page.name} asks another server"
    shown = (tmp_path / "api.html").read_text(encoding="utf-8")
    for name in emotion_vectors.__all__:
        assert f'id="emotion_vectors.{name}"' in shown
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert "</svg>" in (tmp_path / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
    assert "data:image" not in shown and (tmp_path / "search" / "search_index.json").is_file()


@pytest.mark.slow
def test_the_tutorial_runs(toy_run, tmp_path, monkeypatch, capsys):
    shutil.copytree(toy_run[0], tmp_path / "runs" / "demo")
    (tmp_path / "letter.txt").write_text("The letter has come at last.")
    monkeypatch.chdir(tmp_path)
    page = DOCS / "start.md"
    said = {}
    for words in commands(page):
        asked = ["toy" if word == "demo" else word for word in words]
        asked += ["--device", "cpu"] if words[0] != "report" else []
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 0, (words, done.output)
        said[words[0]] = done.output
    assert set(said) == {"run", "read", "steer", "report"} and "reliability" in said["read"]
    assert said["steer"].count("calm") and "random" in said["steer"]
    for example in blocks(page, "python"):
        exec(compile(example, "docs/start.md", "exec"), {})
    assert "calm" in capsys.readouterr().out


def test_the_sentences_of_the_error_page_are_the_programs():
    shown = re.findall(r"^\| `([^`]+)` \|", (DOCS / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)
    sources = "\n".join(
        file.read_text(encoding="utf-8") for file in Path(emotion_vectors.__file__).parent.rglob("*.py")
    )
    assert len(shown) >= 8
    for sentence in shown:
        assert sentence in sources, f"no error says: {sentence}"


def test_every_page_of_the_documents_is_in_the_sites_contents():
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).as_posix()
        assert name.startswith("corpus-log/") or name in listed, f"mkdocs.yml leaves out {name}"
