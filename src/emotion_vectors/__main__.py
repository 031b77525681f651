"""`python -m emotion_vectors` is the command `emotion-vectors`."""

from emotion_vectors.cli import main

main()
