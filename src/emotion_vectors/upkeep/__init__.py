"""Looking after runs: what one would take, how far one is, and what of a finished one can go."""

from emotion_vectors.upkeep.cleaning import clean_run
from emotion_vectors.upkeep.planning import plan_run
from emotion_vectors.upkeep.status import run_status

__all__ = ["clean_run", "plan_run", "run_status"]
