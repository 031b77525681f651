"""Tasks of Inspect."""

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

QUESTIONS = ["The sea was calm.", "Go home and tell them about the letter.", "Why?"]


GREEDY = {"temperature": 0.0, "max_tokens": 6}


def model(folder, name="toy", **arguments):
    return get_model(f"emotion-vectors/{name}", vectors=str(folder), device="cpu", memoize=False, **arguments)


def run(folder, tmp_path, *, solver=None, epochs=1, questions=QUESTIONS, settings=GREEDY, **arguments):
    samples = [Sample(input=question, target="e", id=f"q{n}") for n, question in enumerate(questions)]
    task = Task(dataset=samples, solver=solver or generate(), scorer=includes(), epochs=epochs)
    [log] = eval(task, model=model(folder, **arguments), log_dir=str(tmp_path), display="none", **settings)
    return log
