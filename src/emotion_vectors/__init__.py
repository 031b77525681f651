"""Emotion vectors of open-weight language models: read them, check them, steer with them.

>>> from emotion_vectors import EmotionVectors, load_model, run_experiment, preset
"""

__version__ = "0.1.0"
