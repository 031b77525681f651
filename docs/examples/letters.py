"""An Inspect task of our own: short messages to answer, and a scorer that asks whether the answer has a word of gladness."""

import re

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Score, accuracy, scorer, stderr
from inspect_ai.solver import generate

MESSAGES = [
    "I start a new job on Monday. What should I bring?",
    "My neighbour has moved away. Write him a short note.",
    "Tell me about a walk in the park.",
    "What do you think of the weather today?",
    "My sister is coming to visit for a week. What can we do?",
    "Describe an evening at home.",
    "I have finished my exams. What now?",
    "Write two sentences about a train journey.",
    "We are painting the kitchen. Which colour would you take?",
    "Tell me how your morning was.",
    "My son learns to play the piano. Say something to him.",
    "Describe a market on a Saturday.",
    "I found an old photograph of our house. What would you do with it?",
    "Write a short letter to a friend.",
    "What is it like to live by the sea?",
    "The concert is tonight. Tell me about it.",
]
GLAD = re.compile(
    r"\b(happy|happi\w+|joy\w*|glad\w*|delight\w*|wonderful\w*|excit\w+|cheer\w*|smil\w+|laugh\w*|love\w*|fun)\b", re.I
)


@scorer(metrics=[accuracy(), stderr()])
def glad_word():
    """1 where the answer has a word of gladness, else 0."""

    async def score(state, target):
        found = GLAD.findall(state.output.completion)
        return Score(value=1 if found else 0, explanation=", ".join(found))

    return score


@task
def letters():
    """16 messages, answered four times each in at most 40 tokens."""
    samples = [Sample(id=number, input=message) for number, message in enumerate(MESSAGES, start=1)]
    return Task(
        dataset=samples, solver=generate(), scorer=glad_word(), epochs=4, config=GenerateConfig(max_tokens=40, seed=1)
    )
