"""The one exception that is meant for the person at the keyboard."""


class StudyError(Exception):
    """Something a person can mend: a configuration key, a file, a frame.

    The message says what is wrong, where (file, key or frame id) and what to do about it,
    in words; it is printed without a traceback.
    """


def first_line(error: Exception) -> str:
    """Return the first line of what another library's exception says, or its kind."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
