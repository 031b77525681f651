"""The experiments in the order of the page. A new one is added here and measured in `stages.analysis`."""

from __future__ import annotations

from emotion_vectors.experiments.lens.report import TOPIC as LENS
from emotion_vectors.experiments.steering.report import TOPIC as STEERING
from emotion_vectors.report.about import about
from emotion_vectors.report.legacy import BASELINES, CORRELATION, NUMERIC, PREFERENCES, SCENARIOS, WORDS

EXPERIMENTS = (LENS, SCENARIOS, NUMERIC, PREFERENCES, CORRELATION, STEERING, WORDS, BASELINES)
TOPICS = (about(EXPERIMENTS), *EXPERIMENTS)
