"""`emotion-vectors`, and the same as `python -m emotion_vectors`."""

import signal

from emotion_vectors import startup


def main() -> None:
    """Entry point of the command."""
    # Until the command has taken the signals, Ctrl-C is the end of the process: Python would show a traceback of what it was loading.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    startup.begin()
    from emotion_vectors.cli import main as command

    command()


if __name__ == "__main__":
    main()
