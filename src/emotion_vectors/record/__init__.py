"""The record of a run (`results.json`) as frozen models: every field with its meaning, every range a type.

`parse` makes a `Record` of the JSON, `Record.dump` gives the same bytes back. The parts of the experiments are declared beside
their measurements; `parse` is told which there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from emotion_vectors.errors import UserError
from emotion_vectors.record.base import ExperimentPart, Part
from emotion_vectors.record.criterion import Criterion
from emotion_vectors.record.run import Check, Corpus, Model, Stimuli, Timing, Vectors
from emotion_vectors.store.schema import check_schema

P = TypeVar("P", bound=ExperimentPart)


class ContradictoryRecord(UserError, ValueError):
    """The record says what can't be true; the message names it in one sentence."""


class Record(Part):
    """Everything that a run found."""

    schema_: int = Field(alias="schema", description="version of this form")
    version: str = Field(default="", description="version of the package")
    command: str = Field(default="", description="the command line")
    created: str = Field(default="", description="UTC time")
    model: Model = Field(description="the model")
    settings: dict[str, Any] = Field(default={}, description="every setting, `auto` resolved")
    fingerprint: str = Field(default="", description="SHA-256 of the settings, the weights, the stimuli and the writer")
    stimuli: Stimuli | None = Field(default=None, description="the pack")
    corpus: Corpus | None = Field(default=None, description="stories and neutral texts")
    vectors: Vectors | None = Field(default=None, description="the vectors")
    criteria: dict[str, Criterion] = Field(description="by id, in order")
    verdicts: dict[str, int] = Field(default={}, description="criteria by verdict")
    experiments: dict[str, Any] = Field(default={}, description="what the figures and tables show")
    doctor: dict[str, Check] = Field(default={}, description="self-checks by name")
    failed_checks_allowed: bool = Field(
        default=False, description="whether the run was told to continue with failed checks"
    )
    timings: dict[str, Timing] = Field(default={}, description="by stage")

    def part(self, kind: type[P]) -> P | None:
        """What the experiment of `kind` found, or None where this run has no such part."""
        found = self.experiments.get(kind.key)
        return found if isinstance(found, kind) else None

    def tally(self) -> dict[str, int]:
        """Criteria by verdict, counted where an older record does not say it."""
        return self.verdicts or dict(Counter(criterion.verdict for criterion in self.criteria.values()))

    def lists(self) -> dict[str, str]:
        """Hash of each list of stimuli; empty where the record does not say."""
        return self.stimuli.sha256 if self.stimuli else {}

    def setting(self, name: str) -> Any:
        """A setting, or None where the version that ran had none of that name."""
        return self.settings.get(name)


def parse(raw: Mapping[str, Any], parts: Mapping[str, type[ExperimentPart]]) -> Record:
    """The record of the JSON `raw`; `parts` are the parts of the experiments by key.

    Raises `UserError` for a record of another form and `ContradictoryRecord`, in one sentence that names the place, for a
    missing, unknown or impossible value.
    """
    check_schema(raw.get("schema"), "The record")
    given = raw.get("experiments") or {}
    if not isinstance(given, Mapping):
        raise ContradictoryRecord("The record's experiments can't be right: they have no names.")
    try:
        experiments = {
            key: parts[key].model_validate(found) if key in parts and found is not None else found
            for key, found in given.items()
        }
    except ValidationError as error:
        raise ContradictoryRecord(said(error, f"experiments.{_key_of(error, parts)}")) from error
    try:
        return Record.model_validate({**raw, "experiments": experiments})
    except ValidationError as error:
        raise ContradictoryRecord(said(error)) from error


def said(error: ValidationError, where: str = "") -> str:
    """The first fault of a record as a sentence."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in ([where] if where else []) + [s for s in first["loc"] if _is_step(s)])
    what = first["msg"].removeprefix("Value error, ")
    given = repr(first["input"])
    seen = f", but it is {given}" if what.startswith("Input") and len(given) < 60 else ""
    return f"The record's {place or 'content'} can't be right: {what[:1].lower()}{what[1:]}{seen}."


def _is_step(step: int | str) -> bool:
    # Pydantic names the branch of a union too ("int", "float", "function-after[...]"), which is not a place in the record.
    return isinstance(step, int) or not ("[" in step or step in ("int", "float", "str"))


def _key_of(error: ValidationError, parts: Mapping[str, type[ExperimentPart]]) -> str:
    return next((key for key, kind in parts.items() if kind.__name__ == error.title), error.title)
