"""Does the model's context hold what this run asks of it? Asked before anything is computed, of the longest prompt of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from emotion_vectors.corpus.dialogues import WRITE
from emotion_vectors.corpus.neutral import fill_prompt
from emotion_vectors.corpus.speaking import TOGETHER, cells_of
from emotion_vectors.corpus.speaking import fill_prompt as fill_dialogue
from emotion_vectors.corpus.stories import MOST_TOGETHER
from emotion_vectors.experiments.steered_words import leaks
from emotion_vectors.lab import Lab
from emotion_vectors.lm.limits import context_of, require_room
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.lm.writers.choosing import kind_of
from emotion_vectors.stages.feels import ANSWER_TOKENS


def tokens_to_write(lab: Lab, together: bool = False) -> int:
    """Most tokens of an answer of the model under test: of a neutral text, or `together` of several stories at once."""
    settings = lab.settings
    if kind_of(settings.writer).is_remote:
        return 0  # its model has a context of its own
    several = (
        min(MOST_TOGETHER, settings.stories_per_topic) if together and "{n_stories}" in lab.pack.prompts.story else 1
    )
    return settings.story_tokens * several


def check_room(lab: Lab) -> None:
    """Raise `UserError` for the first prompt that does not fit in the context, with what is to be written after it."""
    if context_of(lab.lm) is None:
        return
    for message, prefill, more in _longest(lab):
        ids = chat_prompt(lab.lm, "{message}", {"message": message}, prefill).ids
        require_room(lab.lm, len(ids), more, f"The prompt '{message[:40]}'")


def _longest(lab: Lab) -> Iterator[tuple[str, str, int]]:
    """Message, prefill and tokens to write after them: the longest of each kind of prompt of the run."""
    pack, settings, prompts = lab.pack, lab.settings, lab.pack.prompts
    if settings.stories_from is None:
        emotion, topic = _of(lab.emotions), _of(pack.topics[: settings.topics])
        count = min(MOST_TOGETHER, settings.stories_per_topic)
        yield prompts.story.format(emotion=emotion, topic=topic, n_stories=count), "", tokens_to_write(lab, True)
    if settings.neutral_from is None:
        yield fill_prompt(pack, _of(pack.neutral_questions or pack.topics)), "", tokens_to_write(lab)
    if lab.runtime.until is not None:
        return
    if settings.dialogues == WRITE:
        cells = cells_of(pack, lab.emotions, settings.dialogue_emotions, settings.seed)
        yield max((fill_dialogue(pack, cell) for cell in cells), key=len), "", tokens_to_write(lab) * TOGETHER
    yield leaks.QUESTION, "", ANSWER_TOKENS
    for battery in (pack.scenarios, pack.heldout_scenarios, pack.retrieval_scenarios):
        if battery:
            yield _of(scenario.prompt for scenario in battery), "", 0
    numeric = [template.fill(value) for template in pack.numeric_templates for value in template.values]
    numeric += [one for t in pack.more_numeric_templates for messages in t.prompts() for one in messages]
    if numeric:
        yield _of(numeric), "", 0
    activities = sorted((activity.text for activity in pack.activities), key=len)
    if len(activities) > 1:
        yield prompts.feeling.format(activity=activities[-1]), "", 0
        first, second = activities[-1], activities[-2]
        yield prompts.preference.format(activity_a=first, activity_b=second), prompts.preference_prefill, 0


def _of(texts: Iterable[str]) -> str:
    """The longest one."""
    return max(texts, key=len, default="")
