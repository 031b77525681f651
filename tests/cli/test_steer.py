"""`emotion-vectors steer`: the same texts every time, three kinds that don't touch each other, one sentence for a mistake."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner
from vectors.steered import lm, vectors  # noqa: F401
from vectors.worlds import agreeing

from emotion_vectors.cli import app
from emotion_vectors.cli.shown import plain_text
from emotion_vectors.cli.steer import show
from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.base import Sampling
from emotion_vectors.vectors import writing
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.writing import compare_writing

PROMPT = "How was the day?"


@pytest.fixture(scope="module")
def file(vectors, tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / "vectors.safetensors"
    vectors.save(path)
    return str(path)


def call(*words, text=None, columns="100"):
    found = CliRunner().invoke(app, ["steer", *words, "--device", "cpu"], input=text, env={"COLUMNS": columns})
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


@pytest.mark.slow
def test_the_json_has_everything_and_the_same_command_gives_the_same(file):
    words = [
        file,
        PROMPT,
        "--emotion",
        "calm=0.5",
        "--emotion",
        "angry=-0.2",
        "--samples",
        "2",
        "--max-tokens",
        "12",
        "--json",
    ]
    first = json.loads(call(*words))
    assert first == json.loads(call(*words))
    assert (
        first["emotions"] == {"calm": 0.5, "angry": -0.2} and first["layers"] == [2] and first["residual_norm"] == [3.0]
    )
    assert [(t["kind"], t["sample"], t["seed"]) for t in first["texts"]] == [
        (kind, i, i) for kind in ("unsteered", "steered", "random") for i in range(2)
    ]
    texts = [t["text"] for t in first["texts"]]
    assert len(set(texts)) == 6 and all(t["tokens"] <= 12 for t in first["texts"])
    other = json.loads(call(*words, "--seed", "5"))
    assert {t["text"] for t in other["texts"]}.isdisjoint(texts)


@pytest.mark.parametrize(("r", "said"), [(None, "was not measured"), (0.03, "mostly noise"), (0.6, "")])
def test_noise_is_called_noise_on_the_screen_and_in_the_json(vectors, tmp_path, r, said):
    file = tmp_path / "some.safetensors"
    known = vectors if r is None else agreeing(vectors, r)
    known.save(file)
    words = [str(file), PROMPT, "--emotion", "calm=0.5", "--max-tokens", "2"]
    shown = call(*words, columns="300")
    assert said in shown and bool(said) == ("noise" in shown) and ("(reliability" in shown) == (r is not None)
    found = json.loads(call(*words, "--json"))
    assert found["caution"] == known.caution() and said in found["caution"] and found["reliability"] == {"calm": r}


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_columns_hold_all_texts(file, columns):
    words = [file, "-", "--emotion", "calm=0.5", "--max-tokens", "15"]
    output = call(*words, text=PROMPT, columns=columns)
    made = json.loads(call(*words, "--json", text=PROMPT))
    assert made["prompt"] == PROMPT and max(map(len, output.splitlines())) <= int(columns)
    assert "calm +0.5 times the mean residual norm (3)" in " ".join(output.split())
    squeezed = "".join(output.split())
    for one in made["texts"]:
        assert f"{one['log_probability']:.2f}natsatoken" in squeezed or columns == "80"
    heads = output.splitlines()
    assert any(all(name in line for name in ("unsteered", "steered", "random direction")) for line in heads)


def test_what_the_model_wrote_is_shown_and_never_obeyed(vectors, lm, monkeypatch, capsys):
    attack = "\x1b[31mred\x1b]0;title\x07 [bold]not bold[/bold] [/] \u202egnp.exe \x9b2J"
    monkeypatch.setattr(writing, "read_text", lambda *_: attack)
    found = compare_writing(vectors, lm, PROMPT, {"calm": 0.1}, sampling=Sampling(max_new_tokens=2))
    monkeypatch.setenv("COLUMNS", "200")
    show(found)
    shown = capsys.readouterr().out
    assert not any(sign in shown for sign in "\x1b\x07\x9b\u202e")
    assert "[bold]not bold[/bold]" in shown and r"\x1b[31mred" in shown
    assert plain_text("a\tb\nc é 😀") == "a\tb\nc é 😀"


MISTAKES = [
    (["{file}", PROMPT, "--emotion", "clam=0.3"], "did you mean 'calm'"),
    (["{file}", PROMPT, "--emotion", "calm=much"], "name=number"),
    (["{file}", PROMPT, "--emotion", "calm"], "name=number"),
    (["{file}", PROMPT, "--emotion", "calm=nan"], "name=number"),
    (["{file}", PROMPT, "--emotion", "calm=inf"], "name=number"),
    (["{file}", PROMPT, "--emotion", "calm=1", "--emotion", "calm=2"], "given twice"),
    (["{file}", PROMPT, "--emotion", "calm=0.3", "--layers", "2,4"], "no layer 4"),
    (["{file}", PROMPT, "--emotion", "calm=0.3", "--layers", "two"], "not a list of layers"),
    (["{file}", "  ", "--emotion", "calm=0.3"], "prompt is empty"),
    (["{file}", PROMPT, "--find-strength", "--emotion", "calm", "--layers", "1-2"], "one layer at a time"),
    (["{file}", PROMPT, "--find-strength", "--emotion", "calm=0"], "no direction to try"),
    (["no/such/run", PROMPT, "--emotion", "calm=0.3"], "no vectors at no/such/run"),
    (["{file}", PROMPT, "--emotion", "calm=0.3", "--model", "no/such/model.gguf"], "no GGUF file"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_a_mistake_is_one_sentence(words, sentence, file):
    with pytest.raises(UserError) as mistake:
        call(*(word.format(file=file) for word in words))
    assert sentence in str(mistake.value) and "\n" not in str(mistake.value)


def test_vectors_of_another_model_are_refused(vectors, lm):
    wide = np.zeros((4, 3, 64), dtype=np.float32)
    other = EmotionVectors(vectors.emotions, wide, wide, wide[0], vectors.residual_norm, 2, "raw")
    with pytest.raises(UserError, match="width 64, this one has 4 of width 32"):
        compare_writing(other, lm, PROMPT, {"calm": 0.3})


@pytest.mark.parametrize(
    ("given", "said"),
    [("Hi.\n", "Hi."), ("Hi.\r\n", "Hi."), ("Hi.\n\n", "Hi.\n"), ("Hi. ", "Hi. "), ("a\nb", "a\nb"), ("\r", "\r")],
)
def test_a_file_ends_with_one_line_break_that_is_no_part_of_the_prompt(given, said):
    from emotion_vectors.cli.steer import read_prompt

    assert read_prompt(given) == said


def test_more_tokens_than_the_context_has_are_refused_before_anything_is_written():
    from tiny import tiny
    from vectors.worlds import make_vectors

    for prompt, more in (("Tell me. " * 800, 8), ("Tell me.", 1020)):
        with pytest.raises(UserError, match=rf"up to {more} more are to be written, but tiny-llama reads at most 1024"):
            compare_writing(make_vectors(), tiny(), prompt, {"calm": 0.1}, sampling=Sampling(max_new_tokens=more))


@pytest.mark.slow
def test_the_strengths_that_are_found_are_those_of_the_library_each_emotion_with_its_sign(file, vectors, lm):
    from emotion_vectors.vectors.strength import LENGTHS, find_strength

    words = [file, PROMPT, "--find-strength", "--emotion", "calm", "--emotion", "angry=-0.4", "--max-tokens", "10"]
    said = call(*words, "--json")
    found = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert found["layer"] == 2 and found["residual_norm"] == 3.0 and found["samples"] == 2
    for name, sign in (("calm", 1), ("angry", -1)):
        own = find_strength(vectors, lm, PROMPT, {name: sign}, sampling=Sampling(0.8, max_new_tokens=10))
        told = found["emotions"][name]
        assert told["strength"] == sign * own.found and told["random"] == own.by_chance
        assert [probe["length"] for probe in told["steered_tried"]] == list(LENGTHS)
        assert [probe["lost"] for probe in told["steered_tried"]] == pytest.approx(
            [p.lost for p in own.steered], abs=1e-5
        )
    shown = call(*words)
    for name in ("calm", "angry"):
        line = next(line for line in shown.splitlines() if line.split()[:1] == [name])
        strength = found["emotions"][name]["strength"]
        assert line.split()[1] == (f"{strength:g}" if strength else "none")
    assert "This result is for this prompt only." in shown
