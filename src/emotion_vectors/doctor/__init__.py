"""Self-checks of the instrument: does what is read, added and scored mean what the experiments take it to mean?

`examine` runs them on a loaded model and a pack; `check_vectors` looks at the directions of a run, `check_reliability`
at how far they agree with themselves, `check_controls` at what a random one does beside them. Each compares a production function with a plain reference (the model's own forward, one prompt at a time) or with an answer known
beforehand. docs/doctor.md says what each is, its limit and why, and what to do when it fails.
"""

from emotion_vectors.doctor.check import Check, demand, stopping
from emotion_vectors.doctor.controls import check_controls
from emotion_vectors.doctor.directions import check_vectors
from emotion_vectors.doctor.examination import examine
from emotion_vectors.doctor.reliability import check_reliability

__all__ = ["Check", "check_controls", "check_reliability", "check_vectors", "demand", "examine", "stopping"]
