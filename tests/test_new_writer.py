"""The writer of CONTRIBUTING.md, put into a copy of the package in the two files it names: it writes the texts of a run."""

import json
import re

import polars as pl
import pytest
from copied import CONTRIBUTING, copied_package, toy_run_of_copy

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import WRITERS
from emotion_vectors.lm.writers.base import ModelFacts, WriterKind
from emotion_vectors.lm.writers.choosing import choose_writer, kind_of
from emotion_vectors.settings import change, toy


def test_every_writer_of_the_table_has_its_kind_and_is_a_setting():
    assert all(isinstance(kind_of(name), WriterKind) for name in WRITERS)
    assert [change(toy(), writer=name).writer for name in ("auto", *WRITERS)] == ["auto", *WRITERS]
    with pytest.raises(UserError, match="'auto', 'transformers', 'openvino', 'vllm' or 'server'"):
        change(toy(), writer="llama.cpp")


def test_a_changed_model_is_written_by_none_that_reads_its_files(monkeypatch):
    for name in ("vllm", "openvino"):
        monkeypatch.setattr(f"emotion_vectors.lm.writers.{name}_writer.is_installed", lambda: True)
    assert choose_writer("auto", ModelFacts(None, {}, "cuda")) == "vllm"
    assert choose_writer("auto", ModelFacts(None, {}, "cuda", is_changed=True)) == "transformers"
    for name in WRITERS:
        if name in ("vllm", "openvino"):
            with pytest.raises(UserError, match=f"{name} reads the model's files"):
                choose_writer(name, ModelFacts(None, {}, "cpu", is_changed=True))
        else:
            assert choose_writer(name, ModelFacts(None, {}, "cpu", is_changed=True)) == name


@pytest.mark.slow
def test_a_new_writer_is_two_files(tmp_path):
    copy = copied_package(tmp_path)
    section = CONTRIBUTING.split("## Add a writer")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (names,) = re.findall(r"```\n(WRITERS = .*?)\n```", section)
    writers = copy / "lm" / "writers"
    (writers / "plain_writer.py").write_text(code, encoding="utf-8")
    table = (writers / "__init__.py").read_text(encoding="utf-8")
    (writers / "__init__.py").write_text(re.sub(r"(?m)^WRITERS = .*$", names, table), encoding="utf-8")
    run = toy_run_of_copy(tmp_path, "--set", "writer=plain", "--until", "vectors")
    stories = pl.read_parquet(run / "stories.parquet")
    assert stories["kept"].sum() > 0 and set(stories["writer"].str.slice(0, 24)) == {"generate of transformers"}
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["settings"]["writer"] == "plain"
