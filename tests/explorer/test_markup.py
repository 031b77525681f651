"""Escaping, colours and tables: what every tab is made of."""

from html.parser import HTMLParser

import pytest

from emotion_vectors.explorer.markup import Cell, colour, notice, table, text, visible

HOSTILE = [
    "<script>x</script>",
    '" onmouseover="x',
    "' autofocus",
    "${x}",
    "{{x}}",
    "{@html x}",
    "`x`",
    "&lt;b&gt;",
    "a\n<b>",
]


class Seen(HTMLParser):
    """The tags with their attributes, and the text that a browser would show."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("words", HOSTILE)
def test_text_is_shown_as_it_is_and_makes_no_tag_attribute_or_template(words):
    escaped = text(words)
    assert not set(escaped) & set("<>\"'{}`$")
    inside, attribute = Seen(f"<p>{escaped}</p>"), Seen(f'<p title="{escaped}">')
    assert inside.tags == [("p", {})] and inside.text == words
    assert attribute.tags == [("p", {"title": words})]


@pytest.mark.parametrize("words", HOSTILE)
def test_notices_and_captions_escape(words):
    for html in (notice("error", words, words), table(words, [words], [[Cell(text(words))]], tall=True)):
        seen = Seen(html)
        assert {tag for tag, _ in seen.tags} <= {
            "div",
            "b",
            "p",
            "span",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        }
        assert words in seen.text


def test_a_line_break_in_a_token_is_seen():
    assert Seen(visible("a\nb")).text == "a↵\nb"


def luminance(code):
    channels = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def over(code, ground):
    """The colour `#rrggbbaa` as it is seen on the ground `#rrggbb`."""
    share = int(code[7:9], 16) / 255
    mixed = [share * int(code[i : i + 2], 16) + (1 - share) * int(ground[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


@pytest.mark.parametrize(("ground", "ink"), [("#ffffff", "#1f2328"), ("#14181f", "#e6edf3")])
@pytest.mark.parametrize("share", [-5, -1, -0.5, 0, 0.5, 1, 5])
def test_letters_are_readable_on_every_colour_in_both_designs(share, ground, ink):
    """Contrast of WCAG 2.2, at least 4.5 to 1."""
    dark, light = sorted([luminance(over(colour(share), ground)), luminance(ink)])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_colours_are_nothing_at_zero_and_differ_in_blue_and_red_at_the_ends():
    assert over(colour(0), "#ffffff") == "#ffffff" and colour(9) == colour(1) and colour(-9) == colour(-1)
    high, low = ([int(over(colour(s), "#ffffff")[i : i + 2], 16) for i in (1, 3, 5)] for s in (1, -1))
    # Blue against orange stays apart without red-green vision: the blue channel differs by most of its range.
    assert high[2] < 100 < 180 < low[2] and low[0] < 100 < 180 < high[0]


def test_only_wide_tables_become_blocks_on_a_phone():
    narrow, wide = (table("c", ["h"] * n, [[Cell("x")] * n]) for n in (4, 5))
    assert "ev-wide" not in narrow and "ev-wide" in wide
