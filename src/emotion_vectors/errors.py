"""The one exception that a user's mistake raises."""


class UserError(Exception):
    """Bad input or an impossible request: one sentence that says what is wrong and what to do.

    The command line prints the sentence and exits with 2; it never shows a traceback for it.
    """
