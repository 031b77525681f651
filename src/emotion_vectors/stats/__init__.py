"""Statistics: scores, correlations, intervals, nulls, the steering effect and the verdict. Arrays in, arrays out.

Nothing here reads a file, knows a model or prints. Every random choice takes a seed.
"""
