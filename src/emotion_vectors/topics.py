"""The experiments in the order of the page. A new one is added here: an import and its place."""

from __future__ import annotations

from emotion_vectors.experiments.baselines.report import TOPIC as BASELINES
from emotion_vectors.experiments.clusters.report import TOPIC as CLUSTERS
from emotion_vectors.experiments.correlation.report import TOPIC as CORRELATION
from emotion_vectors.experiments.geometry.report import TOPIC as GEOMETRY
from emotion_vectors.experiments.lens.report import TOPIC as LENS
from emotion_vectors.experiments.numeric.report import TOPIC as NUMERIC
from emotion_vectors.experiments.preferences.report import TOPIC as PREFERENCES
from emotion_vectors.experiments.response_position.report import TOPIC as RESPONSE_POSITION
from emotion_vectors.experiments.scenarios.report import TOPIC as SCENARIOS
from emotion_vectors.experiments.speakers.report import TOPIC as SPEAKERS
from emotion_vectors.experiments.specificity.report import TOPIC as SPECIFICITY
from emotion_vectors.experiments.steered_words.report import TOPIC as WORDS
from emotion_vectors.experiments.steering.report import TOPIC as STEERING
from emotion_vectors.experiments.texts import TOPIC as TEXTS
from emotion_vectors.experiments.words_out.report import TOPIC as WORDS_OUT
from emotion_vectors.report.about import about

EXPERIMENTS = (LENS, SCENARIOS, NUMERIC, PREFERENCES, CORRELATION, STEERING, SPECIFICITY, WORDS, BASELINES, WORDS_OUT, RESPONSE_POSITION, SPEAKERS, GEOMETRY, CLUSTERS, TEXTS)  # fmt: skip
TOPICS = (about(EXPERIMENTS), *EXPERIMENTS)
