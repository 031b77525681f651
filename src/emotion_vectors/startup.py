"""The garbage collector while a command starts.

Loading torch and transformers makes a million objects that stay. Python looks through them again and again while they are made, and once
more at the end: a third of the time of a short command. As a library the package leaves the collector alone.
"""

from __future__ import annotations

import atexit
import gc

_usual: list[tuple[int, int, int]] = []  # the limits that Python had, while others are set


def begin() -> None:
    """Collect seldom from now on, until `loaded`, and never at the end of the process."""
    _usual[:] = [gc.get_threshold()]
    gc.set_threshold(100_000, 20, 100)
    atexit.register(gc.freeze)


def loaded() -> None:
    """All that a command needs is loaded: it is not looked through any more, and the rest is collected as usual.

    Called where a model is loaded, since a model's passes leave large things behind. Nothing happens without a `begin` before it.
    """
    while _usual:
        gc.freeze()
        gc.set_threshold(*_usual.pop())
