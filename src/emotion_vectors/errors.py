"""The one exception that a user's mistake raises, and how another library's error is quoted in it."""


class UserError(Exception):
    """Bad input or an impossible request: one sentence that says what is wrong and what to do.

    The command line prints the sentence and exits with 2; it never shows a traceback for it.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its full stop (or its type's name), to be quoted in a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
