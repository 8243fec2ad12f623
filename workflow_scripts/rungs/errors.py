"""The one exception that is meant for the person at the keyboard."""


class StudyError(Exception):
    """Something a person can mend: a configuration key, a file, a frame.

    The message says what is wrong, where (file, key or frame id) and what to do about it,
    in words; it is printed without a traceback.
    """
