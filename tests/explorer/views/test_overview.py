"""What is said above all tabs."""

import dataclasses

import pytest
from vectors.worlds import agreeing

from emotion_vectors.explorer.runs import open_run
from emotion_vectors.explorer.views.overview import overview
from emotion_vectors.explorer.views.verdicts import verdicts
from explorer.opened import folder
from explorer.test_markup import Seen


def test_an_unfinished_run_says_what_is_missing_and_what_to_do(tmp_path):
    run = open_run("new", folder(tmp_path / "new"))
    shown = overview(run)
    assert "Run the same command again to resume." in shown and "no vectors yet" in shown
    assert run.model is None and run.table("stories") is None and "no verdicts yet" in verdicts(run)


def test_hostile_words_of_a_run_are_text(hostile_run):
    run = open_run("hostile", hostile_run)
    for html in (overview(run), verdicts(run)):
        seen = Seen(html)
        assert "<script>window.owned=1</script>" in seen.text
        assert not {"script", "img"} & {tag for tag, _ in seen.tags}


@pytest.mark.parametrize(("r", "said"), [(None, "not measured"), (0.03, "mostly noise"), (0.6, "")])
def test_noise_is_called_noise_above_all_tabs(toy_run, r, said):
    run = open_run("toy", toy_run)
    bare = dataclasses.replace(run.vectors, header=run.vectors.header | {"reliability": None})
    shown = overview(dataclasses.replace(run, vectors=bare if r is None else agreeing(bare, r)))
    assert bool(said) == ("noise" in shown) == ("ev-warning" in shown)
    if said:
        sentence = Seen(shown).text
        assert said in sentence and sentence.count("These vectors") + sentence.count("of these vectors") == 1
    # The toy's own vectors are those of a random model.
    assert run.vectors.caution() in Seen(overview(run)).text and "mostly noise" in run.vectors.caution()
