"""Two studies' files side by side; :mod:`rungs.compare` is the command."""
