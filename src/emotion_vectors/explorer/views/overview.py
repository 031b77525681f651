"""What run this is, in one line under the chooser, and what it lacks."""

from __future__ import annotations

from emotion_vectors.explorer.markup import notice, text
from emotion_vectors.explorer.runs import Run

TITLE = '<h1 class="ev-title">Emotion vectors</h1>'


def overview(run: Run) -> str:
    """Model, emotions, analysis layer and texts of a run; then a notice for everything that is missing."""
    facts: list[str] = []
    if run.record is not None:
        model, corpus, vectors, verdicts = run.record.model, run.record.corpus, run.record.vectors, run.record.tally()
        facts = [
            f"model <b>{text(model.name)}</b>",
            f"<b>{len(run.vectors.emotions) if run.vectors else 0}</b> emotions",
            *([f"layer <b>{vectors.layer}</b> of {model.layers}"] if vectors else []),
            *([f"<b>{corpus.kept:,}</b> stories"] if corpus and corpus.kept is not None else []),
            f"<b>{verdicts.get('pass', 0)}</b> pass, {verdicts.get('fail', 0)} fail, {verdicts.get('inconclusive', 0)} inconclusive"
            + (f", {verdicts['not asked']} not asked" if verdicts.get("not asked") else ""),
        ]
    elif run.vectors is not None:
        facts = [
            f"model <b>{text(run.model)}</b>",
            f"<b>{len(run.vectors)}</b> {'emotions' if run.vectors.concept == 'emotion' else f'vectors ({text(run.vectors.concept)})'}",
            f"layer <b>{run.vectors.layer}</b> of {len(run.vectors.raw)}",
        ]
    if run.record is None and run.stages:
        facts.append(f"finished so far: {text(', '.join(run.stages))}")
    line = f'<p class="ev-facts">{" · ".join(facts)}</p>' if facts else ""
    said = run.vectors.caution() if run.vectors else ""
    warned = notice("warning", said) if said else ""
    return TITLE + line + warned + "".join(notice("warning", problem) for problem in run.problems)
