"""Every model is run, and the one that fails is named."""

import shutil

from comparing.folders import called


def test_screen_runs_every_model_and_names_the_one_that_fails(toy_run, tmp_path, monkeypatch, capsys):
    """The toy model is its name alone, so a finished run put where screen would make it is found and not made again."""
    out = tmp_path / "screen"
    shutil.copytree(toy_run[0], out / "toy")
    missing = tmp_path / "nowhere"
    code, told = called(
        monkeypatch,
        capsys,
        "screen",
        "--models",
        f"toy {missing}",
        "--preset",
        "toy",
        "--out",
        out,
        "--quiet",
        "--device",
        "cpu",
    )
    assert code == 1 and "nowhere" in told.err and not (out / "comparison.html").exists()
    code, told = called(monkeypatch, capsys, "screen", "--models", "toy", "--models", "toy", "--out", out)
    assert code == 2 and "same name" in told.err


def test_screen_hands_on_the_texts_that_it_is_given(tmp_path, monkeypatch, capsys):
    """`--stories ours` reaches every run as it does with `run`; what is not there is said before a model is looked for."""
    from emotion_vectors.comparing import screening

    asked = []
    monkeypatch.setattr(
        screening, "screen_models", lambda names, preset, changes, *rest: asked.append(changes) or (False, [])
    )
    words = ("screen", "--models", "toy", "--out", tmp_path / "out", "--stories", "ours", "--neutral", "ours")
    code, _ = called(monkeypatch, capsys, *words)
    assert code == 0 and asked == [{"stories_from": "ours", "neutral_from": "ours"}]
