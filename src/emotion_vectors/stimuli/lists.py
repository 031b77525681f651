"""The form of each list of a pack: JSON value in, checked stimuli out, `UserError` where the form is wrong."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from emotion_vectors.stimuli.items import (
    CATEGORIES,
    NEGATIVE,
    NUMERIC_EMOTIONS,
    POSITIVE,
    SIGNS,
    Activity,
    NumericTemplate,
    Prompts,
    Scenario,
    TwinnedTemplate,
)
from emotion_vectors.stimuli.parsing import (
    Place,
    expect_different,
    expect_list,
    expect_member,
    expect_number,
    expect_object,
    expect_text,
    expect_texts,
    plain_text,
)

IN_EMOTIONS = "in the pack's emotions.json"
PROMPT_KEYS = ("story", "neutral", "preference", "preference_prefill", "feeling")
# Asked of a run with dialogues=write alone, so it is not part of what makes other runs what they are; a pack may lack it.
DIALOGUE_KEY = "speaker_dialogue"
_TEMPLATE_KEYS = ("name", "template", "x_label", "values", "expected")
_TWIN_KEYS = (*_TEMPLATE_KEYS, "twin", "severity")

# For each prompt: the placeholders that it must have and those that it may have besides.
_PLACEHOLDERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "story": (frozenset({"emotion", "topic"}), frozenset({"n_stories"})),
    "neutral": (frozenset(), frozenset({"question", "topic", "n_stories"})),
    "preference": (frozenset({"activity_a", "activity_b"}), frozenset()),
    "feeling": (frozenset({"activity"}), frozenset()),
    DIALOGUE_KEY: (frozenset({"topic", "person_emotion", "ai_emotion"}), frozenset({"n_stories"})),
}


def parse_emotions(value: Any, place: Place) -> tuple[str, ...]:
    """The emotion words: unique and in lower case, two or more."""
    emotions = expect_texts(value, place, at_least=2)
    for index, emotion in enumerate(emotions):
        if emotion != emotion.lower():
            raise place.item(index).fault("an emotion word must be in lower case")
    return emotions


def parse_activities(value: Any, place: Place) -> tuple[Activity, ...]:
    """The activities: unique texts, each with one of the eight categories."""
    activities = []
    for index, item in enumerate(expect_list(value, place, at_least=2)):
        spot = place.item(index)
        fields = expect_object(item, spot, ("text", "category"), ("text", "category"))
        text = expect_text(fields["text"], spot.key("text"))
        where = f"a category ({', '.join(CATEGORIES)})"
        activities.append(Activity(text, expect_member(fields["category"], spot.key("category"), CATEGORIES, where)))
    expect_different([activity.text for activity in activities], place)
    return tuple(activities)


def parse_scenarios(
    value: Any, place: Place, emotions: Sequence[str] | None, *, one_each: bool = True
) -> tuple[Scenario, ...]:
    """The scenarios, for some of the `emotions` (any word, where these aren't known).

    No name and no prompt is there twice; with `one_each` no emotion is either.
    """
    scenarios = []
    known = None if emotions is None else frozenset(emotions)
    for index, item in enumerate(expect_list(value, place, at_least=0)):
        spot = place.item(index)
        keys = ("name", "emotion", "prompt")
        fields = expect_object(item, spot, keys, keys)
        name, emotion, prompt = (expect_text(fields[key], spot.key(key), prompt=key == "prompt") for key in keys)
        if known is not None:
            expect_member(emotion, spot.key("emotion"), known, IN_EMOTIONS)
        scenarios.append(Scenario(name, emotion, prompt))
    for field in ("name", "emotion", "prompt") if one_each else ("name", "prompt"):
        expect_different([getattr(scenario, field) for scenario in scenarios], Place(place.file, f", {field}"))
    return tuple(scenarios)


def parse_heldout_scenarios(value: Any, place: Place, emotions: Sequence[str]) -> tuple[Scenario, ...]:
    """Further scenarios, any number for each of some of the `emotions`."""
    return parse_scenarios(value, place, emotions, one_each=False)


def expect_other_prompts(heldout: Sequence[Scenario], scenarios: Sequence[Scenario], place: Place) -> None:
    """Refuse a held-out scenario that is one of `scenarios` (apart from case and spaces): it would not be held out."""
    first = {plain_text(scenario.prompt): index for index, scenario in enumerate(scenarios)}
    for index, scenario in enumerate(heldout):
        if (same := first.get(plain_text(scenario.prompt))) is not None:
            raise place.item(index).fault(f"the prompt is item {same + 1} of scenarios.json; write another one")


def parse_numeric_templates(value: Any, place: Place) -> tuple[NumericTemplate, ...]:
    """The numeric templates; an emotion without an expected sign gets "none"."""
    templates = []
    for index, item in enumerate(expect_list(value, place)):
        spot = place.item(index)
        fields = expect_object(item, spot, _TEMPLATE_KEYS, (*_TEMPLATE_KEYS, "reasons"))
        templates.append(_numeric_template(fields, spot))
    expect_different([template.name for template in templates], Place(place.file, ", name"))
    expect_different([template.template for template in templates], Place(place.file, ", template"))
    return tuple(templates)


def parse_twinned_templates(value: Any, place: Place) -> tuple[TwinnedTemplate, ...]:
    """Numeric templates, each with its two twins; no sentence is there twice."""
    templates = []
    for index, item in enumerate(expect_list(value, place)):
        spot = place.item(index)
        fields = expect_object(item, spot, _TWIN_KEYS, (*_TWIN_KEYS, "reasons"))
        place_there = spot.key("severity")
        keys = ("template", "expected", "reason")
        other = expect_object(fields["severity"], place_there, keys, keys)
        signs = _expected_signs(other["expected"], place_there.key("expected"))
        templates.append(
            TwinnedTemplate(
                _numeric_template(fields, spot),
                _with_number(fields["twin"], spot.key("twin")),
                _with_number(other["template"], place_there.key("template")),
                {emotion: signs.get(emotion, "none") for emotion in NUMERIC_EMOTIONS},
                expect_text(other["reason"], place_there.key("reason")),
            )
        )
    expect_different([one.base.name for one in templates], Place(place.file, ", name"))
    sentences = [text for one in templates for text in (one.base.template, one.twin, one.severity)]
    expect_different(sentences, Place(place.file, ", the sentences"))
    return tuple(templates)


def _numeric_template(fields: Mapping[str, Any], place: Place) -> NumericTemplate:
    name, label = (expect_text(fields[key], place.key(key)) for key in ("name", "x_label"))
    template = _with_number(fields["template"], place.key("template"))
    values = _rising_numbers(fields["values"], place.key("values"))
    expected = _expected_signs(fields["expected"], place.key("expected"))
    reasons = _reasons(fields.get("reasons", {}), expected, place.key("reasons"))
    signs = {emotion: expected.get(emotion, "none") for emotion in NUMERIC_EMOTIONS}
    return NumericTemplate(name, template, label, values, signs, reasons)


def _with_number(value: Any, place: Place) -> str:
    text = expect_text(value, place, prompt=True)
    if text.count("{X}") != 1:
        raise place.fault("a template needs {X} exactly once, where the number goes")
    return text


def _rising_numbers(value: Any, place: Place) -> tuple[float, ...]:
    items = expect_list(value, place, at_least=3)
    numbers = tuple(expect_number(item, place.item(index)) for index, item in enumerate(items))
    for index in range(1, len(numbers)):
        if numbers[index] <= numbers[index - 1]:
            raise place.item(index).fault("the values must rise; sort them and keep each once")
    return numbers


def _expected_signs(value: Any, place: Place) -> dict[str, str]:
    signs = expect_object(value, place, allowed=NUMERIC_EMOTIONS)
    return {
        emotion: expect_member(sign, place.key(emotion), SIGNS, '"+", "-" or "none"') for emotion, sign in signs.items()
    }


def _reasons(value: Any, expected: Mapping[str, str], place: Place) -> dict[str, str]:
    given = expect_object(value, place, allowed=NUMERIC_EMOTIONS)
    reasons = {}
    for emotion in NUMERIC_EMOTIONS:
        if emotion in given:
            reasons[emotion] = expect_text(given[emotion], place.key(emotion))
        else:
            reasons[emotion] = "the pack gives no reason" if emotion in expected else "not named by the pack"
    return reasons


def parse_prompts(value: Any, place: Place, dialogue: str = "") -> Prompts:
    """The prompts that a run uses, with `dialogue` where there is none for dialogues; further ones in the file are left alone."""
    fields = expect_object(value, place, PROMPT_KEYS)
    given = {DIALOGUE_KEY: dialogue} | {key: fields[key] for key in (*PROMPT_KEYS, DIALOGUE_KEY) if key in fields}
    return Prompts(**{key: parse_prompt(key, text, place.key(key)) for key, text in given.items()})


def parse_prompt(key: str, value: Any, place: Place) -> str:
    """One prompt, with the placeholders that it needs and no others."""
    text = expect_text(value, place, prompt=True)
    if key not in _PLACEHOLDERS:
        return text
    found = _placeholders(text, place)
    required, optional = _PLACEHOLDERS[key]
    for name in sorted(required - found):
        raise place.fault(f"the placeholder {{{name}}} is missing; write it where that goes")
    for name in sorted(found - required - optional):
        raise place.fault(f"the placeholder {name!a} in braces is unknown; double the braces to have them in the text")
    if key == "neutral" and len(found & {"question", "topic"}) != 1:
        raise place.fault("a neutral prompt needs either {question} or {topic}, and not both")
    return text


def _placeholders(text: str, place: Place) -> frozenset[str]:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise place.fault(f"the braces don't match ({error}); double a brace to have it in the text") from error
    for _, name, form, conversion in parts:
        if name is not None and (form or conversion):
            raise place.fault(f"the placeholder {name!a} has a format; write the bare name in braces")
    return frozenset(name for _, name, _, _ in parts if name is not None)


def parse_valence(value: Any, place: Place, emotions: Sequence[str]) -> tuple[dict[str, str], frozenset[str]]:
    """The labels, and the words on which judges could differ (each with its reason in the file).

    An emotion without a label is left out of everything that is judged by valence.
    """
    fields = expect_object(value, place, ("labels",), ("labels", "ambiguous"))
    known = frozenset(emotions)
    spot = place.key("labels")
    given = expect_object(fields["labels"], spot)
    for emotion, label in given.items():
        expect_member(emotion, spot, known, IN_EMOTIONS)
        expect_member(label, spot.key(emotion), (POSITIVE, NEGATIVE), f"'{POSITIVE}' or '{NEGATIVE}'")
    spot = place.key("ambiguous")
    ambiguous = expect_object(fields.get("ambiguous", {}), spot)
    for emotion, reason in ambiguous.items():
        expect_member(emotion, spot, known, IN_EMOTIONS)
        expect_text(reason, spot.key(emotion))
    return {emotion: given[emotion] for emotion in emotions if emotion in given}, frozenset(ambiguous)


def parse_opposite_pairs(value: Any, place: Place, emotions: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of two different emotions; no pair twice, in whichever order."""
    pairs = []
    for index, item in enumerate(expect_list(value, place, at_least=0)):
        spot = place.item(index)
        words = parse_emotion_list(item, spot, emotions)
        if len(words) != 2:
            raise spot.fault(f"a pair has two emotions, this one has {len(words)}")
        pairs.append((words[0], words[1]))
    expect_different([" / ".join(sorted(pair)) for pair in pairs], place)
    return tuple(pairs)


def parse_more_opposite_pairs(value: Any, place: Place, emotions: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Further pairs, as `parse_opposite_pairs`; no word more than twice, or one word would decide."""
    pairs = parse_opposite_pairs(value, place, emotions)
    uses = Counter(word for pair in pairs for word in pair)
    for index, pair in enumerate(pairs):
        for word in pair:
            if uses[word] > 2:
                raise place.item(index).fault(f"'{word}' is in {uses[word]} pairs; a word may be in two at most")
    return pairs


def parse_emotion_list(value: Any, place: Place, emotions: Sequence[str]) -> tuple[str, ...]:
    """Some of the emotions, each at most once, in an order that matters."""
    words = expect_texts(value, place, at_least=0)
    known = frozenset(emotions)
    for index, word in enumerate(words):
        expect_member(word, place.item(index), known, IN_EMOTIONS)
    return words


def parse_subset(value: Any, place: Place, emotions: Sequence[str]) -> tuple[str, ...]:
    """All emotions, ordered so that the first n of them cover the range."""
    words = parse_emotion_list(value, place, emotions)
    listed = frozenset(words)
    for emotion in emotions:
        if emotion not in listed:
            raise place.fault(f"'{emotion}' is missing; the list orders all emotions of the pack")
    return words


def parse_synonyms(value: Any, place: Place, emotions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For every emotion the words that name it besides its own forms; none where the file gives none."""
    given = expect_object(value, place)
    known = frozenset(emotions)
    for emotion, words in given.items():
        spot = place.key(emotion)
        expect_member(emotion, spot, known, IN_EMOTIONS)
        for index, word in enumerate(expect_texts(words, spot)):
            if word != word.lower():
                raise spot.item(index).fault("a synonym must be in lower case")
    return {emotion: tuple(given.get(emotion, ())) for emotion in emotions}
