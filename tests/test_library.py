"""docs/library.md as its reader uses it: every example runs in order on the toy run, and what the page says of it holds."""

import ast

import numpy as np
import pytest
from test_docs import DOCS, blocks

import emotion_vectors

PAGE = DOCS / "library.md"


@pytest.fixture
def beside_the_run(toy_run, tmp_path, monkeypatch):
    """A working folder in which the toy run lies at `runs/toy`, as the page has it."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "toy").symlink_to(toy_run[0], target_is_directory=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_every_example_of_the_page_runs(beside_the_run, capsys):
    space = {}
    examples = blocks(PAGE, "python")
    for number, example in enumerate(examples):
        assert len(example.splitlines()) <= 40
        exec(compile(example, f"example {number + 1} of docs/library.md", "exec"), space)
        assert capsys.readouterr().out, "an example shows something"
    assert len(examples) >= 5
    model, vectors, reading, asked = (space[name] for name in ("model", "vectors", "reading", "asked"))
    assert reading.raw.shape == (len(reading.ids), 2, 1)
    assert "".join(reading.tokens) == "I have lost everything, and I don't know where to go."
    assert reading.response is None and asked.response == len(asked.ids) - 1
    assert asked.raw.shape == (len(asked.ids), len(vectors.emotions), model.n_layers)
    touched = [ids for step in space["steering"].ids for ids in step[0]]
    assert model.tokenizer.decode(touched).strip() == "write a poem"
    assert np.linalg.norm(space["random"]) == pytest.approx(np.linalg.norm(space["calm"].vector))
    assert space["calm"].layer == vectors.layer and len(space["lens"].promoted) == 5
    assert not model.model._forward_hooks and "generate" not in vars(model.model)


def test_the_page_uses_public_names_only_and_names_all_fields_of_a_reading():
    text = PAGE.read_text(encoding="utf-8")
    for example in blocks(PAGE, "python"):
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.ImportFrom):
                assert node.module == "emotion_vectors"
                assert {alias.name for alias in node.names} <= set(emotion_vectors.__all__)
    for name in emotion_vectors.Reading.__dataclass_fields__:
        assert f"`{name}`" in text
    for mode in ("all", "prompt", "response", "TextSpan"):
        assert f"`{mode}" in text


def test_the_words_of_the_issue_work_as_they_stand(beside_the_run):
    from emotion_vectors import EmotionVectors, load_model

    vectors = EmotionVectors.load("runs/toy")
    model = load_model("toy")
    reading = vectors.read(model, "text or chat messages", emotions=["calm", "desperate"], layers=range(4))
    assert reading.raw.shape == (len(reading.ids), 2, 4) and reading.centred.shape == reading.raw.shape
    inputs = model.inputs([{"role": "user", "content": "How was your day?"}])
    options = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False, "output_logits": True}
    plain = model.generate(**inputs, **options, return_dict_in_generate=True)
    with vectors.steer(model, {"calm": 0.5, "angry": -0.2}, tokens="response"):
        steered = model.generate(**inputs, **options, return_dict_in_generate=True)
    assert steered.sequences.shape == plain.sequences.shape
    assert (steered.logits[0] - plain.logits[0]).abs().max() > 1e-3
    assert (vectors["calm"] - 0.5 * vectors["angry"]).shape == (32,)
    assert vectors.similarity().shape == (len(vectors.emotions),) * 2
    assert len(vectors.lens("calm").promoted) == 10
