"""The stages of a run: each reads what earlier ones left in the run folder and leaves its own files there."""
