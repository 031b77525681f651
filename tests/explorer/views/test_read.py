"""The read tab's HTML against a reading whose values are known."""

import dataclasses
import re

import numpy as np
import pytest

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.views import read as view
from emotion_vectors.lm.messages import MessageSpan
from emotion_vectors.vectors.calibration import FORMS, KINDS, REFERENCES, Calibration
from emotion_vectors.vectors.reading import Reading
from explorer.test_markup import Seen

# Tokens 1 and 2 are the user's words, token 4 is the response position; two emotions, layers 3 and 5.
RAW = np.zeros((5, 2, 2), dtype=np.float32)
RAW[:, 0, 0] = [0.9, 0.1, 0.4, -0.2, 0.3]
RAW[:, 1, 0] = [0.0, 0.2, 0.1, 0.5, 0.6]
RAW[:, :, 1] = -RAW[:, :, 0]


def reading(centred=True, tokens=("<s>", "I", " <i>won", "\n", ">")):
    return Reading(
        ids=(1, 2, 3, 4, 5), tokens=tokens, emotions=("calm", "angry"), layers=(3, 5), raw=RAW, centred=RAW / 2 if centred else None,
        projection=RAW * 3, messages=(MessageSpan("user", 1, 3),), response=4,
    )  # fmt: skip


def spans(html):
    return [attributes for tag, attributes in Seen(html).tags if tag == "span" and "data-tip" in attributes]


def test_every_token_is_there_coloured_by_its_own_value_and_the_text_is_whole():
    shown = view.show(reading(), "calm", 3, "raw")
    html = view.tokens(shown)
    found = spans(html)
    assert len(found) == 5
    most = np.quantile([0.1, 0.4, 0.2, 0.3], 0.98)  # without the first token
    assert view.limit(shown.values) == pytest.approx(most)
    assert [f["style"].split(":")[1] for f in found[1:]] == [view.colour(v / most) for v in (0.1, 0.4, -0.2, 0.3)]
    assert Seen(html[html.index("ev-text") :]).text.count(" <i>won") == 1


def test_the_layer_and_the_scale_are_those_chosen():
    assert view.show(reading(), "angry", 5, "raw").values[4] == pytest.approx(-0.6)
    assert view.show(reading(), "angry", 3, "centred").values[4] == pytest.approx(0.3)
    assert view.show(reading(), "angry", 3, "projection").values[4] == pytest.approx(1.8)
    bare = view.show(reading(centred=False), "angry", 3, "centred")
    assert bare.scale == "raw" and bare.values[4] == pytest.approx(0.6)
    assert "without a neutral mean" in view.tokens(bare)


def test_the_tip_names_raw_centred_and_the_strongest_emotions():
    shown = view.show(reading(), "calm", 3, "raw")
    assert view.tip(shown, 2).splitlines() == [
        "token 2: ' <i>won'", "calm, raw: +0.400", "calm, centred: +0.200", "calm, projection: +1.200 residual norms",
        "strongest: calm +0.40, angry +0.10",
    ]  # fmt: skip
    assert view.top_emotions(shown, 3)[0][0] == "angry"


def test_the_response_position_and_the_speaker_are_marked_where_they_are():
    html = view.tokens(view.show(reading(), "calm", 3, "raw"))
    classes = [attributes["class"].split() for attributes in spans(html)]
    assert [("ev-response" in c, "ev-frame" in c) for c in classes] == [
        (False, True), (False, False), (False, False), (False, True), (True, False),
    ]  # fmt: skip
    before = html[: html.index("data-tip")]
    assert "ev-role" not in before and html.index("ev-role") < html.index(">I<")


def test_one_stop_of_the_tab_key_and_the_others_by_arrows():
    stops = [attributes["tabindex"] for attributes in spans(view.tokens(view.show(reading(), "calm", 3, "raw")))]
    assert stops == ["0", "-1", "-1", "-1", "-1"]


def test_summary_and_passages_name_the_right_emotion_and_token_first():
    shown = view.show(reading(), "calm", 3, "raw")
    at_response, on_average = Seen(view.summary(shown)).text.split("On average over the text")
    assert at_response.index("angry") < at_response.index("calm")  # 0.6 against 0.3
    assert "+0.350" in on_average and "+0.150" in on_average  # means of tokens 1 to 4
    marks = view.passages(shown, 2, template=True)
    assert marks.index("<mark> &lt;i&gt;won</mark>") < marks.index("<mark>&gt;</mark>")


def neutral(texts=200):
    """Scores of neutral texts: each emotion's run from 0 to 0.995 in equal steps, the same for every statistic."""
    steps = np.arange(texts, dtype=np.float16) / texts
    shape = (len(FORMS), len(KINDS), len(REFERENCES), 6, 2, texts)
    return Calibration(np.broadcast_to(steps, shape).copy(), np.zeros((6, 4)))


def test_percentiles_are_those_among_neutral_texts_and_only_where_like_is_compared():
    html = Seen(view.summary(view.show(reading(), "calm", 3, "raw"), neutral(), [0, 1])).text
    at_response, on_average = html.split("On average over the text")
    # 0.6 and 0.3 stand above 120 and 60 of 200 texts; float16 and ties move a percentile by half a text.
    found = re.findall(r"[+]0[.]\d{3}(\d\d[.]\d)", at_response)
    assert [float(x) for x in found] == [
        pytest.approx(60, abs=0.3),
        pytest.approx(30, abs=0.3),
    ]
    assert "percentile" in at_response and "percentile" not in on_average.split("percentile: share")[0]
    plain = dataclasses.replace(reading(), messages=(MessageSpan("text", 0, 5),), response=None)
    html = Seen(view.summary(view.show(plain, "calm", 3, "raw"), neutral(), [0, 1])).text
    assert "35.0" in html or "35.2" in html  # the mean of tokens 1 to 4 of angry, 0.35
    assert "percentile" not in view.summary(view.show(plain, "calm", 3, "projection"), neutral(), [0, 1])
    assert "percentile" not in view.summary(view.show(plain, "calm", 3, "raw"))


def test_a_chat_is_parsed_by_its_roles():
    assert view.parse("User: a\nb\nASSISTANT: c\n\nsystem : d", True) == [
        {"role": "user", "content": "a\nb"}, {"role": "assistant", "content": "c"}, {"role": "system", "content": "d"},
    ]  # fmt: skip
    assert view.parse("User: a", False) == "User: a"
    assert view.parse(view.EXAMPLE_CHAT, True)[1]["role"] == "assistant"


@pytest.mark.parametrize(
    ("written", "chat", "says"),
    [("  ", False, "paste a text"), ("hello", True, "begins with User:"), ("x\nUser: a", True, "begins with User:"),
     ("User: a\nAssistant:  ", True, "assistant is empty"), ("x" * 20_001, False, "emotion-vectors read")],
)  # fmt: skip
def test_what_cannot_be_read_is_told(written, chat, says):
    with pytest.raises(UserError, match=says):
        view.parse(written, chat)


def test_long_texts_are_read_at_one_layer():
    assert view.layers_to_read(400, 171, 30, 20) == list(range(30))
    assert view.layers_to_read(20_000, 171, 30, 20) == [20]


def test_hostile_tokens_are_text():
    hostile = reading(tokens=("<s>", "<script>alert(1)</script>", '" onclick="x', "${x}{{y}}", "&lt;"))
    shown = view.show(hostile, "calm", 3, "raw")
    for html in (view.tokens(shown), view.token_table(shown), view.passages(shown), view.summary(shown)):
        assert not any(tag == "script" or "onclick" in attributes for tag, attributes in Seen(html).tags)
        assert "${" not in html and "{{" not in html


def test_each_emotion_has_its_own_reliability_beside_its_value():
    known = dataclasses.replace(reading(), reliability=(0.471, None))
    html = view.summary(view.show(known, "calm", 3, "raw"))
    tables = html.split("<table")[1:]
    assert len(tables) == 2
    for table in tables:
        rows = {Seen(row).text.split()[0][:4]: Seen(row).text for row in table.split("<tr>")[2:]}
        assert "0.47" in rows["calm"] and "not measured" in rows["angr"]
    assert "reliability" not in view.summary(view.show(reading(), "calm", 3, "raw"))


def test_a_text_that_the_vectors_were_made_of_is_called_in_sample():
    assert "In sample" in view.in_sample(dataclasses.replace(reading(), in_sample=True))
    assert all(view.in_sample(dataclasses.replace(reading(), in_sample=other)) == "" for other in (False, None))


def test_strongest_tokens_are_those_of_the_messages_unless_the_template_s_own_are_asked_for():
    """Of "angry" the line break and the response position, which the template wrote, are the strongest."""
    shown = view.show(reading(), "angry", 3, "raw")
    own, every = (
        re.findall("<mark>(.*?)</mark>", view.passages(shown, 10, template), re.S) for template in (False, True)
    )
    assert own == ["I", " &lt;i&gt;won"] and every[0] == "&gt;" and len(every) == 4


@pytest.mark.parametrize(
    ("value", "texts", "said"),
    [
        (100.0, 60, "98.3 or more"),
        (0.0, 60, "1.7 or less"),
        (99.75, 200, "99.8"),
        (100.0, 200, "99.5 or more"),
        (50, 60, "50.0"),
    ],
)
def test_percentiles_at_the_ends_say_no_more_than_the_texts_can(value, texts, said):
    assert view.percentile(value, neutral(texts)) == said
