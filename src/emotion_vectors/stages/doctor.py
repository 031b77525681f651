"""The self-checks of a run: those of the instrument before anything is written, those of the vectors once they are made."""

from __future__ import annotations

import time

from emotion_vectors.doctor import (
    Check,
    check_controls,
    check_reliability,
    check_vectors,
    demand,
    examine,
    stopping,
)
from emotion_vectors.lab import Lab
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.reliability import Reliability

FILE = "doctor.json"


def check_instrument(lab: Lab) -> None:
    """Examine model and pack once; a failed check that stops a run is a `UserError` unless the run allows it.

    The file with all results is written in any case. The stage is only done when the run may go on, so that a run that
    was stopped is examined again.
    """
    allowed = lab.runtime.allow_failed_checks
    if lab.run.done("doctor") and (allowed or not stopping(_recorded(lab))):
        return
    begun = time.perf_counter()
    checks = examine(lab.lm, lab.pack, lab.layer, lab.reporter)
    atomic.write_json(lab.run / FILE, {check.name: check.record() for check in checks})
    for check in checks:
        if not check.passed:
            lab.reporter.say(_said(check))
    demand(checks, allowed)
    lab.run.finish("doctor", [FILE], time.perf_counter() - begun, len(checks), "checks")


def check_directions(lab: Lab, vectors: EmotionVectors) -> None:
    """Look at the vectors of the run; a failed check is a `UserError` unless the run allows it, a low reliability is said."""
    reliability = check_reliability(vectors.reliability)
    if not reliability.passed:
        lab.reporter.say(_said(reliability))
    demand(check_vectors(vectors, own=lab.theirs is None), lab.runtime.allow_failed_checks)


def all_checks(lab: Lab, vectors: EmotionVectors, reliability: Reliability | None) -> dict[str, JsonObject]:
    """The record's `doctor` part: every check of the instrument, of the vectors and of their controls, by name."""
    controls = check_controls(lab.lm, vectors)
    if not controls.passed:
        lab.reporter.say(_said(controls))
    made = check_vectors(vectors, own=lab.theirs is None)
    checks = (*_recorded(lab), *made, check_reliability(reliability), controls)
    return {check.name: check.record() for check in checks}


def _said(check: Check) -> str:
    return f"Self-check {check.name} {'failed' if check.kind == 'stop' else 'warns'}: {check.detail}"


def _recorded(lab: Lab) -> list[Check]:
    return [Check(name, **fields) for name, fields in atomic.read_json(lab.run / FILE).items()]
