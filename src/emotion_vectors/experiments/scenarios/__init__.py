"""Texts that imply an emotion without naming it (V3, V4), held out and one for each emotion."""
