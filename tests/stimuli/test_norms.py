"""Human ratings: the lists that ship, and files of the user's with their faults."""

import json

import pytest

from emotion_vectors.corpus.checking import check_norms
from emotion_vectors.errors import UserError
from emotion_vectors.opening import settings_identity
from emotion_vectors.settings import change, preset
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import read_norms, shipped


def test_the_lists_that_ship_rate_emotions_of_the_pack_within_their_scales():
    emotions = load_pack("ours").emotions
    for norms, words, low, high in zip(shipped(), (45, 82), (-1, 1), (1, 9), strict=True):
        for scale in ("valence", "arousal"):
            rows, ratings = norms.of(emotions, scale)
            assert len(rows) == words == len(norms.ratings[scale])
            assert ratings.min() >= low and ratings.max() <= high
    # Values of the printed tables.
    assert shipped()[0].ratings["valence"]["excited"] == 0.62 and shipped()[0].ratings["arousal"]["bored"] == -0.62
    assert shipped()[1].ratings["valence"]["afraid"] == 2.206 and "doi" in shipped()[1].source


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_a_file_of_ones_own_in_three_forms(tmp_path, ending):
    path, comma = tmp_path / f"mine.{ending}", "\t" if ending == "tsv" else ","
    rows = [("Happy", 0.9, 0.5), ("sad", 0.1, "")]
    if ending == "jsonl":
        path.write_text("\n".join(json.dumps({"Word": w, "Valence": v, "arousal": a or None}) for w, v, a in rows))
    else:
        path.write_text("\n".join(comma.join(map(str, row)) for row in (("Word", "Valence", "arousal"), *rows)))
    found = read_norms(path)
    assert found.ratings == {"valence": {"happy": 0.9, "sad": 0.1}, "arousal": {"happy": 0.5}}
    where, ratings = found.of(["sad", "angry", "happy"], "valence")
    assert where.tolist() == [0, 2] and ratings[:, 0].tolist() == [0.1, 0.9]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "term,valence\nhappy,1\n", "no column `word`"),
        ("a.csv", "word,valence\nhappy,high\n", "row 2: the valence 'high' is not a number"),
        ("a.csv", "word,valence\nhappy,nan\n", "is not a number"),
        ("a.csv", "word,valence\nhappy,1\nHappy,2\n", "appears twice"),
        ("a.csv", "word,mood\nhappy,1\n", "has no rating"),
        ("a.csv", "word,valence\n,1\n", "there is no word"),
        ("a.jsonl", "[1]\n", "not a JSON object"),
        ("a.jsonl", "{\n", "not a JSON object"),
        ("a.xlsx", "word", "not a .csv, .tsv or .jsonl"),
        ("a.csv", "\xff", "Can't read"),
        (None, "", "Can't read"),
    ],
)
def test_a_file_with_a_fault_is_refused_in_a_sentence(tmp_path, name, text, said):
    path = tmp_path / (name or "absent.csv")
    if name:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=said):
        read_norms(path)


def test_norms_of_other_words_are_refused_before_anything_is_loaded(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("word,valence\nchair,1\n")
    with pytest.raises(UserError, match="rates none of the 171 emotions"):
        check_norms(change(preset("toy"), norms=str(path)), load_pack("ours"))


def test_defaults_of_the_new_settings_leave_the_identity_of_a_run_as_it_was_and_norms_count_by_content(tmp_path):
    usual = settings_identity(preset("toy"))
    assert not {"norms", "geometry_components", "clusters"} & set(usual)
    assert settings_identity(change(preset("toy"), clusters=5)) != usual
    found = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "n.csv").write_text("word,valence\nhappy,1\n")
        found.append(settings_identity(change(preset("toy"), norms=str(tmp_path / folder / "n.csv"))))
    assert found[0] == found[1] != usual
