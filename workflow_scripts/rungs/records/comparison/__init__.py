"""Two studies' files side by side; the command is ``rungs compare``."""
